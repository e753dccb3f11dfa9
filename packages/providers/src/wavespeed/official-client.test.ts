/** The vendor's own client, unmodified, against the simulator on a socket: that it understands what it is told is the proof. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Client, version, WavespeedSubmissionException, WavespeedSyncTimeoutException } from 'wavespeed'
import { createWorld, serveSimulators, type ServedSimulators, type World } from '../testing/kit/index.ts'
import { wavespeedSimulator } from './simulator.ts'
import { refusals, scenarios } from './simulator/scenarios.ts'

const MODEL = 'wavespeed-ai/z-image/turbo'
const KEY = 'ws-official-key'
const QUICK = { pollInterval: 0.005 }

let served: ServedSimulators
let world: World
let client: Client
let folder: string

beforeAll(async () => {
  // It tells the console about each try.
  vi.spyOn(console, 'log').mockReturnValue(undefined)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  world = createWorld({ simulators: [wavespeedSimulator], seconds: 0.02 })
  served = await serveSimulators(world)
  client = new Client(KEY, { baseUrl: served.baseUrls['WAVESPEED_BASE_URL']!, retryInterval: 0.001 })
  folder = await mkdtemp(join(tmpdir(), 'wavespeed-'))
})
afterAll(async () => {
  await served.close()
  await rm(folder, { recursive: true })
  vi.restoreAllMocks()
})

/** What one run came to, and how many tasks it made. */
async function run(scenario: string | null, options: object = {}, model = MODEL, input: object = { prompt: 'a fox' }) {
  const before = world.accepted().length
  if (scenario !== null) world.next('wavespeed', { scenario })
  const outcome = await client.run(model, { ...input }, { ...QUICK, ...options }).then(
    ({ outputs }) => ({ outputs, error: null }),
    (error: Error) => ({ outputs: null, error }),
  )
  return { ...outcome, accepted: world.accepted().length - before }
}

test('it is the version that was read', () => {
  expect(version).toBe('0.3.2')
})

describe('it succeeds', () => {
  test('with a picture', async () => {
    const { outputs, accepted } = await run(null)
    expect(accepted).toBe(1)
    const file = await fetch(outputs?.[0] as string)
    expect(file.headers.get('content-type')).toBe('image/jpeg')
  })

  test('with four', async () => {
    const input = { prompt: 'a fox', num_images: 4, size: '768*1344', output_format: 'png' }
    expect((await run(null, {}, 'wavespeed-ai/flux-schnell', input)).outputs).toHaveLength(4)
  })

  test('with a clip', async () => {
    const input = { prompt: 'a fox', duration: 3, aspect_ratio: '9:16' }
    const { outputs } = await run(null, {}, 'kwaivgi/kling-v3.0-std/text-to-video', input)
    const file = await fetch(outputs?.[0] as string)
    expect(file.headers.get('content-type')).toBe('video/mp4')
  })

  test('in sync mode, in one request', async () => {
    const requests = world.books('wavespeed').requests.length
    const { outputs } = await run(null, { enableSyncMode: true })
    expect(outputs).toHaveLength(1)
    expect(world.books('wavespeed').requests).toHaveLength(requests + 1)
  })

  test('with an uploaded picture', async () => {
    const path = join(folder, 'fox.png')
    await writeFile(path, Uint8Array.from([0x89, 0x50, 0x4e, 0x47]))
    const image = await client.upload(path)
    expect((await fetch(image)).headers.get('content-type')).toBe('image/png')
    const { outputs } = await run(null, {}, 'wavespeed-ai/flux-kontext-pro', { prompt: 'snow', image })
    expect(outputs).toHaveLength(1)
  })

  test('without throwing', async () => {
    const { outputs, detail } = await client.runNoThrow(MODEL, { prompt: 'a fox' }, QUICK)
    expect([outputs?.length, detail.status]).toEqual([1, 'completed'])
  })
})

describe('it is refused as every row of the failure table says', () => {
  const rows = scenarios.filter(({ expect: { at } }) => at === 'submit').map(({ name }) => name)
  test.each(rows)('%s', async name => {
    const { error, accepted } = await run(name)
    expect(error).toBeInstanceOf(WavespeedSubmissionException)
    const refusal = refusals[name]
    // It does not read the envelope's code: a refusal with HTTP 200 is a task without a name to it.
    const text = !refusal ? 'HTTP 504' : refusal.status === 200 ? 'No request ID' : `HTTP ${refusal.status}`
    expect(error?.message).toContain(text)
    if (refusal) expect(error?.message).toContain(JSON.stringify(refusal.message).slice(1, -1))
    expect(accepted).toBe(refusal ? 0 : 1)
  })
})

