/** Answers as they may come, good and bad, straight into the adapter. */
import type { Json, Model, Submitted } from '@safelight/core'
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { google, googleModels } from './index.ts'

type Sent = { url: string; init: RequestInit }

/** Answers in turn; the last one again and again. */
function answering(...answers: [body: unknown, status?: number, headers?: HeadersInit][]) {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    const [body, status = 200, headers = {}] = answers[Math.min(sent.length, answers.length - 1)] ?? ['']
    sent.push({ url: url as string, init })
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
  }
  return { sent, caller: callerOf(google(), fetch) }
}

const [banana, , edit, veo, omni] = googleModels
const error = (status: string, message = 'x', details: object[] = []) => ({ error: { status, message, details } })
const said = (code: string, message = 'x') => ({ error: { code, message } })
const part = (data: string, extra = {}) => ({ inlineData: { mimeType: 'image/png', data }, ...extra })
const candidate = (finishReason: string, ...parts: object[]) => ({ candidates: [{ content: { parts }, finishReason }] })

type Expected = Partial<Submitted> | 'unknown'

async function expectSubmitted(model: Model, answer: [unknown, number?, HeadersInit?], expected: Expected) {
  const { caller, sent } = answering(answer)
  if (expected === 'unknown') await expect(caller.submit(model)).rejects.toThrow('Google answered')
  else expect(await caller.submit(model)).toMatchObject(expected)
  expect(sent).toHaveLength(1)
}

const retryInfo = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '27s' }
const perDay = { violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }] }

const refusals: [string, unknown, number, Expected][] = [
  [
    '400, a bad key',
    error('INVALID_ARGUMENT', 'x', [{ reason: 'API_KEY_INVALID' }]),
    400,
    { kind: 'auth', scope: 'token' },
  ],
  ['400, a bad key, in words', error('INVALID_ARGUMENT', 'API key not valid.'), 400, { kind: 'auth' }],
  ['400, no billing', error('FAILED_PRECONDITION'), 400, { kind: 'permission' }],
  ['400', error('INVALID_ARGUMENT'), 400, { kind: 'invalid_input', scope: 'request' }],
  [
    '400, a policy',
    error('INVALID_ARGUMENT', 'The prompt violates our usage guidelines'),
    400,
    { kind: 'content_policy' },
  ],
  ['401', error('UNAUTHENTICATED'), 401, { kind: 'auth' }],
  ['402', error('RESOURCE_EXHAUSTED'), 402, { kind: 'credits_exhausted', scope: 'account' }],
  ['403', error('PERMISSION_DENIED'), 403, { kind: 'permission' }],
  ['403, a leaked key', error('PERMISSION_DENIED', 'Your API key was reported as leaked.'), 403, { kind: 'auth' }],
  ['404', error('NOT_FOUND'), 404, { kind: 'model_unavailable', scope: 'model' }],
  ['429', error('RESOURCE_EXHAUSTED', 'x', [retryInfo]), 429, { kind: 'rate_limited', retryAfterSeconds: 27 }],
  ['429, in words', error('RESOURCE_EXHAUSTED', 'Please retry in 4.5s.'), 429, { retryAfterSeconds: 4.5 }],
  ['429, of the day', error('RESOURCE_EXHAUSTED', 'x', [perDay, retryInfo]), 429, { retryAfterSeconds: 3600 }],
  ['429, of the day, in a word', said('quota_exceeded'), 429, { kind: 'rate_limited', retryAfterSeconds: 3600 }],
  [
    '429, no credits',
    error('RESOURCE_EXHAUSTED', 'Your prepayment credits are depleted.'),
    429,
    { kind: 'credits_exhausted' },
  ],
  ['429 with HTML', '<html>', 429, { kind: 'rate_limited' }],
  ['408', error('x'), 408, 'unknown'],
  ['499', error('CANCELLED'), 499, 'unknown'],
  ['502', '<html>', 502, 'unknown'],
  ['503 with HTML', '<html>', 503, 'unknown'],
  ['504', error('DEADLINE_EXCEEDED'), 504, 'unknown'],
  ['a redirect', {}, 302, 'unknown'],
  ['200 with a page', '<html>', 200, 'unknown'],
  ['200 with nothing', {}, 200, 'unknown'],
  ['half a document', '{"name":"models/veo/operations/a","id":"a","cand', 200, 'unknown'],
]

