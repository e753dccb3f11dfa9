/** Raw answers, one by one: what they say about the job, and about money. */
import { describe, expect, test } from 'vitest'
import { wavespeed } from './provider.ts'
import { callOf, canned, lookCall, submit } from '../../test/wavespeed-calls.ts'

const provider = wavespeed()
const json = (value: unknown, status = 200) => Response.json(value, { status })
const html = (status: number) =>
  new Response('<!DOCTYPE html><h1>Oops</h1>', { status, headers: { 'content-type': 'text/html' } })
const submitted = (answer: Response | Error) => submit({ provider, fetch: canned(answer).fetch })
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

describe('a submit is taken', () => {
  test.each([
    ['as recorded', { code: 200, message: 'success', data: { id: 'a1', status: 'created', outputs: [] } }],
    ['processing already', { code: 200, data: { id: 'a1', status: 'processing' } }],
    [
      'sync mode gave up',
      { code: 200, data: { id: 'a1', status: 'processing', code: 5004, error: 'Sync mode timed out' } },
    ],
    ['another code, but there is a task', { code: 5004, data: { id: 'a1', status: 'processing' } }],
    ['failed at once: the look will say so', { code: 200, data: { id: 'a1', status: 'failed', error: 'x' } }],
    ['without an envelope', { id: 'a1', status: 'created' }],
    ['the code as text', { code: '200', data: { id: 'a1' } }],
  ])('%s', async (_, body) => {
    expect(await submitted(json(body))).toEqual({ status: 'running', operation: { id: 'a1' } })
  })

  test('an id beyond 2^53 keeps its digits', async () => {
    const text = '{"code":200,"data":{"id":"12345678901234567890","urls":{"get":"https://api.wavespeed.ai/x"}}}'
    expect(await submitted(new Response(text))).toEqual({
      status: 'running',
      operation: { id: '12345678901234567890', url: 'https://api.wavespeed.ai/x' },
    })
  })

  test('base64 that is none is no output, and no doubt about the task', async () => {
    const outputs = [`${PNG.slice(0, 40)}A`]
    const answer = await submitted(json({ code: 200, data: { id: 'a1', status: 'completed', outputs } }))
    expect(answer).toEqual({ status: 'done', outputs: [{}], operation: { id: 'a1' } })
  })

  test('a completed answer brings its outputs, naked base64 as bytes', async () => {
    const outputs = ['https://cdn.example/1.png', PNG]
    const answer = await submitted(json({ code: 200, data: { id: 'a1', status: 'completed', outputs } }))
    expect(answer).toMatchObject({ status: 'done', outputs: [{ url: outputs[0] }, { contentType: 'image/png' }] })
    expect(answer).toHaveProperty(['outputs', 1, 'bytes', 1], 80)
  })
})

