/** Raw answers about a job, good and hostile, and the one thing that each of them says. */
import { expect, test } from 'vitest'
import { fal } from './index.ts'
import { callWith, KEY, lookWith, outputsOf, scriptedFetch, submitWith } from '../../test/fal-calls.ts'

const provider = fal()
const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b'
const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
const page = (status: number) =>
  new Response('<html><center>nginx</center></html>', { status, headers: { 'content-type': 'text/html' } })

const own = 'https://queue.fal.run/fal-ai/flux/requests'
const OPERATION = { requestId: ID, endpoint: 'fal-ai/flux/schnell' }
const COMPLETED = { status: 'COMPLETED', request_id: ID }

test.each([
  ['queued', { status: 'IN_QUEUE', queue_position: 3 }, { stage: 'queued', queuePosition: 3, fraction: null }],
  ['running', { status: 'IN_PROGRESS', logs: null }, { stage: 'running', queuePosition: null, fraction: null }],
  ['running, with a bar', { status: 'IN_PROGRESS', logs: [{ message: ' 36%|███▌      | 10/28' }] }, { fraction: 0.36 }],
  ['a word that nobody wrote down', { status: 'ERROR', error: 'x' }, { stage: 'running' }],
])('a status of %s still runs', async (_, body, expected) => {
  const { fetch } = scriptedFetch(json(202, body))
  expect(await provider.look(lookWith(fetch, OPERATION))).toMatchObject({ status: 'running', ...expected })
})

test.each([
  ['401', json(401, { detail: 'x' })],
  ['403', json(403, { detail: 'User is locked. Reason: TOP_UP.' })],
  ['404', json(404, { detail: 'Request not found' })],
  ['429', json(429, {})],
  ['500', json(500, { detail: 'x' })],
  ['503', page(503)],
  ['a page', page(200)],
  ['half a document', json(200, '{"status":"COMPLE')],
  ['JSON that is no status', json(200, { hello: 1 })],
  ['a list', json(200, [])],
])('a status of %s says nothing', async (_, answer) => {
  const { fetch } = scriptedFetch(answer)
  await expect(provider.look(lookWith(fetch, OPERATION))).rejects.toThrow(/fal’s status/)
})

test.each([
  ['401', json(401, { detail: 'x' })],
  ['403', json(403, { detail: 'Forbidden' })],
  ['403, locked', json(403, { detail: 'User is locked. Reason: TOP_UP.' })],
  ['404', json(404, { detail: 'Request not found' })],
  ['429', json(429, { detail: 'Rate limit exceeded' })],
  ['500 of a gateway', json(500, { detail: 'Service is busy' })],
  ['503 of a gateway', json(503, { detail: 'Service is busy', message: 'Service is busy' })],
  ['502 of nginx', page(502)],
  ['a page', page(200)],
  ['half a document', json(200, '{"images":[{"url":"https://')],
  ['a number', json(200, '7')],
])('a result of %s says nothing', async (_, answer) => {
  const { fetch } = scriptedFetch(json(200, COMPLETED), answer)
  await expect(provider.look(lookWith(fetch, OPERATION))).rejects.toThrow(/fal’s result/)
})

test.each([
  ['not yet, 400', json(400, { detail: 'Request is still in progress' }), { status: 'running' }],
  ['not yet, 500', json(500, { detail: 'Request is still in progress' }), { status: 'running' }],
  ['400 with words', json(400, { detail: 'Unsupported data URL' }), { kind: 'invalid_input', paid: 'no' }],
  [
    'an app’s own 500',
    json(500, { detail: 'Out of memory' }, { 'x-fal-request-id': ID }),
    { kind: 'provider_error', paid: 'no' },
  ],
  ['a typed 403', json(403, { detail: [{ msg: 'x', type: 'content_blocked' }] }), { kind: 'content_policy' }],
  [
    'units that were billed',
    json(422, { detail: [{ msg: 'x', type: 'content_policy_violation' }] }, { 'x-fal-billable-units': '2.5' }),
    { kind: 'content_policy', paid: 'yes' },
  ],
  ['types that nobody wrote down', json(422, { detail: [{ msg: 'x', type: 'martian' }] }), { kind: 'invalid_input' }],
  [
    'the second of two types',
    json(422, {
      detail: [
        { msg: 'x', type: 'martian' },
        { msg: 'y', type: 'no_media_generated' },
      ],
    }),
    { kind: 'no_output' },
  ],
  ['`constructor` for a type', json(422, { detail: [{ msg: 'x', type: 'constructor' }] }), { kind: 'invalid_input' }],
  ['no files', json(200, { images: [] }), { kind: 'no_output', paid: 'yes' }],
  ['null for a clip', json(200, { video: null }), { kind: 'no_output', paid: 'yes' }],
])('a result of %s is the end of it, or not', async (_, answer, expected) => {
  const { fetch } = scriptedFetch(json(200, COMPLETED), answer)
  expect(await provider.look(lookWith(fetch, OPERATION))).toMatchObject({ status: 'failed', ...expected })
})

test('an error in the status counts even where the result cannot be had', async () => {
  for (const answer of [page(502), json(404, {}), json(401, {}), json(429, {})]) {
    const { fetch } = scriptedFetch(json(200, { ...COMPLETED, error: 'broken' }), answer)
    const expected = { status: 'failed', kind: 'provider_error', paid: 'unknown' }
    expect(await provider.look(lookWith(fetch, OPERATION))).toMatchObject(expected)
  }
})

