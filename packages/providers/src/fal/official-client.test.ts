/**
 * `@fal-ai/client`, unmodified, against the simulator on a socket: what it makes of each answer is what it makes of fal's.
 * Its only hook is its `fetch` option, which puts the simulator's origins for fal's; requests and answers stay as they are.
 */
import { ApiError, createFalClient, ValidationError, type FalClient, type QueueStatus } from '@fal-ai/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createWorld, serveSimulators } from '../testing/kit/index.ts'
import type { ServedSimulators, World } from '../testing/kit/index.ts'
import { KEY } from '../../test/fal-calls.ts'
import { rowOf } from './simulated/scenarios.ts'
import { falSimulator } from './simulator.ts'

let world: World
let server: ServedSimulators
let client: FalClient

beforeAll(async () => {
  world = createWorld({ simulators: [falSimulator], seconds: 0.05 })
  server = await serveSimulators(world)
  client = clientWith(KEY)
})
afterAll(() => server.close())
beforeEach(() => {
  world.books('fal').jobs.length = 0
  world.books('fal').requests.length = 0
})

function clientWith(credentials: string, answered: () => void = () => undefined): FalClient {
  const there: Record<string, string | undefined> = {
    'https://queue.fal.run': server.baseUrls['FAL_BASE_URL'],
    'https://fal.run': server.baseUrls['FAL_RUN_URL'],
    'https://rest.fal.ai': server.baseUrls['FAL_REST_URL'],
  }
  const redirected: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const answer = await fetch(`${there[url.origin] ?? url.origin}${url.pathname}${url.search}`, init)
    answered()
    return answer
  }
  return createFalClient({ credentials, fetch: redirected })
}

/** One request: the client repeats some statuses after seconds, unless its signal has fired meanwhile. */
async function failureOf(ask: (client: FalClient, abortSignal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const controller = new AbortController()
  // Only the client's own loop looks at this signal; the body of the answer is still to be read.
  const { signal } = controller
  const once = clientWith(KEY, () => Object.defineProperty(signal, 'aborted', { value: true }))
  return ask(once, signal).then(
    () => new Error('It went well'),
    (error: unknown) => error,
  )
}

const ENDPOINT = 'fal-ai/flux/schnell'
type Result = {
  images: { url: string; width: number; content_type: string }[]
  seed: number
  has_nsfw_concepts: boolean[]
}

test('subscribes by polling: queue positions, logs, result, file', async () => {
  const seen: QueueStatus[] = []
  const { data, requestId } = await client.subscribe(ENDPOINT, {
    input: { prompt: 'a fox #sim:seconds=0.4', num_images: 2, image_size: 'portrait_16_9' },
    logs: true,
    pollInterval: 20,
    onQueueUpdate: update => seen.push(update),
  })
  const { images } = data as unknown as Result
  expect(images.map(({ width, content_type: type }) => [width, type])).toEqual([
    [576, 'image/png'],
    [576, 'image/png'],
  ])
  expect(new Set(seen.map(({ status }) => status))).toEqual(new Set(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']))
  expect(seen.find(({ status }) => status === 'IN_PROGRESS')).toMatchObject({
    logs: [{ level: 'STDERR', source: 'USER' }],
  })
  expect(requestId).toBe(world.accepted()[0]?.id)
  expect((await fetch(images[0]?.url ?? '')).headers.get('content-type')).toBe('image/png')
})

test('subscribes by streaming', async () => {
  const seen: string[] = []
  const { data } = await client.subscribe(ENDPOINT, {
    input: { prompt: 'a fox #sim:seconds=0.3' },
    mode: 'streaming',
    logs: true,
    onQueueUpdate: ({ status }) => seen.push(status),
  })
  expect((data as unknown as Result).images).toHaveLength(1)
  expect([seen[0], seen.at(-1)]).toEqual(['IN_QUEUE', 'COMPLETED'])
})

test('runs synchronously, and a long seed loses its digits there', async () => {
  const { data } = await client.run(ENDPOINT, { input: { prompt: 'a fox' } })
  expect((data as unknown as Result).seed).toBe(Number('15169059293161724000'))
  expect(Number.isSafeInteger((data as unknown as Result).seed)).toBe(false)
})

test('submits, asks, cancels', async () => {
  const options = { input: { prompt: 'slow #sim:seconds=30' }, webhookUrl: 'http://127.0.0.1:9/hook' }
  const { request_id: requestId, status } = await client.queue.submit('fal-ai/flux/dev', options)
  expect(status).toBe('IN_QUEUE')
  expect(await client.queue.status('fal-ai/flux/dev', { requestId })).toMatchObject({ status: 'IN_QUEUE' })
  await expect(client.queue.result('fal-ai/flux/dev', { requestId })).rejects.toMatchObject({
    status: 400,
    body: { detail: 'Request is still in progress' },
  })
  await client.queue.cancel('fal-ai/flux/dev', { requestId })
  expect(world.accepted()).toMatchObject([{ outcome: 'cancelled' }])
  expect(await client.queue.status('fal-ai/flux/dev', { requestId })).toMatchObject({
    status: 'COMPLETED',
    error_type: 'client_cancelled',
  })
  await expect(client.queue.cancel('fal-ai/flux/dev', { requestId })).rejects.toMatchObject({ status: 400 })
})

test('uploads a file, whole or in parts, and uses it', async () => {
  const picture = new Blob([new Uint8Array(1000)], { type: 'image/png' })
  const url = await client.storage.upload(picture, { lifecycle: { expiresIn: '1d' } })
  expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(1000)
  const input = { prompt: 'red', image_url: picture as unknown as string }
  const { data } = await client.subscribe('fal-ai/qwen-image-edit', { input, pollInterval: 20 })
  expect((data as unknown as Result).images).toHaveLength(1)
  const large = await client.storage.upload(new Blob([new Uint8Array(95 * 1024 * 1024)], { type: 'image/png' }))
  expect((await (await fetch(large)).arrayBuffer()).byteLength).toBe(95 * 1024 * 1024)
})

test('a request of another account, and an address with the whole endpoint, are not found', async () => {
  const { request_id: requestId } = await client.queue.submit(ENDPOINT, { input: { prompt: 'x' } })
  await expect(clientWith('else:where').queue.status(ENDPOINT, { requestId })).rejects.toMatchObject({ status: 404 })
  const address = `${server.baseUrls['FAL_BASE_URL']}/${ENDPOINT}/requests/${requestId}/status`
  expect((await fetch(address, { headers: { authorization: `Key ${KEY}` } })).status).toBe(405)
})

test('keys that are wrong, and accounts that are empty', async () => {
  world.revoke('fal', 'dead:key')
  const dead = clientWith('dead:key').queue.submit(ENDPOINT, { input: { prompt: 'x' } })
  await expect(dead).rejects.toMatchObject({ name: 'ApiError', status: 401 })
  world.exhaust('fal', 'poor:key')
  const poor = clientWith('poor:key').queue.submit(ENDPOINT, { input: { prompt: 'x' } })
  await expect(poor).rejects.toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('User is locked. Reason: Exhausted balance') },
  })
})

