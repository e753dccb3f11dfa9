import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../test/servers.ts'
import { download } from './download.ts'
import { nodeTransport } from './node/index.ts'

const SIZE = 1_000_000
const FILE = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >> 8)) & 255)
const OTHER = FILE.map(byte => byte ^ 1)

type Answer = (request: IncomingMessage, response: ServerResponse, turn: number) => void

/** Over both: connections of our own, and whatever the platform calls `fetch`. */
const FETCHES = ['node', 'platform'] as const
type Which = (typeof FETCHES)[number]

async function served(which: Which, answer: Answer) {
  const headers: IncomingMessage['headers'][] = []
  const { origin, requests } = await httpServer((request, response) => {
    headers.push(request.headers)
    answer(request, response, headers.length)
  })
  const transport = nodeTransport({ allowedOrigins: [origin] })
  onTestFinished(() => transport.close())
  const get = async (signal = new AbortController().signal, maxBytes = 1e9): Promise<Uint8Array> => {
    const fetch = which === 'node' ? transport.outputs : globalThis.fetch
    return new Response(await download(fetch, { url: `${origin}/f`, signal, maxBytes })).bytes()
  }
  return { get, headers, requests }
}

/** A server that knows ranges, and cuts the line where it is told to. */
function ranged({
  cutAt = [],
  etag = '"v1"',
  ignoresRange = false,
  validators = true,
}: {
  cutAt?: readonly number[]
  etag?: string
  ignoresRange?: boolean
  validators?: boolean
}): Answer {
  return (request, response, turn) => {
    const from = ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const isPart = from > 0
    response.writeHead(isPart ? 206 : 200, {
      'content-length': String(SIZE - from),
      ...(validators ? { etag } : {}),
      ...(isPart ? { 'content-range': `bytes ${from}-${SIZE - 1}/${SIZE}` } : {}),
    })
    const cut = cutAt[turn - 1]
    if (cut === undefined) response.end(FILE.subarray(from))
    else response.write(FILE.subarray(from, cut), () => response.destroy())
  }
}

const both = test.each(FETCHES)
const failing = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: Error) => error,
  )

both('%s: a file comes as it is', async which => {
  const { get, headers } = await served(which, ranged({}))
  expect(await get()).toEqual(FILE)
  expect(headers[0]).toMatchObject({ 'accept-encoding': 'identity' })
  expect(headers[0]).not.toHaveProperty('authorization')
})

both('%s: a file that is cut three times comes whole, each byte asked for once', async which => {
  const { get, headers } = await served(which, ranged({ cutAt: [300_000, 300_001, 700_000] }))
  expect(await get()).toEqual(FILE)
  expect(headers.slice(1).map(({ range }) => range)).toEqual(['bytes=300000-', 'bytes=300001-', 'bytes=700000-'])
  expect(headers.slice(1).every(header => header['if-range'] === '"v1"')).toBe(true)
})

both('%s: a server that ignores ranges sends all of it again, and what was read is skipped', async which => {
  const { get, requests } = await served(which, ranged({ cutAt: [300_000], ignoresRange: true }))
  expect(await get()).toEqual(FILE)
  expect(requests).toHaveLength(2)
})

both('%s: two files are never mixed: another tag, another size, or nothing that tells them apart', async which => {
  const first = ranged({ cutAt: [300_000] })
  const others: Answer[] = [
    (_, response) => response.writeHead(200, { 'content-length': SIZE, etag: '"v2"' }).end(OTHER),
    (_, response) =>
      response
        .writeHead(206, { 'content-range': 'bytes 300000-999999/1000001', etag: '"v1"' })
        .end(OTHER.subarray(300_000)),
    (_, response) =>
      response
        .writeHead(206, { 'content-range': `bytes 300000-999999/${SIZE}`, etag: '"v2"' })
        .end(OTHER.subarray(300_000)),
    (_, response) =>
      response
        .writeHead(206, { 'content-range': `bytes 300001-999999/${SIZE}`, etag: '"v1"' })
        .end(OTHER.subarray(300_001)),
    (_, response) => response.writeHead(206, { etag: '"v1"' }).end(OTHER.subarray(300_000)),
    (_, response) => response.writeHead(200, { 'content-length': SIZE }).end(OTHER),
    (_, response) => response.writeHead(416, { 'content-range': 'bytes */5' }).end(),
  ]
  for (const other of others) {
    const { get, requests } = await served(which, (...exchange) => (exchange[2] === 1 ? first : other)(...exchange))
    expect(await failing(get())).toMatchObject({ again: 'file' })
    expect(requests).toHaveLength(2)
  }
})

both('%s: without a tag the rest is taken where its place and size fit', async which => {
  const { get, headers } = await served(which, ranged({ cutAt: [10], validators: false }))
  expect(await get()).toEqual(FILE)
  expect(headers[1]).not.toHaveProperty('if-range')
})