describe('it fails as every row of the failure table says', () => {
  const failing = [
    ['content_policy', 'NSFW content'],
    ['failed', 'Generation failed'],
    ['failed_input', 'Failed to download'],
    ['cancelled', 'Task cancelled'],
    ['timeout', 'Task timed out'],
    ['deleted', 'Task deleted'],
  ] as const
  test.each(failing)('%s', async (name, text) => {
    const { error, accepted } = await run(name)
    expect(error?.message).toContain('Prediction failed')
    expect(error?.message).toContain(text)
    expect(accepted).toBe(1)
  })

  const surviving = [
    ['sync_timeout', [expect.stringContaining('http')]],
    ['flagged', [expect.stringContaining('http')]],
    ['no_output', []],
    ['text_output', ['A description instead of a picture.']],
    ['object_output', [{ url: expect.stringContaining('http'), content_type: 'image/jpeg' }]],
    ['base64_output', [expect.stringMatching(/^\/9j\//)]],
    ['other_word', [expect.stringContaining('http')]],
    ['bare_url', [expect.stringContaining('http')]],
    ['foreign_url', [expect.stringContaining('http')]],
  ] as const
  test.each(surviving)('%s: it goes on, and hands out what it got', async (name, outputs) => {
    expect((await run(name)).outputs).toEqual(outputs)
  })

  test('no row is missing here', () => {
    const tried = [...failing, ...surviving].map(([name]) => name)
    const rows = scenarios.filter(({ expect: { at } }) => at !== 'submit').map(({ name }) => name)
    expect(tried.toSorted()).toEqual(rows.toSorted())
  })

  test('sync mode whose window passes: it names the task, which is done later', async () => {
    world.next('wavespeed', { scenario: 'sync_timeout' })
    const { outputs, detail } = await client.runNoThrow(MODEL, { prompt: 'a fox' }, { enableSyncMode: true })
    expect(outputs).toBeNull()
    expect(detail.status).toBe('processing')
    expect(detail.error).toBeInstanceOf(WavespeedSyncTimeoutException)
    const headers = { authorization: `Bearer ${KEY}` }
    await expect
      .poll(async () => {
        const { data } = (await (await fetch(detail.resultUrl!, { headers })).json()) as { data: { status: string } }
        return data.status
      })
      .toBe('completed')
  })
})

describe('the simulator says no by itself', () => {
  test.each([
    ['a seed that is text', { prompt: 'x', seed: '7' }, 'HTTP 400'],
    ['a size that is too large', { prompt: 'x', size: '4096*4096' }, 'HTTP 400'],
    ['no prompt', {}, 'HTTP 400'],
  ])('%s', async (_, input, text) => {
    const { error, accepted } = await run(null, {}, MODEL, input)
    expect(error?.message).toContain(text)
    expect(accepted).toBe(0)
  })

  test('an unknown model, a key that is none, an empty account, too many', async () => {
    expect((await run(null, {}, 'nobody/nothing')).error?.message).toContain('HTTP 404')
    const stranger = new Client('another', { baseUrl: served.baseUrls['WAVESPEED_BASE_URL']! })
    world.revoke('wavespeed', 'another')
    await expect(stranger.run(MODEL, { prompt: 'x' })).rejects.toThrow('HTTP 401')
    world.exhaust('wavespeed', KEY)
    expect((await run(null)).error?.message).toContain('top up')
    world.exhaust('wavespeed', KEY, false)
    world.limit('wavespeed', KEY, { perMinute: 0 })
    expect((await run(null)).error?.message).toContain('HTTP 429')
    world.limit('wavespeed', KEY, {})
  })

  test('over the limit of open tasks one waits', async () => {
    world.limit('wavespeed', KEY, { maxOpen: 1 })
    expect(await Promise.all([run(null), run(null)])).toMatchObject([{ error: null }, { error: null }])
    world.limit('wavespeed', KEY, {})
  })
})

describe('a line that breaks', () => {
  test('a lost submit is not sent again', async () => {
    world.fault('wavespeed', { on: 'submit', fault: 'lost' })
    const { error, accepted } = await run(null)
    expect(error).toBeInstanceOf(WavespeedSubmissionException)
    expect(accepted).toBe(1)
  })

  test.each([
    ['503', { fault: 'status', status: 503 }],
    ['429', { fault: 'status', status: 429 }],
    ['reset', { fault: 'reset' }],
  ] as const)('a look with %s is tried again', async (_, fault) => {
    world.fault('wavespeed', { on: 'look', times: 2, ...fault })
    expect((await run(null)).outputs).toHaveLength(1)
  })

  test.each(['html', 'malformed'] as const)('a look with %s is the end for it', async fault => {
    world.fault('wavespeed', { on: 'look', fault })
    expect((await run(null)).error).toBeInstanceOf(SyntaxError)
  })
})