test('its own retry sends a submit again whose answer was lost: two paid jobs, which is why ours has none', async () => {
  world.fault('fal', { on: 'submit', fault: 'lost' })
  await client.queue.submit(ENDPOINT, { input: { prompt: 'x' } })
  expect(world.accepted()).toHaveLength(2)
})

for (const { name, expect: expected } of falSimulator.scenarios) {
  test(`${name}: ${expected.kind} at ${expected.at}`, async () => {
    const row = rowOf(name)
    const input = { prompt: `x #sim:${name}` }
    if (row?.submit) {
      const { status, body } = row.submit
      const failure = await failureOf((once, abortSignal) => once.queue.submit(ENDPOINT, { input, abortSignal }))
      expect(failure).toBeInstanceOf(status === 422 ? ValidationError : ApiError)
      expect(failure).toMatchObject({ status, ...(typeof body === 'string' ? {} : { body }) })
      expect(world.accepted()).toHaveLength(0)
      return
    }
    const { request_id: requestId } = await client.queue.submit(ENDPOINT, { input })
    const status = await client.queue.subscribeToStatus(ENDPOINT, { requestId, mode: 'polling', pollInterval: 20 })
    expect(status).toMatchObject({ status: 'COMPLETED', ...row?.status })
    const result = (once: FalClient, abortSignal: AbortSignal) =>
      once.queue.result(ENDPOINT, { requestId, abortSignal })
    if (name === 'result_late') expect(await failureOf(result)).toMatchObject({ status: 500 })
    if (row?.result && row.result.status >= 300) {
      const failure = await failureOf(result)
      expect(failure).toBeInstanceOf(row.result.status === 422 ? ValidationError : ApiError)
      expect(failure).toMatchObject({ status: row.result.status, requestId })
      if (failure instanceof ValidationError) expect(failure.fieldErrors.length).toBeGreaterThan(0)
      return
    }
    const { data } = (await client.queue.result(ENDPOINT, { requestId })) as unknown as { data: Result }
    expect(data.images).toHaveLength(name === 'no_files' ? 0 : 1)
    expect(data.has_nsfw_concepts?.[0] ?? false).toBe(name === 'nsfw')
  })
}