test.each(refusals)('a submit is refused, or nobody knows: %s', async (_, body, status, expected) => {
  for (const model of [banana, veo, omni]) await expectSubmitted(model, [body, status], expected)
})

test('an error in its own words ends a call that holds the line, and says nothing of work in the background', async () => {
  for (const [word, status] of [
    ['INTERNAL', 500],
    ['UNAVAILABLE', 503],
  ] as const) {
    await expectSubmitted(banana, [error(word), status], { kind: 'provider_error', paid: 'no' })
    await expectSubmitted(veo, [error(word), status], 'unknown')
    await expectSubmitted(omni, [error(word), status], 'unknown')
  }
})

const PICTURE = btoa('a picture')

test.each<[string, unknown, Expected]>([
  ['a picture', candidate('STOP', { text: 'Here.' }, part(PICTURE)), { status: 'done' }],
  ['a blocked prompt', { promptFeedback: { blockReason: 'OTHER' } }, { kind: 'content_policy', paid: 'unknown' }],
  ['IMAGE_SAFETY', candidate('IMAGE_SAFETY'), { status: 'refused', kind: 'content_policy', scope: 'request' }],
  ['IMAGE_PROHIBITED_CONTENT', candidate('IMAGE_PROHIBITED_CONTENT'), { kind: 'content_policy' }],
  ['RECITATION', candidate('RECITATION'), { kind: 'content_policy' }],
  ['SPII', candidate('SPII'), { kind: 'content_policy' }],
  ['NO_IMAGE', candidate('NO_IMAGE'), { status: 'done', outputs: [] }],
  ['text alone', candidate('STOP', { text: 'What fox?' }), { status: 'done', outputs: [] }],
  ['a draft alone', candidate('STOP', part(PICTURE, { thought: true })), { status: 'done', outputs: [] }],
  ['no base64', candidate('STOP', part('***')), { status: 'done', outputs: [] }],
  ['no content', { candidates: [{ finishReason: 'OTHER' }] }, { status: 'done', outputs: [] }],
])('a picture is answered with %s', async (_, body, expected) => {
  await expectSubmitted(banana, [body], expected)
})

test('the picture behind the thoughts', async () => {
  const body = candidate('STOP', part(btoa('a draft'), { thought: true }), part(PICTURE), part(btoa('another')))
  const submitted = await answering([body]).caller.submit(banana)
  if (submitted.status !== 'done') throw new Error('refused')
  expect(submitted.outputs).toEqual([{ bytes: new TextEncoder().encode('a picture'), contentType: 'image/png' }])
})

test('what is sent, and the key in its header alone', async () => {
  const { caller, sent } = answering([{ ...candidate('STOP'), name: 'models/v/operations/a', id: 'a' }])
  const big = { seed: '9223372036854775807' }
  await caller.submit(banana, { size: 'portrait', ...big })
  await caller.submit(edit, { images: ['x', 'y'] })
  await caller.submit(veo, { size: 'landscape', duration: 8, images: ['x'] }, { webhookUrl: 'https://us.example/hook' })
  await caller.submit(
    omni,
    { size: 'portrait', duration: 5, images: ['x'], ...big },
    { webhookUrl: 'https://us.example/hook' },
  )
  await caller.submit(omni, { duration: 3 }, { webhookUrl: 'http://us.example/hook' })
  expect(sent.map(({ url }) => url.replace('https://generativelanguage.googleapis.com/v1beta/', ''))).toEqual([
    'models/gemini-3.1-flash-image:generateContent',
    'models/gemini-3.1-flash-image:generateContent',
    'models/veo-3.1-fast-generate-preview:predictLongRunning',
    'interactions',
    'interactions',
  ])
  const bodies = sent.map(({ init }) => JSON.parse(init.body as string) as Record<string, Json>)
  const [x, y] = [btoa('picture x'), btoa('picture y')]
  expect(bodies[0]).toEqual({
    contents: [{ role: 'user', parts: [{ text: 'a fox' }] }],
    generationConfig: {
      responseModalities: ['IMAGE'],
      seed: 2_147_483_647,
      imageConfig: { aspectRatio: '9:16', imageSize: '1K' },
    },
  })
  expect(bodies[1]?.['contents']).toEqual([{ role: 'user', parts: [{ text: 'a fox' }, part(x), part(y)] }])
  expect(bodies[2]).toEqual({
    instances: [{ prompt: 'a fox', image: { bytesBase64Encoded: x, mimeType: 'image/png' } }],
    parameters: { aspectRatio: '16:9', resolution: '720p', durationSeconds: 8, sampleCount: 1 },
    webhookConfig: { uris: ['https://us.example/hook'] },
  })
  expect(bodies[3]).toMatchObject({
    input: [
      { type: 'text', text: 'a fox' },
      { type: 'image', data: x, mime_type: 'image/png' },
    ],
    background: true,
    response_format: { type: 'video', aspect_ratio: '9:16', duration: '5s', delivery: 'uri' },
    generation_config: { seed: 2_147_483_647, video_config: { task: 'image_to_video' } },
    webhook_config: { uris: ['https://us.example/hook'], user_metadata: { attempt: caller.call.attemptId } },
  })
  expect(bodies[4]).toMatchObject({ input: 'a fox', generation_config: { video_config: { task: 'text_to_video' } } })
  expect(bodies[4]).not.toHaveProperty('webhook_config')
  for (const { url, init } of sent) {
    expect(init.headers).toMatchObject({ 'x-goog-api-key': 'a-key-0001' })
    expect(url).not.toContain('a-key-0001')
  }
})

