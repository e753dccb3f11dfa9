/** Signed deliveries: one made elsewhere, and what forgers try. */
import { expect, test } from 'vitest'
import { fal } from './index.ts'
import { callWith } from '../../test/fal-calls.ts'
import { JWKS, signed } from './simulated/signing.ts'

const NOW = 1_763_900_000
/** Made with Node's `crypto.sign` and a throw-away key; also accepted by WebCrypto and by jose. */
const VECTOR = {
  headers: {
    'x-fal-webhook-request-id': '9b1f',
    'x-fal-webhook-user-id': 'user_42',
    'x-fal-webhook-timestamp': String(NOW),
    'x-fal-webhook-signature':
      'c4aa6b3f8e185dd4924e560650ffdace30641185a4f601d2cbb8342ae6a7bab64099613f62657d2f4c72ddf0eedcd6dc2f82cc1b908f369a2c149c8f5245800a',
  } as Record<string, string>,
  body: '{"request_id":"9b1f","gateway_request_id":"9b1f","status":"OK","payload":{"images":[{"url":"https://sim.invalid/x.jpg"}]}}',
}
const OTHER_KEY = { kty: 'OKP', crv: 'Ed25519', x: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }

/** Serves these key sets in turn, the last one for ever. */
function keyServer(...sets: readonly unknown[]) {
  const requests: Request[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    requests.push(new Request(input, init))
    const set = sets[Math.min(requests.length, sets.length) - 1]
    return typeof set === 'number' ? new Response('busy', { status: set }) : Response.json(set)
  }
  return { fetch, requests }
}

type Change = { headers?: Record<string, string>; body?: string; atSeconds?: number }
function deliveryWith(fetch: typeof globalThis.fetch, { headers, body = VECTOR.body, atSeconds = NOW }: Change = {}) {
  return {
    ...callWith(fetch),
    endpoint: 'fal-ai/flux/dev',
    headers: new Headers({ ...VECTOR.headers, ...headers }),
    body: new TextEncoder().encode(body),
    now: atSeconds * 1000,
  }
}

const GENUINE = {
  status: 'verified',
  deliveryId: '9b1f',
  operation: { requestId: '9b1f', endpoint: 'fal-ai/flux/dev' },
}

test('a delivery that was signed elsewhere is genuine, and the key of the account goes nowhere', async () => {
  const { fetch, requests } = keyServer({ keys: [OTHER_KEY, { kty: 'EC', x: '%' }, ...JWKS.keys] })
  expect(await fal().webhook(deliveryWith(fetch))).toEqual(GENUINE)
  expect(requests.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([
    ['https://rest.fal.ai/.well-known/jwks.json', null],
  ])
})

test('keys without padding are keys as well', async () => {
  const keys = JWKS.keys.map(key => ({ ...key, x: key.x.replace('=', '') }))
  expect(await fal().webhook(deliveryWith(keyServer({ keys }).fetch))).toEqual(GENUINE)
})

test('the simulator signs as the vector is signed', async () => {
  expect(await signed('9b1f', VECTOR.body, NOW)).toEqual(VECTOR.headers)
})

test.each([
  ['another body', { body: VECTOR.body.replace('9b1f', '9b1e') }],
  ['a space more', { body: `${VECTOR.body} ` }],
  ['another request', { headers: { 'x-fal-webhook-request-id': '9b1e' } }],
  ['another user', { headers: { 'x-fal-webhook-user-id': 'user_43' } }],
  ['another time', { headers: { 'x-fal-webhook-timestamp': String(NOW + 1) } }],
  [
    'another signature',
    { headers: { 'x-fal-webhook-signature': `00${VECTOR.headers['x-fal-webhook-signature']?.slice(2)}` } },
  ],
  ['a short signature', { headers: { 'x-fal-webhook-signature': 'c4aa' } }],
  ['no hexadecimal', { headers: { 'x-fal-webhook-signature': 'z'.repeat(128) } }],
  ['an empty signature', { headers: { 'x-fal-webhook-signature': '' } }],
  ['no time', { headers: { 'x-fal-webhook-timestamp': 'now' } }],
  ['an old delivery', { atSeconds: NOW + 301 }],
  ['one from the future', { atSeconds: NOW - 301 }],
] satisfies [string, Change][])('%s is forged', async (_, change) => {
  expect(await fal().webhook(deliveryWith(keyServer(JWKS).fetch, change))).toEqual({ status: 'forged' })
})

test('a delivery without one of the headers is forged, and nobody is asked for keys', async () => {
  const { fetch, requests } = keyServer(JWKS)
  for (const name of Object.keys(VECTOR.headers)) {
    const delivery = deliveryWith(fetch)
    delivery.headers.delete(name)
    expect(await fal().webhook(delivery)).toEqual({ status: 'forged' })
  }
  expect(requests).toHaveLength(0)
})

test('keys are kept, and asked for again at most once a minute where none fits', async () => {
  const { fetch, requests } = keyServer({ keys: [OTHER_KEY] }, JWKS)
  const { webhook } = fal()
  const at = async (atSeconds: number) => {
    const headers = await signed('9b1f', VECTOR.body, atSeconds)
    return webhook(deliveryWith(fetch, { headers, atSeconds }))
  }
  expect(await at(NOW)).toEqual({ status: 'forged' })
  expect(await at(NOW + 30)).toEqual({ status: 'forged' })
  expect(requests).toHaveLength(1)
  expect(await at(NOW + 61)).toEqual(GENUINE)
  expect(await at(NOW + 3000)).toEqual(GENUINE)
  expect(requests).toHaveLength(2)
  expect(await at(NOW + 4000)).toEqual(GENUINE)
  expect(requests).toHaveLength(3)
})

test('deliveries that come together ask once', async () => {
  const { fetch, requests } = keyServer(JWKS)
  const { webhook } = fal()
  const news = await Promise.all(Array.from({ length: 20 }, () => webhook(deliveryWith(fetch))))
  expect(new Set(news.map(({ status }) => status))).toEqual(new Set(['verified']))
  expect(requests).toHaveLength(1)
})

test('without keys nobody knows: it is neither genuine nor forged', async () => {
  for (const set of [503, { keys: [] }, 'text']) {
    const { webhook } = fal()
    const { fetch } = keyServer(set, JWKS)
    await expect(webhook(deliveryWith(fetch))).rejects.toThrow(/keys/)
    expect(await webhook(deliveryWith(fetch))).toEqual(GENUINE)
  }
})

test('a signed body that nobody can read still wakes the job', async () => {
  for (const body of ['{"status":', '[]', '{"request_id":"../x"}']) {
    const headers = await signed('9b1f', body, NOW)
    const news = await fal().webhook(deliveryWith(keyServer(JWKS).fetch, { headers, body }))
    expect(news).toEqual({ status: 'verified', deliveryId: '9b1f' })
  }
})
