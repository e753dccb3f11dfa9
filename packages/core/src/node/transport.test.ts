import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { wasNeverSent } from '../adapter/index.ts'
import type { Transport } from '../contracts.ts'
import { nodeTransport, type NodeTransportOptions } from './index.ts'
import { closedPort, httpServer, socketServer, untrustedServer } from '../../test/servers.ts'

function transport(options?: NodeTransportOptions): Transport {
  const made = nodeTransport(options)
  onTestFinished(() => made.close())
  return made
}
const api = (options?: NodeTransportOptions) => transport(options).api('vendor')

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: Error) => error,
  )
}

test('undici arrives with the first call, not with the import', () => {
  const program = `
    const loaded = () => process.moduleLoadList.length >= 0 && Object.keys(require.cache).some(name => /[/]undici[/]/.test(name))
    const { createRequire } = await import('node:module')
    const require = createRequire(import.meta.url)
    const { nodeTransport } = await import('@safelight/core/node')
    const transport = nodeTransport()
    const fetch = transport.api('x')
    const before = loaded()
    await fetch('http://127.0.0.1:1/').catch(() => undefined)
    console.log(JSON.stringify([before, loaded()]))`
  const args = ['--conditions=@safelight/source', '--input-type=module', '--eval', program]
  const cwd = new URL('../..', import.meta.url).pathname
  expect(execFileSync(process.execPath, args, { encoding: 'utf8', cwd }).trim()).toBe('[false,true]')
})

const BODIES: readonly (readonly [string, () => BodyInit, string, string | undefined])[] = [
  ['text', () => '{"a":1}', '{"a":1}', 'text/plain;charset=UTF-8'],
  ['bytes', () => new TextEncoder().encode('bytes'), 'bytes', undefined],
  ['a part of a buffer', () => new TextEncoder().encode('xbytes').subarray(1), 'bytes', undefined],
  ['a blob', () => new Blob(['blob'], { type: 'image/png' }), 'blob', 'image/png'],
  ['parameters', () => new URLSearchParams({ a: '1' }), 'a=1', 'application/x-www-form-urlencoded;charset=UTF-8'],
  ['a stream', () => new Blob(['streamed']).stream(), 'streamed', undefined],
]

test.each(BODIES)('sends %s', async (_, body, text, type) => {
  const { origin } = await httpServer(async (request, response) => {
    const chunks = await request.toArray()
    response.end(JSON.stringify([request.method, request.headers['content-type'], Buffer.concat(chunks).toString()]))
  })
  const response = await api()(`${origin}/x`, { method: 'post', body: body(), duplex: 'half' } as RequestInit)
  expect(await response.json()).toEqual(['POST', type ?? null, text])
})

test('sends a form with its length, and takes a Request as well', async () => {
  const { origin } = await httpServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    response.end(JSON.stringify({ headers: request.headers, body }))
  })
  const form = new FormData()
  form.append('image', new Blob(['png'], { type: 'image/png' }), 'a.png')
  const fetch = api()
  const sent = (await (await fetch(`${origin}/`, { method: 'POST', body: form })).json()) as {
    headers: Record<string, string>
    body: string
  }
  expect(sent.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
  expect(Number(sent.headers['content-length'])).toBe(sent.body.length)
  expect(sent.body).toContain('filename="a.png"')

  const request = new Request(`${origin}/`, { method: 'PUT', headers: { 'x-key': 'k' }, body: 'hello' })
  expect(await (await fetch(request)).json()).toMatchObject({ headers: { 'x-key': 'k' }, body: 'hello' })
})

test('an answer is a Response: status, headers that come several times, and a body that is read as it comes', async () => {
  const { origin } = await httpServer((_, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.statusCode = 418
    response.write('first ')
    response.end('last')
  })
  const response = await api()(`${origin}/`)
  expect(response).toBeInstanceOf(Response)
  expect(response.status).toBe(418)
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  expect(await response.text()).toBe('first last')
})

