/** The adapter against the simulator: on sockets, without them, downloads, and deliveries in both signatures. */
import type { FreshOutput, Model, Progress, Submitted } from '@safelight/core'
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import { google, googleModels } from './index.ts'
import { createGoogleSimulator, googleSimulator } from './simulator.ts'
import { googleVector } from '../../test/google-webhook-vector.ts'

const [banana, , , veo, omni] = googleModels

function stage(simulator = googleSimulator, provider = google()) {
  const clock = { now: Date.now() }
  const post = async () => new Response(null, { status: 204 })
  const world = createWorld({ simulators: [simulator], now: () => clock.now, seconds: 4, post })
  const sent: Request[] = []
  const fetch: typeof globalThis.fetch = (input, init) => {
    sent.push(new Request(input, init))
    return simulatedFetch(world)(input, init)
  }
  return { world, provider, sent, caller: callerOf(provider, fetch), clock, tick: () => (clock.now += 1000) }
}

/** The file behind an output, as the engine would get it. */
async function opened(
  provider: ReturnType<typeof google>,
  caller: ReturnType<typeof callerOf>,
  last: Progress | Submitted,
) {
  const output: FreshOutput | undefined = last.status === 'done' ? last.outputs[0] : undefined
  if (!output) throw new Error(JSON.stringify(last))
  if ('bytes' in output)
    return new Uint8Array(await new Response(output.bytes as Uint8Array<ArrayBuffer>).arrayBuffer())
  const stream = await provider.download({ ...caller.call, output })
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const PNG = [0x89, 0x50, 0x4e, 0x47]
const cases = googleModels.map((model: Model): [string, Model] => [model.id, model])

test.each(cases)('%s, without a socket', async (_, model) => {
  const { world, provider, caller, tick, sent } = stage()
  if (model.kind !== 'video') world.next('google', { seconds: 0 })
  const bytes = await opened(provider, caller, await caller.end(await caller.submit(model), tick))
  if (model.kind === 'video') expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('ftyp')
  else expect([...bytes.subarray(0, 4)]).toEqual(PNG)
  expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true, keyEnd: '0001' }])
  for (const { url, headers } of sent) {
    expect(headers.has('x-goog-api-key')).toBe(new URL(url).hostname === 'generativelanguage.googleapis.com')
    expect(url).not.toContain('a-key-0001')
  }
})

test.each(['', '/v1beta', '/'])('on sockets, with a base that ends in "%s"', async end => {
  const world = createWorld({ simulators: [googleSimulator], seconds: 0.05 })
  const served = await serveSimulators(world)
  const provider = google({ baseUrl: served.baseUrls['GEMINI_BASE_URL'] + end })
  const caller = callerOf(provider, fetch)
  const pause = () => new Promise(resolve => setImmediate(resolve))
  for (const model of [banana, veo, omni]) {
    const bytes = await opened(provider, caller, await caller.end(await caller.submit(model), pause))
    expect(bytes.length).toBeGreaterThan(50)
  }
  expect(world.accepted()).toHaveLength(3)
  await served.close()
})

test('a clip inside the answer', async () => {
  const { provider, caller, tick } = stage()
  const last = await caller.end(await caller.submit(omni, { prompt: 'a fox #sim:omni_inline' }), tick)
  expect(new TextDecoder().decode((await opened(provider, caller, last)).subarray(4, 8))).toBe('ftyp')
})

test('a clip that is not kept any more is gone', async () => {
  const { provider, caller, tick, clock } = stage()
  const last = await caller.end(await caller.submit(veo), tick)
  clock.now += 3 * 86_400_000
  await expect(opened(provider, caller, last)).rejects.toMatchObject({ code: 'gone' })
})

test.each([
  'http://storage.googleapis.com/x',
  'https://127.0.0.1/x',
  'https://localhost/x',
  'https://[::1]/x',
  'https://169.254.169.254/x',
  'https://user@storage.googleapis.com/x',
  'file:///etc/passwd',
])(
  'a redirect to %s is not followed',
  async to => {
    const { world, provider, caller, tick, sent } = stage()
    const last = await caller.end(await caller.submit(veo), tick)
    world.fault('google', { on: 'media', fault: 'redirect', to, times: 9 })
    await expect(opened(provider, caller, last)).rejects.toThrow('could not be asked for')
    expect(sent.map(({ url }) => url)).not.toContain(to)
  },
  20_000,
)

const webhookUrl = 'https://us.example/webhooks/google/x/y'

async function deliveryOf(model: Model, { world, caller }: ReturnType<typeof stage>) {
  world.next('google', { seconds: 0 })
  const submitted = await caller.submit(model, {}, { webhookUrl })
  await world.idle()
  const [delivery] = world.deliveries('google')
  if (!delivery || submitted.status !== 'running') throw new Error('nothing came')
  expect(delivery.url).toBe(webhookUrl)
  return { delivery, operation: submitted.operation }
}

