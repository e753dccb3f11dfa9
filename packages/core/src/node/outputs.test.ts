import { buildConnector } from 'undici'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { guardedConnector, type Resolve } from './guard.ts'
import { nodeTransport, type NodeTransportOptions } from './index.ts'
import { httpServer, socketServer } from '../../test/servers.ts'

function outputs(options?: NodeTransportOptions): typeof globalThis.fetch {
  const transport = nodeTransport(options)
  onTestFinished(() => transport.close())
  return transport.outputs
}
async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'it did not fail',
    (error: Error) =>
      (error as { code?: string }).code ?? (error.cause as { code?: string } | undefined)?.code ?? error.message,
  )
}

function connecting(connect: buildConnector.connector, target: buildConnector.Options): Promise<Error | null> {
  return new Promise(resolve => connect(target, (...[error]) => resolve(error)))
}

/** Ways to write addresses that are not public: 48 of them. */
const PRIVATE = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '017700000001',
  '0x7f.0.0x0.01',
  '127.255.255.254',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '10.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.168.257',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '100.64.0.1',
  '192.0.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '１２７.０.０.１',
  '①②⑦.0.0.1',
  '127.0.0.1.',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b:1::1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[fe80::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[100::1]',
] as const

test.each(PRIVATE)('refuses https://%s', async address => {
  expect(await codeOf(outputs()(`https://${address}/x`))).toBe('ERR_ADDRESS_REFUSED')
})

test.each(PRIVATE)('a connection to %s is refused although nobody looked at the URL', async address => {
  const canary = await socketServer(() => undefined)
  const connect = guardedConnector(buildConnector, { allowed: new Set(), timeoutSeconds: 1 })
  const { hostname } = new URL(`http://${address}/`)
  const bare = hostname.replace(/^\[|\]$/g, '')
  const target = { protocol: 'http:', hostname: bare, host: `${hostname}:${canary.port}`, port: String(canary.port) }
  const error = await connecting(connect, target)
  expect(error).toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
  expect(canary.connections()).toBe(0)
})

test.each([
  ['one private address', [['127.0.0.1']]],
  ['a public and a private one', [['93.184.215.14', '127.0.0.1']]],
  ['IPv6 loopback', [['::1']]],
  ['mapped loopback', [['::ffff:127.0.0.1']]],
  ['metadata', [['169.254.169.254']]],
  ['nothing', [[]]],
  ['no address', [['not an address']]],
] as const)('a name that resolves to %s is refused', async (_, [answer]) => {
  const canary = await socketServer(() => undefined)
  const resolve: Resolve = async () => answer.map(address => ({ address, family: 4 }))
  const connect = guardedConnector(buildConnector, { allowed: new Set(), timeoutSeconds: 1, resolve })
  const target = { protocol: 'http:', hostname: 'cdn.test', host: `cdn.test:${canary.port}`, port: String(canary.port) }
  expect(await connecting(connect, target)).toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
  expect(canary.connections()).toBe(0)
  expect(await codeOf(outputs({ resolve })('https://cdn.test/'))).toBe('ERR_ADDRESS_REFUSED')
})

test('a name is resolved once a connection: a second answer that is private has nobody to mislead', async () => {
  let lookups = 0
  const canary = await socketServer(() => undefined)
  const resolve: Resolve = async () => [{ address: ++lookups === 1 ? '192.0.2.1' : '127.0.0.1', family: 4 }]
  const publicFirst: Resolve = async () => [{ address: ++lookups === 1 ? '93.184.215.14' : '127.0.0.1', family: 4 }]
  for (const rebinding of [resolve, publicFirst]) {
    lookups = 0
    const connect = guardedConnector(buildConnector, { allowed: new Set(), timeoutSeconds: 0.2, resolve: rebinding })
    const target = {
      protocol: 'http:',
      hostname: 'rebind.test',
      host: `rebind.test:${canary.port}`,
      port: String(canary.port),
    }
    for (let turn = 1; turn <= 3; turn++) {
      expect(await connecting(connect, target)).toBeInstanceOf(Error)
    }
    expect(lookups).toBe(3)
  }
  expect(canary.connections()).toBe(0)
})

test('a connection that ended at a private address is closed before a byte is sent', async () => {
  const closed = Promise.withResolvers<void>()
  let heard = ''
  const canary = await socketServer((_, text) => void (heard += text))
  const misled: typeof buildConnector = () => (target, callback) =>
    buildConnector({ timeout: 1000 })({ ...target, hostname: '127.0.0.1' }, (...[error, socket]) => {
      socket?.once('close', () => closed.resolve())
      if (error) callback(error, null)
      else callback(null, socket)
    })
  const connect = guardedConnector(misled, { allowed: new Set(), timeoutSeconds: 1 })
  const target = { protocol: 'http:', hostname: 'cdn.test', host: `cdn.test:${canary.port}`, port: String(canary.port) }
  expect(await connecting(connect, target)).toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
  await closed.promise
  expect(heard).toBe('')
})