test.each([204, 304])('%i has no body', async status => {
  const { origin } = await httpServer((_, response) => response.writeHead(status).end())
  expect((await api()(`${origin}/`)).body).toBeNull()
})

test('news that are pushed arrive one by one, while the line stays open', async () => {
  let push: ((text: string) => void) | undefined
  const { origin } = await httpServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    push = text => response.write(text)
    push('one')
  })
  const reader = (await api()(`${origin}/`)).body!.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('one')
  push!('two')
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('two')
  await reader.cancel()
})

test('lines that are held for news keep no other request waiting', async () => {
  const held = Promise.withResolvers<void>()
  const { origin } = await httpServer((request, response) => {
    if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      held.resolve()
    } else response.end('{}')
  })
  const fetch = api({ connections: 1, heldConnections: 1, connectSeconds: 0.2 })
  const line = await fetch(`${origin}/stream`, { headers: { accept: 'text/event-stream' } })
  await held.promise
  expect(await (await fetch(`${origin}/`)).text()).toBe('{}')
  const second = await failureOf(fetch(`${origin}/stream`, { headers: { accept: 'text/event-stream' } }))
  expect(wasNeverSent(second)).toBe(true)
  await line.body?.cancel()
})

test('each provider has connections of its own, and keeps them', async () => {
  const ports = new Set<number>()
  const { origin } = await httpServer((request, response) => {
    ports.add(request.socket.remotePort!)
    response.end('{}')
  })
  const both = transport()
  for (const provider of ['a', 'b', 'a', 'b']) await (await both.api(provider)(`${origin}/`)).text()
  expect(ports.size).toBe(2)
})

test.each([
  ['refused', async () => `http://127.0.0.1:${await closedPort()}/`],
  ['no such name', async () => 'https://no-such-host.invalid/'],
  ['no TLS at the other end', async () => `https://127.0.0.1:${(await httpServer(() => undefined)).port}/`],
  ['a certificate that nobody trusts', async () => `${(await untrustedServer()).origin}/`],
  [
    'closed in the middle of the handshake',
    async () => `https://127.0.0.1:${(await socketServer(socket => socket.destroy())).port}/`,
  ],
])('never sent: %s', { timeout: 20_000 }, async (_, address) => {
  const error = await failureOf(api({ connectSeconds: 1 })(await address(), { method: 'POST', body: '{}' }))
  expect(wasNeverSent(error)).toBe(true)
})

test('the platform’s own fetch is read in the same way', async () => {
  const { origin } = await untrustedServer()
  const plain = await httpServer(() => undefined)
  for (const url of [
    `http://127.0.0.1:${await closedPort()}/`,
    'https://no-such-host.invalid/',
    origin,
    `https://127.0.0.1:${plain.port}/`,
  ]) {
    expect(wasNeverSent(await failureOf(fetch(url, { method: 'POST', body: '{}' }))), url).toBe(true)
  }
})

test('never sent: no connection was free in time', async () => {
  const { origin, requests } = await httpServer(() => undefined)
  const fetch = api({ connections: 1, connectSeconds: 0.1 })
  const abort = new AbortController()
  const first = failureOf(fetch(`${origin}/first`, { signal: abort.signal }))
  const error = await failureOf(fetch(`${origin}/second`, { method: 'POST', body: '{}' }))
  expect(wasNeverSent(error)).toBe(true)
  abort.abort()
  await first
  expect(requests).toEqual(['GET /first'])
})

