/** The engine with this provider: one paid task and the right file, or the credits back. */
import { createStudio, memoryDatabase, type Studio } from '@safelight/core'
import { expect, test } from 'vitest'
import { createWorld, simulatedFetch } from '../testing/kit/index.ts'
import { wavespeed } from './provider.ts'
import { wavespeedSimulator } from './simulator.ts'
import { tokenOf } from '../../test/wavespeed-calls.ts'

const USER = '00000000-0000-4000-8000-000000000001'
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** Enough for a file to be read and put away in memory. */
const QUIET_TURNS = 30

/** A studio and a vendor on one clock, which goes on with every sweep. */
function stage({ hasWebhook = false, tokens = [tokenOf()] } = {}) {
  let clock = Date.now()
  const now = () => clock
  const delivered: number[] = []
  const post: typeof globalThis.fetch = async (input, init) => {
    const [, provider = '', jobId = '', attemptId = ''] = new URL(input as string).pathname.split('/')
    const body = new TextEncoder().encode(init?.body as string)
    const delivery = { provider, jobId, attemptId, body, headers: new Headers(init?.headers) }
    const status = await studio.webhook(delivery).then(
      () => 204,
      () => 401,
    )
    delivered.push(status)
    return new Response(null, { status })
  }
  const world = createWorld({ simulators: [wavespeedSimulator], seconds: 0, now, post })
  const simulated = simulatedFetch(world)
  let underWay = 0
  /** What has begun ends before time goes on: nothing is under way, for a while. */
  const quiet = async () => {
    await world.idle()
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      await new Promise(setImmediate)
      if (underWay > 0) turns = 0
    }
  }
  const studio = createStudio({
    providers: [wavespeed()],
    tokens,
    database: memoryDatabase({ now, openingBalance: 10_000 }),
    fetch: async (...call) => {
      underWay++
      return simulated(...call).finally(() => underWay--)
    },
    now,
    ...(hasWebhook
      ? { webhookUrl: ({ provider, jobId, attemptId }) => `https://me.example/${provider}/${jobId}/${attemptId}` }
      : {}),
  })
  const finish = async (jobId: string) => {
    for (let sweeps = 0; sweeps < 60; sweeps++) {
      await quiet()
      const job = await studio.job(jobId).find()
      if (['succeeded', 'failed', 'canceled'].includes(job.state)) return job
      clock += 20_000
      await studio.sweep()
    }
    throw new Error('It never ended')
  }
  const make = async (model: string, input: object) => {
    const request = { model, input, userId: USER }
    const { id } = await (studio as unknown as Studio).submit(request as never)
    return finish(id)
  }
  return { world, studio: studio as unknown as Studio, make, delivered }
}

test('an image, an edit with an upload, and clips with and without a first picture', async () => {
  const { world, studio, make } = stage()
  const source = Uint8Array.from(Buffer.from(PNG, 'base64'))
  const { id } = await studio.upload({ userId: USER, source })
  for (const [model, input] of [
    ['flux-schnell', { prompt: 'a fox', count: 2 }],
    ['flux-2-klein-edit', { prompt: 'snow', images: [id] }],
    ['lovely', { prompt: 'wind', size: 'portrait', duration: 3 }],
    ['express', { prompt: 'wind', size: 'portrait', duration: 5, images: [id] }],
  ] as const) {
    const job = await make(model, input)
    expect([model, job.state, job.media.length]).toEqual([model, 'succeeded', model === 'flux-schnell' ? 2 : 1])
  }
  expect(world.accepted().map(({ endpoint }) => endpoint)).toEqual([
    'wavespeed-ai/flux-schnell',
    'wavespeed-ai/flux-2-klein-9b/edit',
    'kwaivgi/kling-v3.0-std/text-to-video',
    'kwaivgi/kling-v3-turbo-std/image-to-video',
  ])
})

test('a lost submit is never sent again: the credits come back', async () => {
  const { world, make } = stage()
  world.fault('wavespeed', { on: 'submit', fault: 'lost' })
  const job = await make('z-image-turbo', { prompt: 'a fox' })
  expect(job).toMatchObject({
    state: 'failed',
    failure: { code: 'submit_unknown', paid: 'unknown' },
    refundedCredits: 500,
  })
  expect(world.accepted()).toHaveLength(1)
})

test('a lost submit is brought back by its delivery', async () => {
  const { world, make, delivered } = stage({ hasWebhook: true })
  world.fault('wavespeed', { on: 'submit', fault: 'lost' })
  const job = await make('z-image-turbo', { prompt: 'a fox' })
  expect(job).toMatchObject({ state: 'succeeded', refundedCredits: 0 })
  expect([world.accepted().length, delivered[0]]).toEqual([1, 204])
})

test('deliveries that come twice, forged or late change nothing', async () => {
  const { world, make, delivered } = stage({ hasWebhook: true })
  for (const webhook of ['twice', 'forged', 'late', 'none'] as const) {
    world.next('wavespeed', { webhook })
    expect(await make('z-image-turbo', { prompt: 'a fox' })).toMatchObject({ state: 'succeeded' })
  }
  expect(delivered).toEqual([204, 204, 401, 401])
  expect(world.accepted()).toHaveLength(4)
})

test.each([
  ['content_policy', 'content_policy', 1],
  ['flagged', 'content_policy', 1],
  ['no_output', 'no_output', 1],
  ['prompt_refused', 'content_policy', 0],
  ['invalid_input', 'refused', 0],
  ['timeout', 'provider_failed', 1],
] as const)('%s ends as %s, refunded, with %i accepted', async (scenario, code, accepted) => {
  const { world, make } = stage()
  world.next('wavespeed', { scenario })
  const job = await make('z-image-turbo', { prompt: 'a fox' })
  expect(job).toMatchObject({ state: 'failed', failure: { code }, refundedCredits: 500 })
  expect(world.accepted()).toHaveLength(accepted)
})

test('a second key takes over from one that is revoked, and from an empty account', async () => {
  const tokens = ['one', 'two', 'three'].map(label => ({ ...tokenOf(`key-${label}`), label, account: label }))
  const { world, make } = stage({ tokens })
  world.revoke('wavespeed', 'key-one')
  world.exhaust('wavespeed', 'key-two')
  expect(await make('z-image-turbo', { prompt: 'a fox' })).toMatchObject({ state: 'succeeded' })
  expect(world.accepted()).toMatchObject([{ account: 'key-three' }])
})
