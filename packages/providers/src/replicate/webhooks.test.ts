import type { Token, WebhookCall, WebhookNews } from '@safelight/core'
import { expect, test } from 'vitest'
import { createWorld, simulatedFetch } from '../testing/kit/index.ts'
import { replicate } from './index.ts'
import { replicateSimulator, secretOf } from './simulator.ts'

/** Signed with a throw-away key; the verifiers of `replicate` 1.4.0 and `openai` 6.49.0 accept it. */
const VECTOR = {
  secret: 'whsec_cG9vbC1zaW0tc3RhbmRhcmQtd2ViaG9va3Mta2V5LTMyYiE=',
  headers: {
    'webhook-id': 'msg_0001',
    'webhook-timestamp': '1763900000',
    'webhook-signature': 'v1,clu7OlU93gy2sZ1FbHLVTwqkDKASTIfFs0Ao9LMdaeY=',
  },
  body: '{"id":"pred_1","status":"succeeded","output":["https://sim.invalid/a.png"]}',
}
const NOW = 1_763_900_000_000

const token: Token = {
  provider: 'replicate',
  label: 'one',
  secret: 'r8_one',
  account: 'one',
  draining: false,
  maxOpen: null,
}

function callOf(
  change: Partial<Omit<WebhookCall, 'body' | 'headers'>> & { body?: string; headers?: object } = {},
): WebhookCall {
  const { body = VECTOR.body, headers = {}, ...rest } = change
  return {
    token,
    attemptId: 'attempt-1',
    endpoint: 'o/n',
    signal: new AbortController().signal,
    now: NOW,
    fetch: async () => Response.json({ key: VECTOR.secret }),
    body: new TextEncoder().encode(body),
    headers: new Headers({ ...VECTOR.headers, ...headers }),
    ...rest,
  }
}

const read = (change: Parameters<typeof callOf>[0] = {}): Promise<WebhookNews> | undefined =>
  replicate().webhook?.(callOf(change))

test('the vector is genuine and names its prediction', async () => {
  expect(await read()).toEqual({ status: 'verified', deliveryId: 'msg_0001', operation: { id: 'pred_1' } })
  // One of several signatures is enough: a secret is being changed.
  const rotated = { 'webhook-signature': `v1,AAAA v2,zzz ${VECTOR.headers['webhook-signature']}` }
  expect(await read({ headers: rotated })).toMatchObject({ status: 'verified' })
})

test.each([
  ['another body', { body: `${VECTOR.body} ` }],
  ['another id', { headers: { 'webhook-id': 'msg_0002' } }],
  ['another time', { headers: { 'webhook-timestamp': '1763900001' } }],
  ['no signature', { headers: { 'webhook-signature': '' } }],
  ['no base64', { headers: { 'webhook-signature': 'v1,***' } }],
  ['another scheme', { headers: { 'webhook-signature': VECTOR.headers['webhook-signature'].replace('v1', 'v2') } }],
  ['too old', { now: NOW + 301_000 }],
  ['from the future', { now: NOW - 301_000 }],
])('forged: %s', async (_, change) => {
  expect(await read(change)).toEqual({ status: 'forged' })
})

test('signed, but no prediction: it wakes the job and names nothing', async () => {
  const world = createWorld({ simulators: [replicateSimulator] })
  for (const body of ['not json', '{"id":7.5e400}', '[]']) {
    const { createHmac } = await import('node:crypto')
    const key = Buffer.from(secretOf('r8_one').slice(6), 'base64')
    const signature = createHmac('sha256', key).update(`m1.1763900000.${body}`).digest('base64')
    const headers = { 'webhook-id': 'm1', 'webhook-signature': `v1,${signature}` }
    const news = await read({ body, headers, fetch: simulatedFetch(world) })
    expect(news).toEqual({ status: 'verified', deliveryId: 'm1' })
  }
})

test('the secret is asked for once, and again at most once a minute when a signature does not fit', async () => {
  const provider = replicate()
  let asked = 0
  let key = VECTOR.secret
  const fetch: typeof globalThis.fetch = async () => {
    asked++
    return Response.json({ key })
  }
  const at = (seconds: number, change: Parameters<typeof callOf>[0] = {}) =>
    provider.webhook?.(callOf({ fetch, now: NOW + seconds * 1000, ...change }))
  await at(0)
  expect(await at(1)).toMatchObject({ status: 'verified' })
  expect(asked).toBe(1)
  const forgery = { body: 'forged' }
  for (const seconds of [2, 59]) expect(await at(seconds, forgery)).toEqual({ status: 'forged' })
  expect(asked).toBe(1)
  for (const seconds of [61, 62, 63]) expect(await at(seconds, forgery)).toEqual({ status: 'forged' })
  expect(asked).toBe(2)
  // Their secret has changed since: the genuine delivery is read with the new one.
  key = 'whsec_AAAA'
  for (const seconds of [122, 123]) expect(await at(seconds, forgery)).toEqual({ status: 'forged' })
  expect(asked).toBe(3)
  key = VECTOR.secret
  expect(await at(183)).toMatchObject({ status: 'verified' })
  expect(asked).toBe(4)
})

test('each token has its own secret, and without one nothing is said', async () => {
  const provider = replicate()
  const two: Token = { ...token, label: 'two', secret: 'r8_two' }
  const fetch: typeof globalThis.fetch = async (_, init) => {
    const isFirst = new Headers(init?.headers).get('authorization') === 'Bearer r8_one'
    return Response.json({ key: isFirst ? VECTOR.secret : 'whsec_AAAA' })
  }
  expect(await provider.webhook?.(callOf({ fetch }))).toMatchObject({ status: 'verified' })
  expect(await provider.webhook?.(callOf({ fetch, token: two }))).toEqual({ status: 'forged' })
  const denied = async () => Response.json({ title: 'Unauthenticated' }, { status: 401 })
  await expect(replicate().webhook?.(callOf({ fetch: denied }))).rejects.toThrow('401')
})

test('deliveries of the simulator are genuine, the late one is too old, the forged one is not theirs', async () => {
  const taken: WebhookNews['status'][] = []
  const world = createWorld({
    simulators: [replicateSimulator],
    seconds: 0.01,
    post: async (_, init) => {
      const body = init?.body as string
      const headers = Object.fromEntries(new Headers(init?.headers))
      const news = await read({ body, headers, fetch: simulatedFetch(world), now: Date.now() })
      taken.push(news?.status ?? 'forged')
      return new Response(null, { status: 204 })
    },
  })
  for (const webhook of ['once', 'twice', 'late', 'forged', 'none'] as const) {
    world.next('replicate', { webhook })
    await replicate().submit({
      ...callOf({ fetch: simulatedFetch(world) }),
      endpoint: 'black-forest-labs/flux-schnell',
      body: { input: { prompt: 'a fox' } },
      files: [],
      webhookUrl: 'https://me.example/hook',
    })
    await world.idle()
  }
  expect(taken).toEqual(['verified', 'verified', 'verified', 'forged', 'forged'])
})
