/** Lines and gateways that fail, on sockets: never two paid jobs, and never an end that fal has not said. */
import type { Json } from '@safelight/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createWorld, serveSimulators } from '../testing/kit/index.ts'
import type { FaultKind, ServedSimulators, World } from '../testing/kit/index.ts'
import { fal, type FalProvider } from './index.ts'
import { inputImage } from './inputs.ts'
import { fileOf, KEY, lookWith, submitWith } from '../../test/fal-calls.ts'
import { falSimulator } from './simulator.ts'

let world: World
let server: ServedSimulators
let provider: FalProvider

beforeAll(async () => {
  world = createWorld({ simulators: [falSimulator], seconds: 0.02 })
  server = await serveSimulators(world)
  const { FAL_BASE_URL = '', FAL_REST_URL = '' } = server.baseUrls
  provider = fal({ queueUrl: FAL_BASE_URL, restUrl: FAL_REST_URL })
})
afterAll(() => server.close())
beforeEach(() => {
  world.books('fal').jobs.length = 0
  world.books('fal').requests.length = 0
})

/** With a time limit, as every caller has one. */
const within = (milliseconds: number) => ({ signal: AbortSignal.timeout(milliseconds) })

async function taken(): Promise<Json> {
  const submitted = await provider.submit(submitWith(fetch))
  if (submitted.status !== 'running') throw new Error(`The submit was ${submitted.status}`)
  return submitted.operation
}

const UNKNOWN: [string, FaultKind, number][] = [
  ['an answer that is lost', { fault: 'lost' }, 1],
  ['a reset', { fault: 'reset' }, 0],
  ['an answer that never comes', { fault: 'hang' }, 1],
  ['half an answer', { fault: 'malformed' }, 1],
  ['a page instead', { fault: 'html' }, 1],
  ['a body that is cut', { fault: 'cut', share: 0.5 }, 1],
  ['a redirect', { fault: 'redirect', to: 'http://127.0.0.1:9/steal' }, 1],
  ['500', { fault: 'status', status: 500 }, 0],
  ['502', { fault: 'status', status: 502, body: 'html' }, 0],
  ['504', { fault: 'status', status: 504, body: 'empty' }, 0],
]
test.each(UNKNOWN)('a submit with %s is unknown, and was sent once', async (_, fault, accepted) => {
  world.fault('fal', { on: 'submit', ...fault })
  await expect(provider.submit(submitWith(fetch, within(300)))).rejects.toThrow()
  expect(world.books('fal').requests).toHaveLength(1)
  expect(world.accepted()).toHaveLength(accepted)
})

test('a storm of 503 is refused as often as it is sent', async () => {
  world.fault('fal', { on: 'submit', fault: 'status', status: 503, retryAfterSeconds: 2, times: 3 })
  for (let round = 0; round < 3; round++) {
    const answer = await provider.submit(submitWith(fetch))
    expect(answer).toMatchObject({ status: 'refused', kind: 'provider_error', paid: 'no', retryAfterSeconds: 2 })
  }
  expect(world.books('fal').requests).toHaveLength(3)
  expect(world.accepted()).toHaveLength(0)
})

const SILENT: [string, FaultKind][] = [
  ['a reset', { fault: 'reset' }],
  ['an answer that is lost', { fault: 'lost' }],
  ['an answer that never comes', { fault: 'hang' }],
  ['half an answer', { fault: 'malformed' }],
  ['a page instead', { fault: 'html' }],
  ['a body that is cut', { fault: 'cut', share: 0.5 }],
  ['a redirect', { fault: 'redirect', to: 'http://127.0.0.1:9/steal' }],
  ...[401, 403, 404, 429, 500, 502, 503, 504].map((status): [string, FaultKind] => [
    String(status),
    { fault: 'status', status },
  ]),
]
for (const on of ['look', 'result', 'stream'] as const) {
  test.each(SILENT)(`%s on a ${on} says nothing, and the next look finds the files`, async (_, fault) => {
    const operation = await taken()
    await provider.follow(lookWith(fetch, operation))
    world.fault('fal', { on, ...fault })
    const asked = lookWith(fetch, operation, within(300))
    await expect(on === 'stream' ? provider.follow(asked) : provider.look(asked)).rejects.toThrow()
    expect(await provider.look(lookWith(fetch, operation))).toMatchObject({ status: 'done', outputs: [{}] })
    expect(world.accepted()).toHaveLength(1)
  })
}

test('an upload that fails has handed nothing over', async () => {
  const order = { endpoint: 'fal-ai/qwen-image-edit', body: { prompt: 'x', image_url: inputImage(0) } }
  const files = [fileOf(3_000_000)]
  for (const after of [0, 1]) {
    for (const fault of [{ fault: 'reset' }, { fault: 'status', status: 503 }, { fault: 'lost' }] as const) {
      world.fault('fal', { on: 'upload', after, ...fault })
      const answer = await provider.submit(submitWith(fetch, { ...order, files }))
      expect(answer).toMatchObject({ status: 'refused', paid: 'no' })
    }
  }
  expect(world.accepted()).toHaveLength(0)
})

test('a picture that our own store does not give has handed nothing over', async () => {
  const lost = { ...fileOf(10), open: () => Promise.reject(new Error(`no such file ${KEY}`)) }
  const order = { body: { prompt: 'x', image_url: inputImage(0) }, files: [lost] }
  const answer = await provider.submit(submitWith(fetch, order))
  expect(answer).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
  expect(JSON.stringify(answer)).not.toContain('sentinel')
  expect(await provider.submit(submitWith(fetch, { ...order, files: [fileOf(60_000_000)] }))).toMatchObject({
    kind: 'invalid_input',
  })
  expect(world.books('fal').requests).toHaveLength(0)
})

test('a stream in the middle of a job ends at the signal', async () => {
  world.next('fal', { seconds: 60 })
  const operation = await taken()
  const controller = new AbortController()
  const call = lookWith(fetch, operation, { signal: controller.signal })
  const followed = provider.follow({ ...call, tell: () => controller.abort() })
  await expect(followed).rejects.toThrow()
})
