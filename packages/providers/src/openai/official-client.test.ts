/** The official client, unmodified and with its own retries, against the simulator on a socket. */
import { readFileSync } from 'node:fs'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createWorld, serveSimulators, type ServedSimulators, type World } from '../testing/index.ts'
import { openaiSimulator } from './simulator.ts'

const MODEL = 'gpt-image-2'
let world: World
let served: ServedSimulators
let client: OpenAI

const clientFor = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${served.baseUrls['OPENAI_BASE_URL']}/v1` })

beforeAll(async () => {
  world = createWorld({ simulators: [openaiSimulator], seconds: 0.01 })
  served = await serveSimulators(world)
  client = clientFor('sk-of-the-official-client')
})
afterAll(() => served.close())

let booked = { jobs: 0, requests: 0 }
beforeEach(() => {
  world.always('openai', {})
  booked = { jobs: world.accepted().length, requests: world.books('openai').requests.length }
})
/** Since the test began. */
const jobs = () => world.accepted().slice(booked.jobs)
const requests = () => world.books('openai').requests.length - booked.requests

const generate = () => client.images.generate({ model: MODEL, prompt: 'a fox', size: '1024x1024' })
const isPng = (base64 = '') => Buffer.from(base64, 'base64').subarray(1, 4).toString() === 'PNG'

describe('success', () => {
  test('generate', async () => {
    const made = await client.images.generate({ model: MODEL, prompt: 'a fox', n: 2, size: '1536x1024' })
    expect(made).toMatchObject({ output_format: 'png', size: '1536x1024', usage: { total_tokens: 4210 } })
    expect(made.data?.map(({ b64_json }) => isPng(b64_json))).toEqual([true, true])
    expect(jobs()).toMatchObject([{ endpoint: MODEL, paid: true, outcome: 'succeeded' }])
  })
  test('edit of one picture and of several', async () => {
    const picture = await toFile(new Uint8Array(100), 'a.png', { type: 'image/png' })
    for (const input of [picture, [picture, picture]]) {
      const made = await client.images.edit({ model: MODEL, prompt: 'a fox', image: input, output_format: 'webp' })
      expect(made.output_format).toBe('webp')
      expect(
        Buffer.from(made.data?.[0]?.b64_json ?? '', 'base64')
          .subarray(8, 12)
          .toString(),
      ).toBe('WEBP')
    }
    expect(jobs()).toHaveLength(2)
  })
  test('streamed, with partial pictures', async () => {
    const stream = await client.images.generate({ model: MODEL, prompt: 'a fox', stream: true, partial_images: 2 })
    const types: string[] = []
    for await (const event of stream) {
      types.push(event.type)
      expect(isPng(event.b64_json)).toBe(true)
    }
    const partial = 'image_generation.partial_image'
    expect(types).toEqual([partial, partial, 'image_generation.completed'])
    expect(jobs()).toHaveLength(1)
  })
  test('models say when they end', async () => {
    const models = await client.models.list()
    expect(models.data.find(({ id }) => id === 'gpt-image-1.5')?.shutdown_date).toBe('2026-12-01')
    expect(await client.models.retrieve(MODEL)).toMatchObject({ id: MODEL, shutdown_date: null })
  })
})

/** Each row of docs/providers/openai.md: what the client throws, how many requests it makes of it, and how many pictures are paid. */
const rows: readonly [
  scenario: string,
  error: { status: number } & Record<string, unknown>,
  requests: number,
  jobs: number,
][] = [
  ['invalid_api_key', { status: 401, code: 'invalid_api_key' }, 1, 0],
  ['organization_not_verified', { status: 403 }, 1, 0],
  ['unsupported_country', { status: 403, code: 'unsupported_country_region_territory' }, 1, 0],
  ['invalid_request', { status: 400, param: 'size' }, 1, 0],
  ['model_retired', { status: 400, code: 'model_not_found' }, 1, 0],
  ['model_not_found', { status: 404, code: 'model_not_found' }, 1, 0],
  ['moderation_blocked', { status: 400, code: 'moderation_blocked', type: 'image_generation_user_error' }, 1, 0],
  ['insufficient_quota', { status: 429, code: 'insufficient_quota' }, 3, 0],
  ['billing_hard_limit', { status: 400, code: 'billing_hard_limit_reached' }, 1, 0],
  ['rate_limited', { status: 429, code: 'rate_limit_exceeded' }, 3, 0],
  ['server_error', { status: 500, type: 'server_error' }, 3, 3],
  ['overloaded', { status: 503 }, 3, 0],
  ['slow_down', { status: 503, code: 'slow_down' }, 3, 0],
]

describe('failures', () => {
  test.each(rows)('%s', async (scenario, error, requestCount, jobCount) => {
    world.always('openai', { scenario })
    await expect(generate()).rejects.toMatchObject(error)
    expect([requests(), jobs().length]).toEqual([requestCount, jobCount])
  })
  test('every scenario is a row here', () => {
    expect(rows.map(([name]) => name)).toEqual(openaiSimulator.scenarios.map(({ name }) => name))
  })
  test('a limit that passes costs one picture', async () => {
    world.next('openai', { scenario: 'rate_limited' })
    await generate()
    expect([requests(), jobs().length]).toEqual([2, 1])
  })
  test('an error after the 200 of a stream', async () => {
    world.next('openai', { scenario: 'server_error' })
    const stream = await client.images.generate({ model: MODEL, prompt: 'a fox', stream: true })
    const read = async () => {
      for await (const event of stream) expect(event.type).toBe('image_generation.partial_image')
    }
    await expect(read()).rejects.toThrow()
    expect(jobs()).toHaveLength(1)
  })
  test('requests that are not in order', async () => {
    const wrong = (more: object) => client.images.generate({ model: MODEL, prompt: 'a fox', ...more } as never)
    await expect(wrong({ response_format: 'url' })).rejects.toMatchObject({ status: 400, param: 'response_format' })
    await expect(wrong({ size: '1000x1000' })).rejects.toMatchObject({ status: 400, param: 'size' })
    await expect(wrong({ size: '1024x3840' })).rejects.toMatchObject({ status: 400, param: 'size' })
    await expect(wrong({ n: 11 })).rejects.toMatchObject({ status: 400, param: 'n' })
    await expect(wrong({ output_format: 'svg' })).rejects.toMatchObject({ status: 400, param: 'output_format' })
    await expect(wrong({ model: 'dall-e-3' })).rejects.toMatchObject({ status: 400, code: 'model_not_found' })
    await expect(wrong({ prompt: '' })).rejects.toMatchObject({ status: 400, param: 'prompt' })
    expect(jobs()).toHaveLength(0)
  })
  test('revoked key, empty account, too many a minute', async () => {
    const other = clientFor('sk-second')
    const make = () => other.images.generate({ model: MODEL, prompt: 'a fox' }, { maxRetries: 0 })
    world.limit('openai', 'sk-second', { perMinute: 1 })
    await make()
    await expect(make()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    world.exhaust('openai', 'sk-second')
    await expect(make()).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' })
    world.revoke('openai', 'sk-second')
    await expect(make()).rejects.toMatchObject({ status: 401 })
    expect(jobs()).toHaveLength(1)
  })
})

describe('a line that fails, and what its own repeats cost', () => {
  test('one lost answer buys a second picture, three lost answers three', async () => {
    world.fault('openai', { on: 'submit', fault: 'lost' })
    await generate()
    expect(jobs()).toHaveLength(2)
    world.fault('openai', { on: 'submit', fault: 'lost', times: 3 })
    await expect(generate()).rejects.toThrow('Connection error')
    expect(jobs()).toHaveLength(5)
  })
  test('a gateway’s 504 is repeated, whether or not it was passed on', async () => {
    world.fault('openai', { on: 'submit', fault: 'status', status: 504, body: 'html' })
    await generate()
    expect([requests(), jobs().length]).toEqual([2, 1])
  })
  test('half of the JSON loses a paid picture', async () => {
    world.fault('openai', { on: 'submit', fault: 'malformed' })
    await expect(generate()).rejects.toThrow()
    expect(jobs().length).toBeGreaterThan(0)
  })
})

test('every row of the documentation is a scenario, and the other way round', () => {
  const page = readFileSync(new URL('../../../../docs/providers/openai.md', import.meta.url), 'utf8')
  const documented = page.split(/^## /m).flatMap(section => {
    const found = section.includes('| scenario |') ? section.matchAll(/^\| `(\w+)` \|/gm) : []
    return [...found].map(([, scenario]) => `openai §${section[0]} ${scenario}`)
  })
  expect(documented).toEqual(openaiSimulator.scenarios.map(({ sheet, name }) => `${sheet} ${name}`))
})
