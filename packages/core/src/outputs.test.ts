import type { RequestListener } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../test/servers.ts'
import type { Job, Output } from './contracts.ts'
import { memoryMedia } from './memory/index.ts'
import { nodeTransport } from './node/index.ts'
import { copyOutputs } from './outputs.ts'
import type { Parts } from './parts.ts'
import { PNG } from './testing/crash/provider.ts'

/** Copies outputs at these paths of one server, as the engine does. */
async function copied(listener: RequestListener, paths: readonly string[], extra: Partial<Output> = {}) {
  const { origin, requests } = await httpServer(listener)
  const transport = nodeTransport({ allowedOrigins: [origin] })
  onTestFinished(() => transport.close())
  const media = memoryMedia()
  const troubles: unknown[] = []
  const parts = {
    media,
    transport,
    registry: { provider: () => ({ id: 'p' }), token: () => ({ provider: 'p', label: 'P', secret: 's' }) },
    transfers: (run: () => unknown) => run(),
    transferRetries: 2,
    now: Date.now,
    journal: () => undefined,
    trouble: (error: unknown) => troubles.push(error),
  } as unknown as Parts
  const outputs = paths.map(path => ({ url: origin + path, ...extra }))
  const job = { id: 'job', kind: 'image', count: 4, attempt: { id: 'attempt', provider: 'p', token: 'P' }, outputs }
  const copy = () => copyOutputs(parts, job as unknown as Job)
  return { answers: await copy(), copy, stored: await media.find(''), requests, troubles }
}
const statuses = (answers: readonly { status: string }[]) => answers.map(({ status }) => status)

test('what is ours already is not fetched again', async () => {
  const { answers, copy, requests, stored } = await copied((_, response) => response.end(PNG), ['/a', '/b'])
  expect(statuses(answers)).toEqual(['stored', 'stored'])
  expect(stored.map(({ key }) => key)).toEqual(['job/attempt/0', 'job/attempt/1'])
  expect(await copy()).toEqual(answers)
  expect(requests).toHaveLength(2)
})

test.each([
  ['a page', 'text/html', '<!doctype html><title>Sorry</title>'],
  ['a page under a picture’s name', 'image/png', '<html>'],
  ['a JSON error', 'application/json', '{"error":"not found"}'],
  ['an XML error', 'application/xml', '<?xml version="1.0"?><Error/>'],
  ['a drawing that could run', 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['nothing', 'image/png', ''],
])('%s is never stored, and not asked for again at once', async (_, type, body) => {
  const { answers, stored, requests } = await copied(
    (_request, response) => response.writeHead(200, { 'content-type': type }).end(body),
    ['/a'],
  )
  expect([statuses(answers), stored, requests.length]).toEqual([['unusable'], [], 1])
})

test('a truncated file is trouble, tried again, and never stored', async () => {
  const { answers, stored, requests, troubles } = await copied(
    (_, response) => {
      response.writeHead(200, { 'content-length': PNG.length }).write(PNG.subarray(0, 40), () => response.destroy())
    },
    ['/a'],
  )
  expect([statuses(answers), stored, troubles.length]).toEqual([['trouble'], [], 1])
  expect(requests.length).toBeGreaterThan(1)
})

test.each([
  [404, 'unusable', 1],
  [410, 'unusable', 1],
  [403, 'denied', 1],
  [500, 'trouble', 3],
])('%i: %s, after %i requests', async (status, expected, count) => {
  const { answers, requests } = await copied((_, response) => response.writeHead(status).end(), ['/a'])
  expect([statuses(answers), requests.length]).toEqual([[expected], count])
})

test('Retry-After is kept where it is short, and left to the job where it is long', async () => {
  const at: number[] = []
  const short = await copied(
    (_, response) => {
      at.push(performance.now())
      if (at.length === 1) response.writeHead(503, { 'retry-after': '1' }).end()
      else response.end(PNG)
    },
    ['/a'],
  )
  expect(statuses(short.answers)).toEqual(['stored'])
  expect(at[1]! - at[0]!).toBeGreaterThan(990)
  expect(at[1]! - at[0]!).toBeLessThan(1300)

  const long = await copied((_, response) => response.writeHead(429, { 'retry-after': '60' }).end(), ['/a'])
  expect(long.answers).toEqual([{ status: 'trouble', retryAfterSeconds: 60 }])
  expect(long.requests).toHaveLength(1)
})

test('one output’s trouble leaves the others alone, and a flagged one is not even asked for', async () => {
  const { answers } = await copied(
    (request, response) => {
      if (request.url === '/bad') response.destroy()
      else response.end(PNG)
    },
    ['/a', '/bad', '/b'],
  )
  expect(statuses(answers)).toEqual(['stored', 'trouble', 'stored'])
  const flagged = await copied((_, response) => response.end(PNG), ['/a'], { flagged: true })
  expect([flagged.answers, flagged.requests]).toEqual([[], []])
})

test('an address that is private is not open to us, and nobody is reached', async () => {
  const canary = await httpServer((_, response) => response.end(PNG))
  const { answers, requests } = await copied((_, response) => response.end(PNG), ['/a'], { url: `${canary.origin}/a` })
  expect([statuses(answers), requests, canary.requests]).toEqual([['denied'], [], []])
})
