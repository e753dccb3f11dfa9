/** Raw answers to a submit, good and hostile, and the one thing that each of them says. */
import { expect, test } from 'vitest'
import { fal } from './index.ts'
import { inputImage } from './inputs.ts'
import { fileOf, KEY, lookWith, scriptedFetch, submitWith } from '../../test/fal-calls.ts'

const provider = fal()
const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b'
const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
const page = (status: number) =>
  new Response('<html><center>nginx</center></html>', { status, headers: { 'content-type': 'text/html' } })

const TAKEN = { status: 'IN_QUEUE', request_id: ID }

test.each([
  ['a request id', json(200, TAKEN), { status: 'running' }],
  ['201 as well', json(201, TAKEN), { status: 'running' }],
  ['a numeric id beyond 2^53', json(200, '{"request_id":15169059293161724000}'), { status: 'running' }],
  ['401', json(401, { detail: 'no' }), { kind: 'auth', scope: 'token', paid: 'no' }],
  ['403', json(403, { detail: 'no' }), { kind: 'permission', scope: 'token' }],
  [
    '403, locked',
    json(403, { detail: 'User is locked. Reason: TOP_UP.' }),
    { kind: 'credits_exhausted', scope: 'account' },
  ],
  ['402 of a proxy, locked', json(402, { detail: 'User is locked.' }), { kind: 'credits_exhausted', scope: 'account' }],
  ['402', json(402, {}), { kind: 'credits_exhausted', scope: 'account' }],
  [
    '404 that is no JSON',
    new Response('404: Not Found', { status: 404 }),
    { kind: 'model_unavailable', scope: 'model' },
  ],
  ['405', json(405, {}), { kind: 'model_unavailable', scope: 'model' }],
  [
    '422',
    json(422, { detail: [{ loc: ['body', 'prompt'], msg: 'x', type: 'missing' }] }),
    { kind: 'invalid_input', scope: 'request' },
  ],
  [
    '422, flagged',
    json(422, { detail: [{ msg: 'x', type: 'content_policy_violation' }] }),
    { kind: 'content_policy', paid: 'unknown' },
  ],
  ['429', json(429, {}, { 'retry-after': '7' }), { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 7 }],
  [
    '429, concurrency',
    json(429, { detail: [{ msg: 'x', type: 'concurrent_requests_limit' }] }),
    { kind: 'concurrency', scope: 'account' },
  ],
  ['503 of the queue', json(503, { detail: 'busy' }), { kind: 'provider_error', scope: 'provider', paid: 'no' }],
  ['503 of nginx', page(503), { kind: 'provider_error', paid: 'no' }],
])('a submit answered with %s is known', async (_, answer, expected) => {
  const { fetch, requests } = scriptedFetch(answer)
  expect(await provider.submit(submitWith(fetch))).toMatchObject(expected)
  expect(requests).toHaveLength(1)
})

test.each([
  ['200 without an id', json(200, { status: 'IN_QUEUE' })],
  ['200 with an id that is a path', json(200, { request_id: '../../tokens' })],
  ['200 and half a document', json(200, '{"status":"IN_QUEUE","request_id":"764cab')],
  ['200 and a page', page(200)],
  ['a redirect', new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })],
  ['408', json(408, {})],
  ['409', json(409, {})],
  ['499', json(499, { detail: 'x', error_type: 'client_disconnected' })],
  ['500', json(500, { detail: 'x' })],
  ['502 of nginx', page(502)],
  ['504', json(504, { detail: 'x' })],
  ['503 of a request that was begun', json(503, { detail: 'x' }, { 'x-fal-request-id': ID })],
  ['a reset', new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) })],
])('a submit answered with %s is unknown', async (_, answer) => {
  const { fetch, requests } = scriptedFetch(answer)
  await expect(provider.submit(submitWith(fetch))).rejects.toThrow()
  expect(requests).toHaveLength(1)
})

test('a connection that never opened took nothing', async () => {
  const closed = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) })
  const { fetch } = scriptedFetch(closed)
  expect(await provider.submit(submitWith(fetch))).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
})

