/** What an answer to a submit means. */
import { describe, expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { HF, json, live, scripted, submitWith } from '../../test/huggingface-calls.ts'
import { huggingface } from './index.ts'

describe('answers to a submit', () => {
  test.each([
    [401, { error: 'Invalid username or password.' }, 'auth', 'token'],
    [
      402,
      { error: 'You have exceeded your monthly included credits for Inference Providers.' },
      'credits_exhausted',
      'account',
    ],
    [402, { error: 'Please purchase pre-paid credits' }, 'credits_exhausted', 'account'],
    [403, { detail: 'User is locked. Reason: TOP_UP.' }, 'credits_exhausted', 'account'],
    [403, { error: 'no permission' }, 'permission', 'token'],
    [400, { error: 'Model not supported by provider fal-ai' }, 'model_unavailable', 'model'],
    [404, { error: 'Model x does not exist' }, 'model_unavailable', 'model'],
    [
      422,
      { detail: [{ loc: ['body'], msg: 'flagged', type: 'content_policy_violation' }] },
      'content_policy',
      'request',
    ],
    [
      400,
      { error: { message: 'May contain NSFW content', type: 'invalid_request_error' } },
      'content_policy',
      'request',
    ],
    [422, { error: 'width must be a multiple of 8' }, 'invalid_input', 'request'],
    [413, { message: 'too large' }, 'invalid_input', 'request'],
  ])('%i %j is %s', async (status, body, kind, scope) => {
    expect(await submitWith(scripted([json(body, status)]))).toMatchObject({
      status: 'refused',
      kind,
      scope,
      paid: 'no',
    })
  })

  test('when to come back', async () => {
    const waits = async (answer: () => Response) =>
      (await submitWith(scripted([answer]))) as { retryAfterSeconds?: number }
    expect(await waits(json({}, 429, { 'retry-after': '7' }))).toMatchObject({
      kind: 'rate_limited',
      retryAfterSeconds: 7,
    })
    expect(await waits(json({}, 429, { ratelimit: '"api";r=0;t=55' }))).toMatchObject({ retryAfterSeconds: 55 })
    expect(await waits(json({ detail: 'Your rate limit resets in ~30s.' }, 429))).toMatchObject({
      retryAfterSeconds: 30,
    })
    const loading = json({ error: 'Model is currently loading', estimated_time: 20.4 }, 503)
    expect(await waits(loading)).toMatchObject({ kind: 'model_unavailable', retryAfterSeconds: 21 })
  })

  test('a key in a complaint is not repeated', async () => {
    const refusal = await submitWith(scripted([json({ error: `Bad token ${HF.secret}!` }, 401)]))
    expect(refusal).toMatchObject({ message: '401 Bad token [key]!' })
  })

  test.each([
    ['500', json({ error: 'Internal' }, 500)],
    ['502', () => new Response('<html>', { status: 502 })],
    ['503 without a time', json({ error: 'busy' }, 503)],
    ['504', json({}, 504)],
    ['409', json({}, 409)],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })],
    ['HTML with 200', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['no id', json({ status: 'IN_QUEUE' })],
    ['a strange id', json({ request_id: '../../x' })],
    ['half of the JSON', () => new Response('{"request_id": "r')],
    [
      'a closed line',
      () =>
        Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) })),
    ],
  ])('%s: nobody knows, and nothing is sent again', async (_, answer) => {
    const line = scripted([answer])
    await expect(submitWith(line)).rejects.toThrow()
    expect(line.posts()).toHaveLength(1)
  })

  test('a connection that never opened', async () => {
    const cause = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    const line = scripted([() => Promise.reject(new TypeError('fetch failed', { cause }))])
    expect(await submitWith(line)).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
  })

  test('WaveSpeed says no with status 200', async () => {
    const no = (code: number, message: string) =>
      submitWith(scripted([json({ code, message })]), { party: 'wavespeed' })
    expect(await no(401, 'bad key')).toMatchObject({ kind: 'auth' })
    expect(await no(400, 'Insufficient credits')).toMatchObject({ kind: 'credits_exhausted' })
    await expect(no(500, 'oops')).rejects.toThrow('code 500')
  })

  test('Replicate is done while it says that it is processing, and its end is not a refusal', async () => {
    const of = (body: object) => submitWith(scripted([json(body, 201)]), { party: 'replicate' })
    const output = ['https://replicate.delivery/a.png']
    expect(await of({ id: 'p', status: 'processing', output })).toMatchObject({
      status: 'done',
      outputs: [{ url: output[0] }],
    })
    expect(await of({ id: 'p', status: 'starting', output: null })).toMatchObject({ status: 'running' })
    const failed = await of({ id: 'p', status: 'failed', error: 'NSFW content detected' })
    if (failed.status !== 'running') throw new Error('It was taken')
    const caller = callerOf(huggingface(), scripted([]).fetch, HF)
    expect(await caller.look(failed.operation)).toMatchObject({
      status: 'failed',
      kind: 'content_policy',
      paid: 'unknown',
    })
  })

  test('bytes are told from complaints by their type', async () => {
    const mapping = { 'hf-inference': live('stabilityai/stable-diffusion-3-medium-diffusers') }
    const of = (answer: () => Response) =>
      submitWith(scripted([answer], mapping), { party: 'hf-inference', id: 'stable-diffusion-3-medium' })
    const bytes =
      (type: string, body = 'x') =>
      () =>
        new Response(body, { headers: { 'content-type': type } })
    expect(await of(bytes('image/jpeg'))).toMatchObject({ status: 'done', outputs: [{ contentType: 'image/jpeg' }] })
    expect(await of(bytes('image/jpeg', ''))).toEqual({ status: 'done', outputs: [] })
    expect(await of(json({ data: [{ b64_json: 'AAEC' }] }))).toMatchObject({
      outputs: [{ bytes: new Uint8Array([0, 1, 2]) }],
    })
    expect(await of(json({ output: ['https://x.example/a.png'] }))).toMatchObject({
      outputs: [{ url: 'https://x.example/a.png' }],
    })
    await expect(of(bytes('text/plain', 'oops'))).rejects.toThrow('no pictures')
    await expect(of(json({ error: 'hm' }))).rejects.toThrow('no pictures')
  })
})