const name = 'models/veo-3.1-fast-generate-preview/operations/abc'
const clip = (uri: string) => ({ response: { generateVideoResponse: { generatedSamples: [{ video: { uri } }] } } })
const filtered = {
  response: { generateVideoResponse: { raiMediaFilteredCount: 1, raiMediaFilteredReasons: ['a face'] } },
}

test.each<[string, unknown, object]>([
  ['nothing yet', { name }, { status: 'running' }],
  ['done: false', { name, done: false, metadata: {} }, { status: 'running' }],
  ['a clip', { name, done: true, ...clip('https://x.example/a') }, { outputs: [{ url: 'https://x.example/a' }] }],
  ['filtered', { name, done: true, ...filtered }, { kind: 'content_policy', paid: 'no', message: 'a face' }],
  ['no samples', { name, done: true, response: {} }, { kind: 'content_policy', paid: 'no' }],
  ['no response', { name, done: true }, { kind: 'content_policy', paid: 'no' }],
  ['an error', { name, done: true, error: { code: 13, message: 'x' } }, { kind: 'provider_error', paid: 'unknown' }],
  ['its input', { name, done: true, error: { code: 3, message: 'x' } }, { kind: 'invalid_input' }],
  ['a policy', { name, done: true, error: { code: 3, message: 'violates the policy' } }, { kind: 'content_policy' }],
])('an operation says: %s', async (_, body, expected) => {
  const { caller, sent } = answering([body])
  expect(await caller.look({ surface: 'veo', name })).toMatchObject(expected)
  expect(sent[0]?.url).toBe(`https://generativelanguage.googleapis.com/v1beta/${name}`)
})

const video = { type: 'video', mime_type: 'video/mp4' }

