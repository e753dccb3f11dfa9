/** Answers as they may come, good and bad, straight into the adapter. */
import type { InputFile, Submitted } from '@safelight/core'
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { runway, runwayModels } from './index.ts'

type Sent = { url: string; init: RequestInit }

/** Answers in turn; the last one again and again. */
function answering(...answers: [body: unknown, status?: number, headers?: HeadersInit][]) {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    const [body, status = 200, headers = {}] = answers[Math.min(sent.length, answers.length - 1)] ?? ['']
    sent.push({ url: url as string, init })
    const text = status === 204 ? null : typeof body === 'string' ? body : JSON.stringify(body)
    return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
  }
  return { sent, caller: callerOf(runway(), fetch) }
}

const [gen45, gen4Image, gen4ImageEdit, elite] = runwayModels

test.each<[string, unknown, number, Partial<Submitted> | 'unknown']>([
  ['taken', { id: 'a' }, 200, { status: 'running', operation: { id: 'a' } }],
  ['200 without a task', {}, 200, 'unknown'],
  ['200 with a page', '<html>', 200, 'unknown'],
  ['half a document', '{"id":"a', 200, 'unknown'],
  ['a redirect', { id: 'a' }, 307, 'unknown'],
  ['408', { error: 'x' }, 408, 'unknown'],
  ['500', { error: 'x' }, 500, 'unknown'],
  ['502', { error: 'x' }, 502, 'unknown'],
  ['504', { error: 'x' }, 504, 'unknown'],
  ['503, load shed', { error: 'x' }, 503, { kind: 'provider_error', paid: 'no' }],
  ['400', { error: 'ratio is not one of …' }, 400, { kind: 'invalid_input', scope: 'request' }],
  ['400, no credits', { error: 'Not enough credits' }, 400, { kind: 'credits_exhausted', scope: 'account' }],
  ['402', { error: 'x' }, 402, { kind: 'credits_exhausted' }],
  ['401', { error: 'x' }, 401, { kind: 'auth', scope: 'token' }],
  ['403', { error: 'x' }, 403, { kind: 'permission', scope: 'token' }],
  ['404', { error: 'x' }, 404, { kind: 'model_unavailable', scope: 'model' }],
  ['429', { error: 'Too many requests' }, 429, { kind: 'rate_limited', scope: 'account' }],
  ['429, of the day', { error: 'Daily limit' }, 429, { kind: 'rate_limited', retryAfterSeconds: 3600 }],
])('a submit is answered: %s', async (_, body, status, expected) => {
  const { caller, sent } = answering([body, status])
  if (expected === 'unknown') await expect(caller.submit(gen45)).rejects.toThrow('Runway')
  else expect(await caller.submit(gen45)).toMatchObject(expected)
  expect(sent).toHaveLength(1)
})

test('what is sent', async () => {
  const { caller, sent } = answering([{ id: 'a' }])
  await caller.submit(elite, { size: 'portrait', duration: 3, seed: '9223372036854775807' })
  await caller.submit(elite, { size: 'landscape', duration: 5, images: ['x'] })
  await caller.submit(gen4Image, { size: 'square' })
  await caller.submit(gen4ImageEdit, { size: 'landscape', images: ['x', 'y'] })
  expect(sent.map(({ url }) => url.replace('https://api.dev.runwayml.com/v1/', ''))).toEqual([
    'text_to_video',
    'image_to_video',
    'text_to_image',
    'text_to_image',
  ])
  const bodies = sent.map(({ init }) => JSON.parse(init.body as string) as object)
  const [x, y] = ['x', 'y'].map(id => `data:image/png;base64,${btoa(`picture ${id}`)}`)
  expect(bodies[0]).toEqual({
    model: 'gen4.5',
    promptText: 'a fox',
    ratio: '720:1280',
    duration: 3,
    seed: 4_294_967_295,
  })
  expect(bodies[1]).toMatchObject({ promptImage: x, ratio: '1280:720', duration: 5 })
  expect(bodies[2]).toEqual({ model: 'gen4_image', promptText: 'a fox', ratio: '1080:1080', seed: 7 })
  expect(bodies[3]).toMatchObject({
    referenceImages: [
      { uri: x, tag: 'image1' },
      { uri: y, tag: 'image2' },
    ],
  })
  expect(sent[0]?.init.headers).toMatchObject({
    authorization: 'Bearer a-key-0001',
    'x-runway-version': '2024-11-06',
  })
})

test('a prompt that is too long for Runway is left to the other makers of elite', () => {
  const input = { prompt: 'x'.repeat(1001), size: 'portrait', count: 1, duration: 3 } as const
  expect(elite.routes.map(({ takes }) => takes?.(input))).toEqual([false, false])
  expect(elite.routes.map(({ takes }) => takes?.({ ...input, prompt: 'x' }))).toEqual([true, false])
})