describe('a submit is refused', () => {
  test.each([
    ['401', json({ code: 401, message: 'invalid api key' }, 401), 'auth', 'token'],
    ['401 as HTML', html(401), 'auth', 'token'],
    ['HTTP 200, code 401', json({ code: 401, message: 'unauthorized' }), 'auth', 'token'],
    ['HTTP 200, code 403', json({ code: 403, message: 'insufficient role' }), 'permission', 'token'],
    ['HTTP 200, the code as text', json({ code: '403', message: 'no' }), 'permission', 'token'],
    ['402', json({ code: 402, message: 'x' }, 402), 'credits_exhausted', 'account'],
    ['credits by 400', json({ code: 400, message: 'Insufficient credits' }, 400), 'credits_exhausted', 'account'],
    ['balance by 403', json({ code: 403, message: 'balance too low' }, 403), 'credits_exhausted', 'account'],
    ['top up by 429', json({ code: 429, message: 'please top up' }, 429), 'credits_exhausted', 'account'],
    ['credits by HTTP 200', json({ code: 400, message: 'not enough credits' }), 'credits_exhausted', 'account'],
    ['parameters', json({ code: 400, message: 'size is invalid' }, 400), 'invalid_input', 'request'],
    ['422', json({ code: 422, message: 'x' }, 422), 'invalid_input', 'request'],
    [
      'a parameter called safety_tolerance',
      json({ code: 400, message: 'safety_tolerance must be 1 to 5' }, 400),
      'invalid_input',
      'request',
    ],
    ['policy', json({ code: 400, message: 'sensitive words in prompt' }, 400), 'content_policy', 'request'],
    ['NSFW by HTTP 200', json({ code: 400, message: 'NSFW prompt' }), 'content_policy', 'request'],
    ['a key by 403', json({ code: 403, message: 'Invalid API key' }, 403), 'auth', 'token'],
    ['a 400 that means 429', json({ code: 429, message: 'slow down' }, 400), 'rate_limited', 'account'],
    ['a 429 that says 400', json({ code: 400, message: 'slow down' }, 429), 'rate_limited', 'account'],
    ['413 as HTML', html(413), 'invalid_input', 'request'],
    ['funds', json({ code: 403, message: 'Insufficient account funds' }, 403), 'credits_exhausted', 'account'],
    ['no such model', json({ code: 404, message: 'not found' }, 404), 'model_unavailable', 'model'],
    ['model by 400', json({ code: 400, message: 'model x is not available' }, 400), 'model_unavailable', 'model'],
    ['429', json({ code: 429, message: 'Too many requests' }, 429), 'rate_limited', 'account'],
    ['429 for concurrency', json({ code: 429, message: 'too many concurrent tasks' }, 429), 'concurrency', 'account'],
    ['rate by HTTP 200', json({ code: 429, message: 'slow down' }), 'rate_limited', 'account'],
    ['HTTP 200, code 500', json({ code: 500, message: 'internal error' }), 'provider_error', 'provider'],
    ['403 as HTML, from a firewall', html(403), 'unreachable', 'provider'],
    ['404 as HTML', html(404), 'unreachable', 'provider'],
  ])('%s', async (_, answer, kind, scope) => {
    expect(await submitted(answer)).toMatchObject({ status: 'refused', kind, scope, paid: 'no' })
  })

  test('Retry-After is read', async () => {
    const answer = new Response('{"code":429,"message":"x"}', { status: 429, headers: { 'retry-after': '7' } })
    expect(await submitted(answer)).toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 7 })
  })

  test('a connection that never opened', async () => {
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) })
    expect(await submitted(error)).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
  })

  test('a message never carries more than 500 characters', async () => {
    const answer = await submitted(json({ code: 400, message: 'x'.repeat(10_000) }, 400))
    expect(answer.status === 'refused' && answer.message.length).toBe(500)
  })
})

describe('nobody knows what became of a submit', () => {
  test.each([
    ['500', json({ code: 500, message: 'x' }, 500)],
    ['502 as HTML', html(502)],
    ['503', json({ code: 503, message: 'x' }, 503)],
    ['504 without a body', new Response(null, { status: 504 })],
    ['408', json({ code: 408, message: 'x' }, 408)],
    ['a redirect', new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })],
    ['HTML with status 200', html(200)],
    ['half of the JSON', new Response('{"code":200,"data":{"id":"a1"')],
    ['no task', json({ code: 200, message: 'success', data: {} })],
    ['data is null', json({ code: 200, data: null })],
    ['the id is a number', json({ code: 200, data: { id: 5 } })],
    ['a gateway word in the envelope', json({ code: 504, message: 'timeout' })],
    ['an error with an id of its own', json({ id: 'err_1', message: 'x' }, 500)],
    ['null', json(null)],
    ['a list', json([{ id: 'a1' }])],
    ['nothing', new Response('')],
    [
      'the line broke',
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }) }),
    ],
  ])('%s', async (_, answer) => {
    await expect(submitted(answer)).rejects.toThrow()
  })
})

const operation = { id: 'a1', url: 'https://api.wavespeed.ai/api/v3/predictions/a1/result' }
const looked = (data: unknown, envelope: object = { code: 200 }) =>
  provider.look({ ...callOf(canned(json({ ...envelope, data })).fetch), operation })