both('%s: a weak tag is no reason to believe in the same bytes', async which => {
  const { get, headers } = await served(which, ranged({ cutAt: [10], etag: 'W/"v1"' }))
  expect(await get()).toEqual(FILE)
  expect(headers[1]).not.toHaveProperty('if-range')
})

both('%s: a line that is always cut is given up', async which => {
  const { get, requests } = await served(which, ranged({ cutAt: Array.from({ length: 99 }, () => 500) }))
  expect(await failing(get())).toBeInstanceOf(Error)
  expect(requests.length).toBeGreaterThan(2)
  expect(requests.length).toBeLessThan(6)
})

both('%s: trouble while a cut line is taken up again passes', async which => {
  const healthy = ranged({ cutAt: [400_000] })
  const { get, requests } = await served(which, (request, response, turn) => {
    if (turn === 2) response.writeHead(503).end('busy')
    else if (turn === 3) response.destroy()
    else healthy(request, response, turn)
  })
  expect(await get()).toEqual(FILE)
  expect(requests).toHaveLength(4)
})

both('%s: what is gone meanwhile is gone', async which => {
  const healthy = ranged({ cutAt: [400_000] })
  const { get } = await served(which, (request, response, turn) =>
    turn === 1 ? healthy(request, response, turn) : response.writeHead(410).end(),
  )
  expect(await failing(get())).toMatchObject({ code: 'gone' })
})

test.each([
  [404, { code: 'gone' }],
  [410, { code: 'gone' }],
  [401, { again: 'later' }],
  [403, { again: 'later' }],
  [429, { again: 'line', retryAfterSeconds: 7 }],
  [500, { again: 'line' }],
  [503, { again: 'line', retryAfterSeconds: 7 }],
] as const)('%i is told for what it is', async (status, expected) => {
  for (const which of FETCHES) {
    const { get } = await served(which, (_, response) => response.writeHead(status, { 'retry-after': '7' }).end('no'))
    expect(await failing(get())).toMatchObject(expected)
  }
})

both('%s: Retry-After is kept when a cut line is taken up again', async which => {
  const at: number[] = []
  const healthy = ranged({ cutAt: [10] })
  const { get } = await served(which, (request, response, turn) => {
    at.push(performance.now())
    if (turn === 2) response.writeHead(429, { 'retry-after': '1' }).end()
    else healthy(request, response, turn)
  })
  expect(await get()).toEqual(FILE)
  expect(at[2]! - at[1]!).toBeGreaterThan(990)
  expect(at[2]! - at[1]!).toBeLessThan(1300)
})

both('%s: a file that says it is too large is not begun', async which => {
  const { get } = await served(which, ranged({}))
  expect(await failing(get(undefined, SIZE - 1))).toMatchObject({ code: 'too_large' })
})

both('%s: abort ends it at once: the stream, and a pause between two tries', async which => {
  for (const status of [200, 503]) {
    const abort = new AbortController()
    const arrived = Promise.withResolvers<void>()
    const { get } = await served(which, (_, response, turn) => {
      if (turn === 1) response.writeHead(200, { 'content-length': SIZE }).write(FILE.subarray(0, 10))
      else response.writeHead(503, { 'retry-after': '9' }).end()
      if (status === 503 && turn === 1) setImmediate(() => response.destroy())
      if (status === 200 || turn === 2) arrived.resolve()
    })
    const call = failing(get(abort.signal))
    await arrived.promise
    const begun = performance.now()
    abort.abort(new Error('enough'))
    expect((await call).message).toBe('enough')
    expect(performance.now() - begun).toBeLessThan(50)
  }
})

test('a platform that does not count is counted after: too few bytes are asked for again, too many refused', async () => {
  const short: typeof globalThis.fetch = async () =>
    new Response(FILE.slice(0, 10), { headers: { 'content-length': '20' } })
  const long: typeof globalThis.fetch = async () =>
    new Response(FILE.slice(0, 30), { headers: { 'content-length': '20' } })
  for (const fetch of [short, long]) {
    const { signal } = new AbortController()
    const stream = await download(fetch, { url: 'https://cdn.test/', signal, maxBytes: 1e6 })
    await expect(new Response(stream).bytes()).rejects.toThrow()
  }
})

test('nothing is read before somebody asks, and a reader that turns away closes the line', async () => {
  let reads = 0
  const closed = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>(
    {
      pull: controller => {
        reads++
        controller.enqueue(FILE.slice(0, 10))
      },
      cancel: () => closed.resolve(),
    },
    { highWaterMark: 0 },
  )
  const { signal } = new AbortController()
  const stream = await download(async () => new Response(body), { url: 'https://cdn.test/', signal, maxBytes: 1e6 })
  expect(reads).toBe(0)
  const reader = stream.getReader()
  await reader.read()
  expect(reads).toBe(1)
  await reader.cancel()
  await closed.promise
})