test('a submit carries the key, the webhook and how long files are kept', async () => {
  const { fetch, requests } = scriptedFetch(json(200, TAKEN))
  await provider.submit(submitWith(fetch, { webhookUrl: 'https://me.example/w?a=1&b=2' }))
  const [request] = requests
  expect(request?.url).toBe(
    'https://queue.fal.run/fal-ai/flux/schnell?fal_webhook=https%3A%2F%2Fme.example%2Fw%3Fa%3D1%26b%3D2',
  )
  expect(request?.redirect).toBe('manual')
  expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
    authorization: `Key ${KEY}`,
    'content-type': 'application/json',
    'x-fal-object-lifecycle-preference': '{"expiration_duration_seconds":604800}',
  })
})

const own = 'https://queue.fal.run/fal-ai/flux/requests'
test.each([
  ['its own', { status_url: `${own}/other/status` }, 'fal-ai/flux/dev', `${own}/other/status?logs=1`],
  ['a stranger’s', { status_url: 'https://evil.example/status' }, 'fal-ai/flux/dev', `${own}/${ID}/status?logs=1`],
  [
    'a lookalike’s',
    { status_url: 'https://queue.fal.run@evil.example/' },
    'fal-ai/flux/dev',
    `${own}/${ID}/status?logs=1`,
  ],
  ['no', {}, 'openai/gpt-image-2', `https://queue.fal.run/openai/gpt-image-2/requests/${ID}/status?logs=1`],
  ['no', {}, 'workflows/me/cats', `https://queue.fal.run/workflows/me/cats/requests/${ID}/status?logs=1`],
  ['no', {}, 'comfy/me/cats/x', `https://queue.fal.run/comfy/me/cats/requests/${ID}/status?logs=1`],
  [
    'no',
    { status_url: 17 },
    'fal-ai/kling-video/v3/standard/text-to-video',
    `https://queue.fal.run/fal-ai/kling-video/requests/${ID}/status?logs=1`,
  ],
])('%s address in the answer leads to the right one', async (_, urls, endpoint, expected) => {
  const { fetch, requests } = scriptedFetch(json(200, { ...TAKEN, ...urls }), json(202, { status: 'IN_QUEUE' }))
  const submitted = await provider.submit(submitWith(fetch, { endpoint }))
  if (submitted.status !== 'running') throw new Error('It was not taken')
  await provider.look(lookWith(fetch, submitted.operation))
  expect(requests[1]?.url).toBe(expected)
})

test('behind a proxy fal’s own hosts get no key', async () => {
  const proxied = fal({ queueUrl: 'http://127.0.0.1:9000/fal' })
  for (const host of ['https://queue.fal.run', 'https://fal.run', 'http://127.0.0.1:9001']) {
    const urls = { status_url: `${host}/x/status`, response_url: `${host}/x`, cancel_url: `${host}/x/cancel` }
    const { fetch, requests } = scriptedFetch(json(200, { ...TAKEN, ...urls }), json(202, {}), json(202, {}))
    const submitted = await proxied.submit(submitWith(fetch))
    if (submitted.status !== 'running') throw new Error('It was not taken')
    await proxied.cancel(lookWith(fetch, submitted.operation))
    await expect(proxied.look(lookWith(fetch, submitted.operation))).rejects.toThrow()
    expect(requests.map(({ url }) => new URL(url).origin)).toEqual(Array(3).fill('http://127.0.0.1:9000'))
  }
})

test.each([
  ['a stranger’s, encrypted', 'https://storage.example/put', 'running'],
  ['a stranger’s, in the open', 'http://storage.example/put', 'refused'],
  ['none', undefined, 'refused'],
  ['no address', 'put', 'refused'],
])('a place to upload to that is %s never gets the key', async (_, uploadUrl, expected) => {
  const initiated = json(200, { upload_url: uploadUrl, file_url: 'https://v3.fal.media/files/a.png' })
  const { fetch, requests } = scriptedFetch(initiated, new Response(null), json(200, TAKEN))
  const order = { body: { prompt: 'x', image_url: inputImage(0) }, files: [fileOf(3_000_000)] }
  expect(await provider.submit(submitWith(fetch, order))).toMatchObject({ status: expected })
  expect(requests[0]?.url).toBe('https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3')
  expect(requests.filter(({ method }) => method === 'PUT').map(({ headers }) => headers.get('authorization'))).toEqual(
    expected === 'running' ? [null] : [],
  )
})