test('files in every form that models use', async () => {
  const url = 'https://v3.fal.media/files/a.png'
  const results: [object, object[]][] = [
    [
      { images: [{ url, content_type: 'image/png' }, { url }], has_nsfw_concepts: [false, true] },
      [
        { url, contentType: 'image/png' },
        { url, flagged: true },
      ],
    ],
    [{ image: { url } }, [{ url }]],
    [{ images: [url] }, [{ url }]],
    [{ video: { url }, has_nsfw_concepts: true }, [{ url, flagged: true }]],
    [{ images: [{ width: 3 }, { url }] }, [{}, { url }]],
  ]
  for (const [result, outputs] of results) {
    const { fetch } = scriptedFetch(json(200, COMPLETED), json(200, result))
    const progress = await provider.look(lookWith(fetch, OPERATION))
    const found = outputsOf(progress).map(({ expiresAt: _expiresAt, ...rest }) => rest)
    expect(found).toEqual(outputs)
  }
})

const events = (...statuses: unknown[]) =>
  new Response(statuses.map(status => `event: message\ndata: ${JSON.stringify(status)}\n\n`).join(': ping\n\n'), {
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
  })

test('a stream that is cut, refused, or none at all says nothing about the job', async () => {
  const running = { status: 'IN_PROGRESS', logs: null }
  const answers = [
    events(running),
    events(),
    json(200, COMPLETED),
    page(502),
    json(404, {}),
    new Response(null, { status: 204 }),
  ]
  for (const answer of answers) {
    const { fetch, requests } = scriptedFetch(answer)
    await expect(provider.follow(lookWith(fetch, OPERATION))).rejects.toThrow(/stream/)
    expect(requests.map(({ url }) => url)).toEqual([`${own}/${ID}/status/stream?logs=1`])
  }
})

test('of equal news only the first is told, and odd events are passed over', async () => {
  const told: unknown[] = []
  const queued = { status: 'IN_QUEUE', queue_position: 1 }
  const { fetch } = scriptedFetch(
    events(queued, queued, { hello: 1 }, 'text', { ...queued, queue_position: 0 }, COMPLETED),
    json(200, { images: [{ url: 'https://v3.fal.media/x.png' }] }),
  )
  const progress = await provider.follow({ ...lookWith(fetch, OPERATION), tell: news => told.push(news.queuePosition) })
  expect([progress.status, told]).toEqual(['done', [1, 0]])
})

test('a line that stays open after the end is given back', async () => {
  let isReleased = false
  const body = new ReadableStream<Uint8Array>({
    start: stream => stream.enqueue(new TextEncoder().encode('data: {"status":"COMPLETED"}\n\n')),
    cancel: () => void (isReleased = true),
  })
  const { fetch } = scriptedFetch(
    new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    json(200, { images: [{ url: 'https://v3.fal.media/x.png' }] }),
  )
  expect(await provider.follow(lookWith(fetch, OPERATION))).toMatchObject({ status: 'done' })
  expect(isReleased).toBe(true)
})

test('an endless event is not collected for ever', async () => {
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent++
      controller.enqueue(new TextEncoder().encode(`data: ${'x'.repeat(1_000_000)}`))
    },
  })
  const { fetch } = scriptedFetch(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  await expect(provider.follow(lookWith(fetch, OPERATION))).rejects.toThrow()
  expect(sent).toBeLessThan(20)
})

test('the signal ends a stream at once', async () => {
  const controller = new AbortController()
  const body = new ReadableStream<Uint8Array>({
    start: stream => stream.enqueue(new TextEncoder().encode('data: {"status":"IN_QUEUE"}\n\n')),
  })
  const { fetch } = scriptedFetch(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  const call = lookWith(fetch, OPERATION, { signal: controller.signal })
  const followed = provider.follow({ ...call, tell: () => controller.abort(new Error('enough')) })
  await expect(followed).rejects.toThrow('enough')
})

test('nothing that fal repeats brings the key into a message', async () => {
  const detail = `Bad key ${KEY}, or key-secret-sentinel`
  const { fetch } = scriptedFetch(json(401, { detail }), json(200, { ...COMPLETED, error: detail }), page(502))
  const refusal = await provider.submit(submitWith(fetch))
  const failure = await provider.look(lookWith(fetch, OPERATION))
  expect(JSON.stringify([refusal, failure])).not.toContain('sentinel')
})

test.each([
  ['a stored text', 'nothing'],
  ['another provider’s', { id: 7 }],
  ['an id that is a path', { requestId: '../..', endpoint: 'a/b' }],
])('%s is no operation', async (_, operation) => {
  const { fetch, requests } = scriptedFetch()
  await expect(provider.look(lookWith(fetch, operation))).rejects.toThrow('This is no operation of fal')
  expect(requests).toHaveLength(0)
})

test.each([
  ['a number', json(200, '12.5'), { status: 'accepted', balance: { amount: 12.5, unit: 'USD' } }],
  ['401', json(401, {}), { status: 'refused', kind: 'auth' }],
  ['403', json(403, { detail: 'no' }), { status: 'refused', kind: 'permission' }],
  [
    '403, locked',
    json(403, { detail: 'User is locked. Reason: Exhausted balance.' }),
    { status: 'refused', kind: 'credits_exhausted' },
  ],
])('a balance of %s', async (_, answer, expected) => {
  const { fetch, requests } = scriptedFetch(answer)
  expect(await provider.check(callWith(fetch))).toEqual(expected)
  expect(requests[0]?.url).toBe('https://rest.fal.ai/billing/user_balance')
})

test('a check that fails says nothing about the key', async () => {
  await expect(provider.check(callWith(scriptedFetch(page(502)).fetch))).rejects.toThrow('502')
})