test.each<[string, unknown, object]>([
  ['pending', { status: 'PENDING' }, { status: 'running', stage: 'queued' }],
  ['throttled', { status: 'THROTTLED' }, { status: 'running', stage: 'queued' }],
  ['running', { status: 'RUNNING', progress: 0.5 }, { status: 'running', fraction: 0.5 }],
  ['a word nobody knows', { status: 'DREAMING' }, { status: 'running', stage: 'running' }],
  ['no output', { status: 'SUCCEEDED', output: [] }, { status: 'done', outputs: [] }],
  [
    'an output',
    { status: 'SUCCEEDED', output: ['https://x.example/a'] },
    { outputs: [{ url: 'https://x.example/a' }] },
  ],
  [
    'input refused',
    { status: 'FAILED', failureCode: 'SAFETY.INPUT.TEXT' },
    { kind: 'content_policy', paid: 'unknown' },
  ],
  ['output refused', { status: 'FAILED', failureCode: 'SAFETY.OUTPUT.X' }, { kind: 'content_policy' }],
  ['input unsafe', { status: 'FAILED', failureCode: 'INPUT_PREPROCESSING.SAFETY.TEXT' }, { kind: 'content_policy' }],
  ['bad output', { status: 'FAILED', failureCode: 'INTERNAL.BAD_OUTPUT.X' }, { kind: 'provider_error' }],
  ['bad input', { status: 'FAILED', failureCode: 'INPUT_PREPROCESSING.IMAGE' }, { kind: 'invalid_input' }],
  ['its own fault', { status: 'FAILED', failureCode: 'INPUT_PREPROCESSING.INTERNAL' }, { kind: 'provider_error' }],
  ['bad asset', { status: 'FAILED', failureCode: 'ASSET.INVALID' }, { kind: 'invalid_input' }],
  ['no code', { status: 'FAILED' }, { kind: 'provider_error', paid: 'unknown' }],
  ['cancelled', { status: 'CANCELLED' }, { status: 'failed', kind: 'canceled' }],
])('a look is answered: %s', async (_, body, expected) => {
  expect(await answering([body]).caller.look({ id: 'a' })).toMatchObject(expected)
})

test.each<[string, unknown, number]>([
  ['a page', '<html>', 200],
  ['half', '{"status":"SUCC', 200],
  ['no word', { id: 'a' }, 200],
  ['401', { error: 'x' }, 401],
  ['404', { error: 'x' }, 404],
  ['429', { error: 'x' }, 429],
  ['500', { status: 'FAILED' }, 500],
])('a look that says nothing: %s', async (_, body, status) => {
  await expect(answering([body, status]).caller.look({ id: 'a' })).rejects.toThrow('Runway')
})

test.each<[string, [unknown, number?][], string[]]>([
  ['runs', [[{ status: 'RUNNING' }], ['', 204]], ['GET', 'DELETE']],
  ['waits', [[{ status: 'THROTTLED' }], ['', 204]], ['GET', 'DELETE']],
  ['has ended', [[{ status: 'SUCCEEDED', output: ['x'] }]], ['GET']],
  ['has a word nobody knows', [[{ status: 'DREAMING' }]], ['GET']],
])('a cancel of a task that %s', async (_, answers, methods) => {
  const { sent, caller } = answering(...answers)
  await runway().cancel?.({ ...caller.call, operation: { id: 'a' } })
  expect(sent.map(({ init }) => init.method ?? 'GET')).toEqual(methods)
})

test('a task that cannot be seen is not deleted', async () => {
  const { sent, caller } = answering(['', 503])
  await expect(runway().cancel?.({ ...caller.call, operation: { id: 'a' } })).rejects.toThrow('Runway')
  expect(sent).toHaveLength(1)
})

const bytes = 4 * 1024 * 1024
const large: InputFile = {
  id: 'x',
  contentType: 'image/png',
  bytes,
  open: async () => new Blob([new Uint8Array(bytes)]).stream(),
}
const somewhere = { uploadUrl: 'https://bucket.example/', fields: { key: 'k' }, runwayUri: 'runway://k' }

test('a large picture is put where Runway says, without the key', async () => {
  const { sent, caller } = answering([somewhere], ['', 204], [{ id: 'a' }])
  expect(await caller.submit(gen45, { images: ['x'] }, { files: [large] })).toMatchObject({ status: 'running' })
  expect(sent.map(({ url }) => url)).toEqual([
    'https://api.dev.runwayml.com/v1/uploads',
    'https://bucket.example/',
    'https://api.dev.runwayml.com/v1/image_to_video',
  ])
  expect(new Headers(sent[1]?.init.headers).has('authorization')).toBe(false)
  const form = sent[1]?.init.body as FormData
  expect([...form.keys()]).toEqual(['key', 'file'])
  expect((form.get('file') as File).size).toBe(bytes)
  expect(JSON.parse(sent[2]?.init.body as string)).toMatchObject({ promptImage: 'runway://k' })
})

test.each<[string, [unknown, number?][], object, number]>([
  [
    'to somewhere without TLS',
    [[{ ...somewhere, uploadUrl: 'http://10.0.0.1/' }]],
    { kind: 'provider_error', paid: 'no' },
    1,
  ],
  ['to nowhere', [[{}]], { kind: 'provider_error', paid: 'no' }, 1],
  ['with a bad key', [[{ error: 'x' }, 401]], { kind: 'auth' }, 1],
  ['to a bucket that refuses', [[somewhere], ['', 403]], { kind: 'provider_error', paid: 'no' }, 2],
])('an upload %s is a refusal that cost nothing', async (_, answers, expected, requests) => {
  const { sent, caller } = answering(...answers)
  expect(await caller.submit(gen45, { images: ['x'] }, { files: [large] })).toMatchObject(expected)
  expect(sent).toHaveLength(requests)
})

test.each<[string, unknown, number, object | 'throws']>([
  ['good', { creditBalance: 120 }, 200, { status: 'accepted', balance: { amount: 120, unit: 'credits' } }],
  ['empty', { creditBalance: 0 }, 200, { status: 'refused', kind: 'credits_exhausted' }],
  ['bad', { error: 'x' }, 401, { status: 'refused', kind: 'auth' }],
  ['nobody knows', '<html>', 502, 'throws'],
])('a key is %s', async (_, body, status, expected) => {
  const checked = runway().check?.(answering([body, status]).caller.call)
  if (expected === 'throws') await expect(checked).rejects.toThrow('Runway')
  else expect(await checked).toEqual(expected)
})