test.each<[string, object, object]>([
  ['queued', { status: 'queued' }, { status: 'running', stage: 'queued' }],
  ['in_progress', { status: 'in_progress' }, { status: 'running' }],
  ['requires_action', { status: 'requires_action' }, { status: 'running' }],
  ['a word nobody knows', { status: 'dreaming' }, { status: 'running' }],
  [
    'a clip',
    { status: 'completed', output_video: { ...video, uri: 'https://x.example/a' } },
    { outputs: [{ url: 'https://x.example/a' }] },
  ],
  [
    'a clip among others',
    { status: 'completed', outputs: [{ type: 'text' }, { ...video, uri: 'https://x.example/b' }] },
    { outputs: [{ url: 'https://x.example/b' }] },
  ],
  [
    'a clip inside',
    { status: 'completed', output_video: { ...video, data: 'AAAA' } },
    { outputs: [{ url: 'google-interaction:a' }] },
  ],
  ['text alone', { status: 'completed', output_text: 'What fox?' }, { status: 'done', outputs: [] }],
  ['a refusal in text', { status: 'completed', output_text: 'Blocked by safety filters' }, { kind: 'content_policy' }],
  ['failed', { status: 'failed', errors: [{ code: 'api_error' }] }, { kind: 'provider_error', paid: 'unknown' }],
  ['failed, its input', { status: 'failed', error: { code: 'invalid_request' } }, { kind: 'invalid_input' }],
  ['failed, a policy', { status: 'failed', errors: [{ code: 'x', message: 'safety' }] }, { kind: 'content_policy' }],
  ['cancelled', { status: 'cancelled' }, { status: 'failed', kind: 'canceled' }],
  ['incomplete', { status: 'incomplete' }, { kind: 'provider_error', paid: 'unknown' }],
  ['budget_exceeded', { status: 'budget_exceeded' }, { kind: 'credits_exhausted' }],
])('an interaction says: %s', async (_, body, expected) => {
  expect(await answering([{ id: 'a', ...body }]).caller.look({ surface: 'interactions', id: 'a' })).toMatchObject(
    expected,
  )
})

test.each<[string, unknown, number]>([
  ['a page', '<html>', 200],
  ['half', '{"name":"x","status":"compl', 200],
  ['nothing', {}, 200],
  ['another', { id: 'b', name: 'models/x/operations/b', status: 'completed', done: true }, 200],
  ['400', error('x'), 400],
  ['403', error('x'), 403],
  ['404', error('x'), 404],
  ['429', error('x'), 429],
  ['500', { status: 'failed', name, done: true }, 500],
])('a look that says nothing: %s', async (_, body, status) => {
  for (const operation of [
    { surface: 'veo', name },
    { surface: 'interactions', id: 'a' },
  ]) {
    await expect(answering([body, status]).caller.look(operation)).rejects.toThrow('Google answered')
  }
})

test.each([null, {}, { name: '../../v1/x' }, { name: 'models/../operations/a' }, { id: 'a/../b' }, { id: 'a?key=1' }])(
  'what is no operation of ours is not asked for: %j',
  async operation => {
    const { caller, sent } = answering([{}])
    await expect(caller.look(operation as Json)).rejects.toThrow('no operation of Google')
    expect(sent).toEqual([])
  },
)

test.each<[string, Json, [unknown, number?], string[]]>([
  ['an interaction', { surface: 'interactions', id: 'a' }, [{}], ['/v1beta/interactions/a/cancel']],
  [
    'one that has ended',
    { surface: 'interactions', id: 'a' },
    [error('FAILED_PRECONDITION'), 400],
    ['/v1beta/interactions/a/cancel'],
  ],
  ['a clip of Veo', { surface: 'veo', name }, [{}], []],
  ['a picture', null, [{}], []],
])('a cancel of %s', async (_, operation, answer, asked) => {
  const { caller, sent } = answering(answer)
  await google().cancel?.({ ...caller.call, operation })
  expect(sent.map(({ url }) => new URL(url).pathname)).toEqual(asked)
})

test.each<[string, unknown, number, object | 'throws']>([
  ['good', { models: [] }, 200, { status: 'accepted' }],
  ['bad', error('INVALID_ARGUMENT', 'API key not valid'), 400, { status: 'refused', kind: 'auth' }],
  ['not for this', error('PERMISSION_DENIED'), 403, { status: 'refused', kind: 'permission' }],
  ['nobody knows', '<html>', 502, 'throws'],
])('a key is %s', async (_, body, status, expected) => {
  const checked = google().check?.(answering([body, status]).caller.call)
  if (expected === 'throws') await expect(checked).rejects.toThrow('Google answered')
  else expect(await checked).toEqual(expected)
})

test('more pictures than fit into a request are a refusal that cost nothing', async () => {
  const { caller, sent } = answering([{}])
  const bytes = 9 * 1024 * 1024
  const file = {
    id: 'x',
    contentType: 'image/png',
    bytes,
    open: async () => new Blob([new Uint8Array(bytes)]).stream(),
  }
  expect(await caller.submit(edit, {}, { files: [file, file] })).toMatchObject({ kind: 'invalid_input', paid: 'no' })
  expect(sent).toEqual([])
})
