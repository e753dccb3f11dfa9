import { describe, expect, test } from 'vitest'
import { createMappings, type Wanted } from './mapping.ts'

const WANTED: Wanted = { party: 'fal-ai', model: 'a/b', task: 'text-to-image' }
const entry = { providerId: 'fal-ai/x', status: 'live', task: 'text-to-image' }

/** A hub that says what it is told to, and a clock. */
function stage() {
  const state = { now: 1_000_000, asked: 0, says: () => page({ 'fal-ai': entry }) as Response | Promise<Response> }
  const fetch: typeof globalThis.fetch = async () => {
    state.asked++
    return state.says()
  }
  const mappings = createMappings('https://hub.example', () => state.now)
  return { state, mappings, find: (wanted: Partial<Wanted> = {}) => mappings.find(fetch, { ...WANTED, ...wanted }) }
}

const page = (inferenceProviderMapping: unknown) => Response.json({ id: 'a/b', inferenceProviderMapping })

describe('the shapes', () => {
  test.each([
    ['by party', { 'fal-ai': entry }],
    ['a list', [{ provider: 'fal-ai', hfModelId: 'a/b', type: 'single-model', ...entry }]],
    ['a list with junk in it', [null, 7, { provider: 'fal-ai' }, { provider: 'fal-ai', ...entry }]],
  ])('%s', async (_, mapping) => {
    const { state, find } = stage()
    state.says = () => page(mapping)
    expect(await find()).toEqual({ status: 'live', mapping: { providerId: 'fal-ai/x', adapter: null } })
  })

  test('weights on top', async () => {
    const { state, find } = stage()
    state.says = () => page({ 'fal-ai': { ...entry, adapter: 'lora', adapterWeightsPath: 'w.safetensors' } })
    expect(await find()).toMatchObject({ mapping: { adapter: { model: 'a/b', weightsPath: 'w.safetensors' } } })
  })

  test.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['another party', { wavespeed: entry }],
    ['staging', { 'fal-ai': { ...entry, status: 'staging' } }],
    ['another task', { 'fal-ai': { ...entry, task: 'text-to-video' } }],
    ['a name that is a way out', { 'fal-ai': { ...entry, providerId: '../../api/whoami-v2' } }],
    ['a name that is an address', { 'fal-ai': { ...entry, providerId: 'https://evil.example/x' } }],
  ])('%s: nobody serves it', async (_, mapping) => {
    const { state, find } = stage()
    state.says = () => page(mapping)
    expect((await find()).status).toBe('unavailable')
  })
})

describe('what is remembered', () => {
  test('a yes for five minutes', async () => {
    const { state, find } = stage()
    await find()
    state.now += 299_000
    await find()
    expect(state.asked).toBe(1)
    state.now += 2_000
    await find()
    expect(state.asked).toBe(2)
  })

  test('a no never', async () => {
    const { state, find } = stage()
    state.says = () => page({})
    expect((await find()).status).toBe('unavailable')
    state.says = () => page({ 'fal-ai': entry })
    expect((await find()).status).toBe('live')
  })

  test('what the router has contradicted is forgotten', async () => {
    const { state, find, mappings } = stage()
    await find()
    mappings.forget('a/b')
    state.says = () => page({})
    expect((await find()).status).toBe('unavailable')
  })

  test('one request for all who ask at once', async () => {
    const { state, find } = stage()
    const found = await Promise.all(Array.from({ length: 50 }, () => find()))
    expect([state.asked, new Set(found.map(({ status }) => status)).size]).toEqual([1, 1])
  })

  test('not without bounds', async () => {
    const { state, find } = stage()
    for (let index = 0; index < 250; index++) await find({ model: `a/b${index}` })
    await find({ model: 'a/b0' })
    expect(state.asked).toBe(251)
  })
})

describe('a hub that says nothing', () => {
  test.each<[string, () => Response | Promise<Response>]>([
    ['is down', () => new Response('<html>', { status: 503 })],
    ['is HTML', () => new Response('<html>')],
    ['is half of it', () => new Response('{"inferenceProviderMapping":{')],
    ['is busy', () => Response.json({}, { status: 429 })],
    ['sends us elsewhere', () => new Response(null, { status: 307, headers: { location: 'https://evil.example/' } })],
    ['hides it', () => Response.json({ error: 'Invalid username or password.' }, { status: 401 })],
    ['is cut off', () => Promise.reject(new TypeError('fetch failed'))],
    ['is too large', () => new Response(new Uint8Array(1_100_000))],
  ])('%s', async (_, says) => {
    const { state, find } = stage()
    state.says = says
    expect((await find()).status).toBe('silent')
    await find()
    expect(state.asked).toBe(1)
    state.now += 15_001
    state.says = () => page({ 'fal-ai': entry })
    expect((await find()).status).toBe('live')
  })

  test('what it said last is better than nothing, for some hours', async () => {
    const { state, find } = stage()
    await find()
    state.says = () => new Response(null, { status: 503 })
    state.now += 3_600_000
    expect((await find()).status).toBe('live')
    state.now += 6 * 3_600_000
    expect((await find()).status).toBe('silent')
  })

  test('a model that it does not know', async () => {
    const { state, find } = stage()
    state.says = () => Response.json({ error: 'Repository not found' }, { status: 404 })
    expect((await find()).status).toBe('unavailable')
  })
})