test.each([
  ['before a byte of the answer', (socket: { destroy(): void }) => socket.destroy()],
  ['by a reset', (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
  ['after half a head', (socket: { end(text: string): void }) => socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
  ['with an answer that is none', (socket: { end(text: string): void }) => socket.end('<html>\r\n\r\n')],
  [
    'with a status that is none',
    (socket: { end(text: string): void }) => socket.end('HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n'),
  ],
])('sent, and the answer lost: closed %s', async (_, answer) => {
  let bodies = 0
  const { origin, connections } = await socketServer((socket, text) => {
    bodies += text.split('"paid"').length - 1
    if (text.includes('"paid"')) answer(socket)
  })
  const error = await failureOf(api()(`${origin}/`, { method: 'POST', body: '{"job":"paid"}' }))
  expect(wasNeverSent(error)).toBe(false)
  expect(bodies).toBe(1)
  expect(connections()).toBe(1)
})

test('sent, and cut while the body was read', async () => {
  const { origin } = await socketServer(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half":'))
  const response = await api()(`${origin}/`, { method: 'POST', body: '{}' })
  expect(wasNeverSent(await failureOf(response.text()))).toBe(false)
})

test('a connection that was kept and closes under a request: nobody knows, and it is not sent again', async () => {
  let sent = 0
  const { origin, connections } = await socketServer((socket, text) => {
    if (!text.includes('{}')) return
    if (++sent > 1) socket.destroy()
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
  })
  const fetch = api({ connections: 1 })
  expect(await (await fetch(`${origin}/`, { method: 'POST', body: '{}' })).text()).toBe('{}')
  const error = await failureOf(fetch(`${origin}/`, { method: 'POST', body: '{}' }))
  expect([wasNeverSent(error), sent, connections()]).toEqual([false, 2, 1])
})

test('a kept connection that has closed meanwhile is not used', async () => {
  const { origin, connections } = await socketServer((socket, text) => {
    if (text.includes('{}')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
  })
  const fetch = api()
  for (let turn = 1; turn <= 20; turn++) {
    expect((await fetch(`${origin}/`, { method: 'POST', body: '{}' })).status).toBe(200)
  }
  expect(connections()).toBe(20)
})

test.each([
  ['while it waits for a connection', 1, 'nothing'],
  ['while nothing comes', 256, 'nothing'],
  ['in the middle of the body', 256, 'half'],
] as const)('abort %s rejects within 20 ms, with its reason', async (_, connections, mode) => {
  const arrived = Promise.withResolvers<void>()
  const { origin, requests } = await httpServer((_request, response) => {
    if (mode === 'half') response.writeHead(200, { 'content-length': '100' }).write('half')
    arrived.resolve()
  })
  const fetch = api({ connections })
  const other = new AbortController()
  const blocking = connections === 1 ? failureOf(fetch(`${origin}/`, { signal: other.signal })) : null
  if (blocking) await arrived.promise
  const abort = new AbortController()
  const call = fetch(`${origin}/`, { signal: abort.signal })
  const waiting = failureOf(mode === 'half' ? call.then(response => response.text()) : call)
  await (mode === 'half' ? call : arrived.promise)
  const begun = performance.now()
  abort.abort(new Error('enough'))
  expect((await waiting).message).toBe('enough')
  expect(performance.now() - begun).toBeLessThan(20)
  expect(requests).toHaveLength(1)
  other.abort()
  await blocking
})

test('a request that is aborted before it begins reaches nobody', async () => {
  const { origin, requests } = await httpServer((_, response) => response.end())
  expect((await failureOf(api()(`${origin}/`, { signal: AbortSignal.abort(new Error('no')) }))).message).toBe('no')
  expect(requests).toEqual([])
})

test('an aborted request gives its connection up', async () => {
  const closed = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const { origin } = await httpServer(request => {
    request.socket.once('close', () => closed.resolve())
    arrived.resolve()
  })
  const abort = new AbortController()
  const call = failureOf(api()(`${origin}/`, { signal: abort.signal }))
  await arrived.promise
  abort.abort()
  await call
  await closed.promise
})

test.each([
  ['that says its size', { 'content-length': '5000000' }],
  ['that does not', {}],
])('an API’s answer %s is cut off at the limit', async (_, headers) => {
  const { origin } = await httpServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers })
    const more = () => !response.destroyed && response.write('x'.repeat(65_536), more)
    more()
  })
  const fetch = api({ maxResponseSize: 1_000_000 })
  const error = await failureOf(fetch(`${origin}/`).then(response => response.text()))
  expect(error).toMatchObject({ code: 'ERR_ANSWER_TOO_LARGE' })
})

test('packed answers are unpacked within the limit', async () => {
  const { origin } = await httpServer((request, response) => {
    const text = request.url === '/bomb' ? Buffer.alloc(50_000_000) : Buffer.from('{"ok":true}')
    response.writeHead(200, { 'content-encoding': request.url === '/odd' ? 'zstd' : 'gzip' })
    response.end(gzipSync(text))
  })
  const fetch = api({ maxResponseSize: 1_000_000 })
  expect(await (await fetch(`${origin}/`)).json()).toEqual({ ok: true })
  expect((await failureOf(fetch(`${origin}/bomb`).then(response => response.text()))).message).toContain('unpacked')
  await failureOf(fetch(`${origin}/odd`).then(response => response.text()))
})

test('silence ends: no headers, or no more body', async () => {
  const { origin } = await httpServer((request, response) => {
    if (request.url === '/body') response.writeHead(200, { 'content-length': '9' }).write('x')
  })
  const fetch = api({ headersSeconds: 0.2, bodySeconds: 0.2 })
  const head = await failureOf(fetch(`${origin}/head`, { method: 'POST', body: '{}' }))
  expect([wasNeverSent(head), (head as { code?: string }).code]).toEqual([false, 'UND_ERR_HEADERS_TIMEOUT'])
  const body = await failureOf(fetch(`${origin}/body`).then(response => response.text()))
  expect(body).toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' })
})

test('a key follows no redirect: not elsewhere, and a POST nowhere', async () => {
  const canary = await httpServer((_, response) => response.end('leaked'))
  const { origin, requests } = await httpServer((request, response) => {
    if (request.url === '/done') response.end(String(request.headers['x-key']))
    else response.writeHead(307, { location: request.url === '/here' ? '/done' : canary.origin }).end()
  })
  const fetch = api()
  const headers = { 'x-key': 'secret', authorization: 'Key secret' }
  expect((await fetch(`${origin}/away`, { headers, redirect: 'manual' })).status).toBe(307)
  expect((await fetch(`${origin}/away`, { method: 'POST', body: '{}', headers })).status).toBe(307)
  await failureOf(fetch(`${origin}/away`, { headers, redirect: 'error' }))
  // The default follows: on the same origin with the key, elsewhere only through the guard.
  expect(await (await fetch(`${origin}/here`, { headers })).text()).toBe('secret')
  expect(await failureOf(fetch(`${origin}/away`, { headers }))).toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
  expect(canary.requests).toEqual([])
  expect(requests).toHaveLength(6)
})

test('a redirect to an address that may be reached goes without the key', async () => {
  const cdn = await httpServer((request, response) => response.end(JSON.stringify(request.headers)))
  const { origin } = await httpServer((_, response) =>
    response.writeHead(302, { location: `${cdn.origin}/file` }).end(),
  )
  const fetch = api({ allowedOrigins: [cdn.origin] })
  const text = await (
    await fetch(`${origin}/`, { headers: { 'x-key': 'secret', authorization: 'secret', cookie: 'secret' } })
  ).text()
  expect(text).not.toContain('secret')
})

test('a closed transport reaches nobody', async () => {
  const { origin, requests } = await httpServer((_, response) => response.end())
  const closed = nodeTransport()
  await closed.close()
  await failureOf(closed.api('x')(`${origin}/`))
  await failureOf(closed.outputs('https://example.com/'))
  expect(requests).toEqual([])
  const open = nodeTransport()
  const arrived = Promise.withResolvers<void>()
  const server = await httpServer(() => arrived.resolve())
  const pending = failureOf(open.api('x')(`${server.origin}/`))
  await arrived.promise
  await open.close()
  await pending
})