describe('a look', () => {
  test.each([
    ['created', { status: 'created' }, 'queued'],
    ['pending', { status: 'pending' }, 'queued'],
    ['processing', { status: 'processing' }, 'running'],
    ['a word that nobody knows', { status: 'dreaming' }, 'running'],
    ['sync mode gave up, by code', { status: 'processing', code: 5004 }, 'running'],
    ['sync mode gave up, by text', { status: 'processing', error: 'Sync mode timed out after 120 s' }, 'running'],
    ['5004 called a failure', { status: 'failed', code: 5004, error: 'Sync mode timed out' }, 'running'],
  ])('%s', async (_, task, stage) => {
    expect(await looked({ id: 'a1', ...task })).toEqual({ status: 'running', stage })
  })

  test.each([
    ['policy', { status: 'failed', error: 'Content flagged as NSFW content' }, 'content_policy', 'no'],
    ['sensitive', { status: 'failed', error: 'The image may contain sensitive information' }, 'content_policy', 'no'],
    ['input', { status: 'failed', error: 'Failed to download image from URL' }, 'invalid_input', 'no'],
    [
      'upstream',
      { status: 'failed', error: 'Generation failed: invalid response from upstream' },
      'provider_error',
      'no',
    ],
    ['nothing said', { status: 'failed', error: '' }, 'provider_error', 'no'],
    ['timeout', { status: 'timeout', error: '' }, 'provider_error', 'unknown'],
    ['cancelled', { status: 'cancelled' }, 'canceled', 'unknown'],
    ['deleted', { status: 'deleted' }, 'canceled', 'unknown'],
  ])('ended: %s', async (_, task, kind, paid) => {
    expect(await looked({ id: 'a1', ...task })).toMatchObject({ status: 'failed', kind, paid })
  })

  test('outputs: addresses, flags and a lifetime of seven days', async () => {
    const data = {
      id: 'a1',
      status: 'completed',
      created_at: '2026-11-23T00:00:00.000Z',
      outputs: [
        'https://cdn.example/1.jpg',
        { url: 'https://cdn.example/2.jpg' },
        { video: { url: 'https://c.example/3.mp4' } },
        'a text',
        7,
      ],
      has_nsfw_contents: [false, true],
    }
    const expiresAt = Date.parse('2026-11-30T00:00:00.000Z')
    expect(await looked(data)).toEqual({
      status: 'done',
      outputs: [
        { url: 'https://cdn.example/1.jpg', expiresAt },
        { url: 'https://cdn.example/2.jpg', flagged: true, expiresAt },
        { url: 'https://c.example/3.mp4', expiresAt },
        { expiresAt },
        { expiresAt },
      ],
    })
  })

  test.each([
    ['null', null, [{ url: 'https://c.example/1' }]],
    ['missing', undefined, [{ url: 'https://c.example/1' }]],
    ['one for all', true, [{ url: 'https://c.example/1', flagged: true }]],
  ])('flags that are %s', async (_, flags, outputs) => {
    const data = { id: 'a1', status: 'completed', outputs: ['https://c.example/1'], has_nsfw_contents: flags }
    expect(await looked(data)).toEqual({ status: 'done', outputs })
  })

  test('naked base64 becomes an address that carries the file', async () => {
    const progress = await looked({ id: 'a1', status: 'completed', outputs: [PNG, `data:image/png;base64,${PNG}`] })
    const file = { contentType: 'image/png', url: `data:image/png;base64,${PNG}` }
    expect(progress).toEqual({ status: 'done', outputs: [file, file] })
  })

  test('completed without outputs is done with none', async () => {
    expect(await looked({ id: 'a1', status: 'completed', outputs: null })).toEqual({ status: 'done', outputs: [] })
  })

  test.each([
    ['404', json({ code: 404, message: 'not found' }, 404)],
    ['401', json({ code: 401, message: 'x' }, 401)],
    ['429', json({ code: 429, message: 'x' }, 429)],
    ['500', json({ code: 500, message: 'x' }, 500)],
    ['502 as HTML', html(502)],
    ['HTML with status 200', html(200)],
    ['half of the JSON', new Response('{"code":200,"data":{"id":"a1","status":"compl')],
    ['a code that is no success, without a task', json({ code: 404, message: 'prediction not found' })],
    ['no status', json({ code: 200, data: { id: 'a1' } })],
    ['a failure that names no task', json({ status: 'failed', error: 'upstream' })],
    ['another task', json({ code: 200, data: { id: 'b2', status: 'failed' } })],
    ['nothing', new Response('')],
  ])('%s says nothing', async (_, answer) => {
    await expect(provider.look({ ...callOf(canned(answer).fetch), operation })).rejects.toThrow()
  })
})

