/** The official client, unmodified, against the simulator on a socket: so the simulator tells what Replicate tells. */
import { readFileSync } from 'node:fs'
import Replicate, { validateWebhook } from 'replicate'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createWorld, serveSimulators, type ServedSimulators, type World } from '../testing/kit/index.ts'
import { replicateSimulator, secretOf } from './simulator.ts'

const MODEL = 'black-forest-labs/flux-schnell'
const KEY = 'r8_of_the_official_client'
let world: World
let served: ServedSimulators
let client: Replicate

beforeAll(async () => {
  // Its own console is no part of the test.
  world = createWorld({ simulators: [replicateSimulator], seconds: 0.05, post: async () => new Response(null) })
  served = await serveSimulators(world)
  client = new Replicate({ auth: KEY, baseUrl: `${served.baseUrls['REPLICATE_BASE_URL']}/v1` })
})
afterAll(() => served.close())

let booked = 0
beforeEach(() => {
  booked = world.accepted().length
})
/** Jobs in the books since the test began. */
const jobs = () => world.accepted().slice(booked)

const run = (prompt = 'a fox') => client.run(MODEL, { input: { prompt, num_outputs: 2 } })
const poll = (prompt = 'a fox') =>
  client.run(MODEL, { input: { prompt, num_outputs: 2 }, wait: { mode: 'poll', interval: 10 } })

describe('success', () => {
  test('a blocking run gets its files out of an answer that still says "processing"', async () => {
    const statuses: string[] = []
    const output = await client.run(MODEL, { input: { prompt: 'a fox', num_outputs: 2 } }, ({ status }) =>
      statuses.push(status),
    )
    expect(output).toHaveLength(2)
    expect(statuses).toEqual(['processing', 'processing'])
    const [first] = output as string[]
    const file = await fetch(first ?? '')
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(jobs()).toMatchObject([{ outcome: 'succeeded', paid: true, endpoint: MODEL }])
  })
  test('a polled run, with its progress', async () => {
    expect(await poll()).toHaveLength(2)
    expect(jobs()).toHaveLength(1)
  })
  test('create, get, list, cancel, account, model, secret', async () => {
    const made = await client.predictions.create({ model: MODEL, input: { prompt: 'a fox #sim:seconds=60' } })
    expect(made).toMatchObject({ status: 'starting', output: null, error: null })
    expect(await client.predictions.get(made.id)).toMatchObject({ id: made.id, model: MODEL })
    const { results } = await client.predictions.list()
    expect(results[0]).toMatchObject({ id: made.id })
    expect(results[0]).not.toHaveProperty('webhook')
    expect(await client.predictions.cancel(made.id)).toMatchObject({ status: 'canceled' })
    expect(await client.accounts.current()).toMatchObject({ type: 'user' })
    expect(await client.models.get('black-forest-labs', 'flux-schnell')).toMatchObject({ name: 'flux-schnell' })
    expect(await client.webhooks.default.secret.get()).toEqual({ key: secretOf(KEY) })
    expect(jobs()).toMatchObject([{ outcome: 'cancelled', paid: false }])
  })
  test('a file is uploaded and its address goes along', async () => {
    const image = new Blob([new Uint8Array(1000)], { type: 'image/png' })
    const made = await client.predictions.create({ model: MODEL, input: { prompt: 'a fox', image } })
    expect((made.input as { image: string }).image).toContain('/v1/files/')
    const id = (made.input as { image: string }).image.split('/').at(-1) ?? ''
    expect(await client.files.get(id)).toMatchObject({ id })
  })
  test('a version, and a video', async () => {
    const version = 'b'.repeat(64)
    const made = await client.predictions.create({ version, input: { prompt: 'a fox' } })
    expect(made.version).toBe(version)
    const output = await client.run('kwaivgi/kling-v2.5-turbo-pro', { input: { prompt: 'a fox' } })
    expect(output).toMatch(/\.mp4$/)
  })
  test('its verifier takes our deliveries, also old ones: age is for the receiver to check', async () => {
    for (const webhook of ['once', 'late', 'forged'] as const) {
      world.next('replicate', { webhook })
      await client.predictions.create({ model: MODEL, input: { prompt: 'a fox' }, webhook: 'https://me.example/hook' })
      await world.idle()
      const delivery = world.deliveries('replicate').at(-1)
      if (!delivery) throw new Error('Nothing was delivered')
      const body = webhook === 'forged' ? `${delivery.body} ` : delivery.body
      const sent = {
        id: delivery.headers['webhook-id'] ?? '',
        timestamp: delivery.headers['webhook-timestamp'] ?? '',
        signature: delivery.headers['webhook-signature'] ?? '',
        body,
        secret: secretOf(KEY),
      }
      expect(await validateWebhook(sent)).toBe(webhook !== 'forged')
    }
  })
})