test.each<[string, Model]>([
  ['Veo', veo],
  ['Omni', omni],
])('a delivery of a single job of %s: a JWT, with keys that are published', async (_, model) => {
  const on = stage()
  const { delivery, operation } = await deliveryOf(model, on)
  const deliver = (change: Partial<typeof delivery> = {}, now = on.clock.now) =>
    on.caller.deliver({ ...delivery, ...change }, 'x', now)
  const verified = { status: 'verified', deliveryId: delivery.headers['webhook-id'], operation }
  expect(await deliver()).toEqual(verified)
  expect(await deliver()).toEqual(verified)
  const asked = on.sent.filter(({ url }) => url.endsWith('/.well-known/jwks.json'))
  expect(asked.map(({ headers }) => headers.has('x-goog-api-key'))).toEqual([false])
  expect(await deliver({}, on.clock.now + 301_000)).toEqual({ status: 'forged' })
  expect(await deliver({ body: '{"type":"interaction.completed","data":{"id":"other"}}' })).toEqual({
    status: 'forged',
  })
  expect(await deliver({ headers: {} })).toEqual({ status: 'forged' })
  const [head, claims = '', signature] = (delivery.headers['webhook-signature'] ?? '').split('.')
  const changed = claims.slice(0, -6) + 'AAAAAA'
  expect(await deliver({ headers: { 'webhook-signature': `${head}.${changed}.${signature}` } })).toEqual({
    status: 'forged',
  })
  const none = btoa('{"alg":"none","kid":"simulated-1"}')
  expect(await deliver({ headers: { 'webhook-signature': `${none}.${claims}.x` } })).toEqual({ status: 'forged' })
})

test('a delivery about another attempt is forged', async () => {
  const on = stage()
  const { delivery } = await deliveryOf(omni, on)
  const other = callerOf(on.provider, simulatedFetch(on.world), { attemptId: 'another' })
  expect(await other.deliver(delivery, 'x', on.clock.now)).toEqual({ status: 'forged' })
})

test('an unknown key is asked for again at most once a minute', async () => {
  const on = stage()
  const { delivery } = await deliveryOf(omni, on)
  const [, claims, signature] = (delivery.headers['webhook-signature'] ?? '').split('.')
  const unknown = btoa('{"alg":"RS256","kid":"unknown"}')
  const forged = { body: delivery.body, headers: { 'webhook-signature': `${unknown}.${claims}.${signature}` } }
  const asked = () => on.sent.filter(({ url }) => url.endsWith('/.well-known/jwks.json')).length
  for (const seconds of [0, 1, 30, 59]) {
    expect(await on.caller.deliver(forged, 'x', on.clock.now + seconds * 1000)).toEqual({ status: 'forged' })
  }
  expect(asked()).toBe(1)
  await on.caller.deliver(forged, 'x', on.clock.now + 61_000)
  expect(asked()).toBe(2)
})

test('without the published keys nobody knows', async () => {
  const on = stage()
  const { delivery } = await deliveryOf(omni, on)
  on.world.fault('google', { on: 'other', fault: 'status', status: 503, body: 'html' })
  await expect(on.caller.deliver(delivery, 'x', on.clock.now)).rejects.toThrow('keys of webhooks')
})

test('a delivery of the project’s webhook: Standard Webhooks, with its secret', async () => {
  const webhookSecret = googleVector.secret
  const on = stage(createGoogleSimulator({ webhookSecret }), google({ webhookSecret }))
  const { delivery, operation } = await deliveryOf(omni, on)
  expect(await on.caller.deliver(delivery, 'x', on.clock.now)).toMatchObject({ status: 'verified', operation })
  const forged = { ...delivery, body: `${delivery.body} ` }
  expect(await on.caller.deliver(forged, 'x', on.clock.now)).toEqual({ status: 'forged' })
  const unaware = callerOf(google(), simulatedFetch(on.world))
  expect(await unaware.deliver(delivery, 'x', on.clock.now)).toEqual({ status: 'forged' })
  const { body, headers, now } = googleVector
  expect(await on.caller.deliver({ body, headers }, 'x', now)).toMatchObject({
    status: 'verified',
    deliveryId: 'msg_0001',
  })
  expect(await on.caller.deliver({ body, headers }, 'x', now + 301_000)).toEqual({ status: 'forged' })
})

test('keys and credit of the account', async () => {
  const { world, provider, caller } = stage()
  expect(await provider.check?.(caller.call)).toEqual({ status: 'accepted' })
  world.limit('google', '*', { perMinute: 0 })
  expect(await caller.submit(veo)).toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 2 })
  world.exhaust('google', 'a-key-0001')
  expect(await caller.submit(veo)).toMatchObject({ kind: 'credits_exhausted', scope: 'account' })
  world.revoke('google', 'a-key-0001')
  expect(await caller.submit(banana)).toMatchObject({ kind: 'auth', scope: 'token' })
  expect(await provider.check?.(caller.call)).toEqual({ status: 'refused', kind: 'auth' })
  expect(world.accepted()).toEqual([])
})