describe('where a look goes', () => {
  const done = () => json({ code: 200, data: { id: 'a1', status: 'processing' } })
  const own = 'https://api.wavespeed.ai/api/v3/predictions/a1/result'
  test.each([
    [
      'the address in the answer',
      'https://api.wavespeed.ai/api/v3/predictions/a1',
      'https://api.wavespeed.ai/api/v3/predictions/a1',
    ],
    ['another host', 'https://evil.example/api/v3/predictions/a1/result', own],
    ['plain http', 'http://api.wavespeed.ai/api/v3/predictions/a1/result', own],
    ['a name in the address', 'https://api.wavespeed.ai@evil.example/x', own],
    ['no address', 'not an address', own],
    ['a relative one', '/api/v3/predictions/a1/result', own],
  ])('%s', async (_, url, expected) => {
    const { fetch, asked } = canned(done())
    await provider.look(lookCall(fetch, { status: 'running', operation: { id: 'a1', url } }))
    expect(asked).toEqual([expected])
  })

  test('an address that is not there any more: the usual one', async () => {
    const { fetch, asked } = canned(json({ code: 404, message: 'x' }, 404), done())
    const url = 'https://api.wavespeed.ai/api/v3/predictions/a1'
    const progress = await provider.look(lookCall(fetch, { status: 'running', operation: { id: 'a1', url } }))
    expect([progress.status, ...asked]).toEqual(['running', url, own])
  })

  test('an id that is no path', async () => {
    const { fetch, asked } = canned(json({ code: 200, data: { status: 'processing' } }))
    await provider.look(lookCall(fetch, { status: 'running', operation: { id: '../../balance?x=' } }))
    expect(asked).toEqual(['https://api.wavespeed.ai/api/v3/predictions/..%2F..%2Fbalance%3Fx%3D/result'])
  })

  test.each([[null], [{}], ['a1'], [{ id: 7 }]])('an operation that is none of ours: %j', async other => {
    await expect(provider.look({ ...callOf(canned().fetch), operation: other })).rejects.toThrow('no operation')
  })

  test('a base with the prefix, and on this machine', async () => {
    const { fetch, asked } = canned(done())
    const local = wavespeed({ baseUrl: 'http://127.0.0.1:9/api/v3/' })
    await local.look(lookCall(fetch, { status: 'running', operation: { id: 'a1', url: own } }))
    expect(asked).toEqual(['http://127.0.0.1:9/api/v3/predictions/a1/result'])
  })
})

describe('check', () => {
  const checked = (answer: Response) => provider.check(callOf(canned(answer).fetch))
  test.each([
    [
      'money',
      json({ code: 200, data: { balance: 12.5 } }),
      { status: 'accepted', balance: { amount: 12.5, unit: 'USD' } },
    ],
    ['no money', json({ code: 200, data: { balance: 0 } }), { status: 'refused', kind: 'credits_exhausted' }],
    ['a bad key', json({ code: 401, message: 'x' }, 401), { status: 'refused', kind: 'auth' }],
    ['a bad key by HTTP 200', json({ code: 401, message: 'x' }), { status: 'refused', kind: 'auth' }],
    ['no permission', json({ code: 403, message: 'x' }, 403), { status: 'refused', kind: 'permission' }],
  ])('%s', async (_, answer, expected) => {
    expect(await checked(answer)).toEqual(expected)
  })

  test.each([
    ['500', json({ code: 500, message: 'x' }, 500)],
    ['no number', json({ code: 200, data: { balance: '12' } })],
    ['a page', html(200)],
    ['a firewall', html(403)],
  ])('%s says nothing about the key', async (_, answer) => {
    await expect(checked(answer)).rejects.toThrow('balance')
  })
})