/** What the client makes of each row of docs/providers/replicate.md, and how many predictions that costs. */
const rows: readonly [scenario: string, outcome: RegExp | 'files' | 'nothing', jobs: number][] = [
  ['unauthenticated', /status 401.*Unauthenticated/, 0],
  ['payment_required', /status 402.*insufficient credit/i, 0],
  ['forbidden', /status 403/, 0],
  ['model_not_found', /status 404/, 0],
  ['version_not_permitted', /status 422.*Invalid version or not permitted/, 0],
  ['validation', /status 422.*prompt is required/, 0],
  ['throttled', /status 429.*resets in ~1s/, 0],
  ['nsfw', /Prediction failed: .*NSFW/, 1],
  ['flagged_sensitive', /Prediction failed: .*E005/, 1],
  ['invalid_by_model', /Prediction failed: .*E006/, 1],
  ['model_busy', /Prediction failed: .*E003/, 1],
  ['model_failed', /Prediction failed: CUDA/, 1],
  ['deadline_passed', 'nothing', 1],
  ['data_removed', 'nothing', 1],
  ['no_output', 'nothing', 1],
  ['partial_output', 'files', 1],
  ['unknown_status', 'files', 1],
]

describe('failures', () => {
  test.each(rows)('%s', async (scenario, outcome, count) => {
    world.always('replicate', { scenario })
    const ended = poll()
    if (outcome instanceof RegExp) await expect(ended).rejects.toThrow(outcome)
    else if (outcome === 'files') expect(await ended).toHaveLength(2)
    else expect([null, 'I cannot draw this.']).toContain(await ended)
    world.always('replicate', {})
    expect(jobs()).toHaveLength(count)
  })
  test('aborted: it does not know the word and asks for ever', async () => {
    world.next('replicate', { scenario: 'aborted', seconds: 0 })
    const made = await client.predictions.create({ model: MODEL, input: { prompt: 'a fox' } })
    let looks = 0
    const seen = await client.wait(made, { interval: 1 }, async () => ++looks > 5)
    expect([seen.status, looks]).toEqual(['aborted', 6])
    expect(jobs()).toMatchObject([{ paid: false }])
  })
  test('every scenario is a row here', () => {
    const names = replicateSimulator.scenarios.map(({ name }) => name)
    expect([...rows.map(([name]) => name), 'aborted'].toSorted()).toEqual(names.toSorted())
  })
})

describe('a line that fails, and what its own repeats cost', () => {
  test('one lost answer buys a second prediction, six lost answers six', async () => {
    world.fault('replicate', { on: 'submit', fault: 'lost' })
    await run()
    expect(jobs()).toHaveLength(2)
    world.fault('replicate', { on: 'submit', fault: 'lost', times: 6 })
    await expect(run()).rejects.toThrow('fetch failed')
    expect(jobs()).toHaveLength(8)
  })
  test('429 is repeated, and then taken once', async () => {
    world.next('replicate', { scenario: 'throttled' })
    await run()
    expect(jobs()).toHaveLength(1)
  })
  test('503 on a submit ends it, 503 on a look does not', async () => {
    world.fault('replicate', { on: 'submit', fault: 'status', status: 503 })
    await expect(run()).rejects.toThrow('503')
    expect(jobs()).toHaveLength(0)
    world.fault('replicate', { on: 'look', fault: 'status', status: 503, times: 2 })
    expect(await poll()).toHaveLength(2)
    expect(jobs()).toHaveLength(1)
  })
  test('half of the JSON loses a paid prediction', async () => {
    world.fault('replicate', { on: 'submit', fault: 'malformed' })
    await expect(run()).rejects.toThrow(SyntaxError)
    expect(jobs()).toMatchObject([{ paid: true }])
  })
  test('revoked key, empty account, too many a minute', async () => {
    const second = new Replicate({ auth: 'r8_second', baseUrl: `${served.baseUrls['REPLICATE_BASE_URL']}/v1` })
    const create = () => second.predictions.create({ model: MODEL, input: { prompt: 'a fox' } })
    world.limit('replicate', 'r8_second', { perMinute: 1 })
    await create()
    await expect(create()).rejects.toThrow(/429.*resets in ~\d+s/)
    world.exhaust('replicate', 'r8_second')
    await expect(create()).rejects.toThrow('402')
    world.revoke('replicate', 'r8_second')
    await expect(create()).rejects.toThrow('401')
    expect(jobs()).toHaveLength(1)
  })
})

test('every row of the documentation is a scenario, and the other way round', () => {
  const page = readFileSync(new URL('../../../../docs/providers/replicate.md', import.meta.url), 'utf8')
  const documented = page.split(/^## /m).flatMap(section => {
    const found = section.includes('| scenario |') ? section.matchAll(/^\| `(\w+)` \|/gm) : []
    return [...found].map(([, scenario]) => `replicate §${section[0]} ${scenario}`)
  })
  expect(documented).toEqual(replicateSimulator.scenarios.map(({ sheet, name }) => `${sheet} ${name}`))
})