test.each([
  'http://example.com/x.png',
  'https://example.com:8443/x.png',
  'https://user:password@example.com/x.png',
  'https://user@example.com/x.png',
  'http://localhost/x.png',
  'https://localhost/x.png',
])('refuses %s', async url => {
  expect(await codeOf(outputs({ connectSeconds: 1 })(url))).toBe('ERR_ADDRESS_REFUSED')
})

test.each(['file:///etc/passwd', 'data:image/png;base64,AA==', 'ftp://example.com/', 'javascript:1', 'nonsense'])(
  'refuses %s, which is no web address',
  async url => {
    await expect(outputs()(url)).rejects.toThrow(TypeError)
  },
)

test('an origin that the operator named is reached, its neighbours are not', async () => {
  const canary = await httpServer((_, response) => response.end('canary'))
  const { origin, port } = await httpServer((_, response) => response.end('file'))
  const fetch = outputs({ allowedOrigins: [`${origin}/`] })
  expect(await (await fetch(`${origin}/a`)).text()).toBe('file')
  for (const url of [
    canary.origin,
    `http://localhost:${port}/`,
    `https://127.0.0.1:${port}/`,
    `http://x:y@127.0.0.1:${port}/`,
  ]) {
    expect(await codeOf(fetch(url)), url).toBe('ERR_ADDRESS_REFUSED')
  }
  expect(canary.requests).toEqual([])
})

test.each([
  ['private', 'canary'],
  ['private, written as a number', 'number'],
  ['plain HTTP', 'http://example.com/'],
  ['no web address', 'file:///etc/passwd'],
] as const)('a redirect to what is %s ends there', async (_, where) => {
  const canary = await httpServer((_request, response) => response.end('canary'))
  const location = where === 'canary' ? canary.origin : where === 'number' ? `http://2130706433:${canary.port}/` : where
  const { origin } = await httpServer((_request, response) => response.writeHead(302, { location }).end())
  await expect(outputs({ allowedOrigins: [origin] })(`${origin}/`)).rejects.toThrow()
  expect(canary.requests).toEqual([])
})

test('three redirects are followed, a fourth is not; none where the caller says so', async () => {
  const { origin, requests } = await httpServer((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end()
    else response.end('file')
  })
  const fetch = outputs({ allowedOrigins: [origin] })
  expect(await (await fetch(`${origin}/3`)).text()).toBe('file')
  await expect(fetch(`${origin}/4`)).rejects.toThrow('More than 3 redirects')
  expect((await fetch(`${origin}/1`, { redirect: 'manual' })).status).toBe(302)
  expect(requests).toHaveLength(4 + 4 + 1)
})

test('nothing of ours goes along but what a download needs', async () => {
  const { origin } = await httpServer((request, response) => response.end(JSON.stringify(request.headers)))
  const headers = {
    authorization: 'secret',
    cookie: 'secret',
    'x-api-key': 'secret',
    referer: 'secret',
    range: 'bytes=5-',
    'if-range': '"e"',
  }
  const seen = (await (await outputs({ allowedOrigins: [origin] })(`${origin}/`, { headers })).json()) as object
  expect(JSON.stringify(seen)).not.toContain('secret')
  expect(seen).toMatchObject({ range: 'bytes=5-', 'if-range': '"e"', 'accept-encoding': 'identity' })
  await expect(outputs({ allowedOrigins: [origin] })(origin, { method: 'POST', body: 'x' })).rejects.toThrow(TypeError)
})

test('a packed output is refused, whatever it would unfold to', async () => {
  const { origin } = await httpServer((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(200_000_000)))
  })
  await expect(outputs({ allowedOrigins: [origin] })(`${origin}/`)).rejects.toThrow('packed')
})

test('an endless output ends at the limit, and a drip at the caller’s deadline', async () => {
  const { origin } = await httpServer((request, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4' })
    const drip = setInterval(() => response.write('x'), 5)
    response.once('close', () => clearInterval(drip))
    const more = (): boolean => !response.destroyed && response.write('x'.repeat(65_536), more)
    if (request.url === '/endless') more()
  })
  const fetch = outputs({ allowedOrigins: [origin], maxFileBytes: 2_000_000, bodySeconds: 30 })
  expect(await codeOf(fetch(`${origin}/endless`).then(response => response.bytes()))).toMatch(/TOO_LARGE|MAX_SIZE/)
  const begun = performance.now()
  const signal = AbortSignal.timeout(200)
  await expect(fetch(`${origin}/drip`, { signal }).then(response => response.bytes())).rejects.toThrow()
  expect(performance.now() - begun).toBeLessThan(1000)
})
