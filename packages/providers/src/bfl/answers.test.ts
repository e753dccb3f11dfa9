/** Answers as they may come, good and bad, straight into the adapter. */
import type { Submitted } from '@safelight/core'
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { bfl, bflModels } from './index.ts'

type Sent = { url: string; init: RequestInit }

function answering(body: unknown, status = 200, headers: HeadersInit = {}) {
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    sent.push({ url: url as string, init })
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
  }
  return { sent, caller: callerOf(bfl(), fetch) }
}

const [flux2Pro, , , , kontext, kleinEdit, video] = bflModels

test.each<[string, unknown, number, Partial<Submitted> | 'unknown']>([
  ['taken', { id: 'a', polling_url: 'https://api.eu2.bfl.ai/v1/get_result' }, 200, { status: 'running' }],
  ['taken, without an address', { id: 'a' }, 200, { status: 'running', operation: { id: 'a', pollingUrl: null } }],
  ['200 without a task', { ok: true }, 200, 'unknown'],
  ['200 with a page', '<html>', 200, 'unknown'],
  ['half a document', '{"id":"a', 200, 'unknown'],
  ['a redirect', { id: 'a' }, 302, 'unknown'],
  ['408', { detail: 'timeout' }, 408, 'unknown'],
  ['500', { detail: 'no' }, 500, 'unknown'],
  ['503', { detail: 'no' }, 503, 'unknown'],
  ['400', { error: 'bad', message: 'Prompt missing' }, 400, { kind: 'invalid_input', scope: 'request' }],
  ['402', { detail: 'Insufficient credits' }, 402, { kind: 'credits_exhausted', scope: 'account' }],
  ['403, a bad key', { detail: 'Not authenticated' }, 403, { kind: 'auth', scope: 'token' }],
  ['403, no access', { detail: 'Forbidden' }, 403, { kind: 'permission', scope: 'token' }],
  ['422, fields', { detail: [{ loc: ['body', 'width'], msg: 'no', type: 'x' }] }, 422, { kind: 'invalid_input' }],
  ['422, moderated', { detail: 'Request Moderated' }, 422, { kind: 'content_policy', paid: 'no' }],
  ['429', { detail: 'Too many' }, 429, { kind: 'concurrency', scope: 'account' }],
])('a submit is answered: %s', async (_, body, status, expected) => {
  const { caller, sent } = answering(body, status)
  if (expected === 'unknown') await expect(caller.submit(flux2Pro)).rejects.toThrow('BFL')
  else expect(await caller.submit(flux2Pro)).toMatchObject(expected)
  expect(sent).toHaveLength(1)
})

test('what is sent: pixels, a ratio, pictures as bare base64, and the key in its header alone', async () => {
  const { caller, sent } = answering({ id: 'a' })
  await caller.submit(flux2Pro, { size: 'portrait', seed: '9223372036854775807' })
  await caller.submit(kontext)
  await caller.submit(kleinEdit, { size: 'square', images: ['x', 'y'] })
  await caller.submit(video, { size: 'portrait', duration: 8, images: ['x'] })
  const bodies = sent.map(({ init }) => JSON.parse(init.body as string) as object)
  expect(sent.map(({ url }) => url.replace('https://api.bfl.ai/v1/', ''))).toEqual([
    'flux-2-pro',
    'flux-kontext-pro',
    'flux-2-klein-9b',
    'flux-3-video',
  ])
  const [x, y] = [btoa('picture x'), btoa('picture y')]
  expect(bodies[0]).toEqual({ prompt: 'a fox', width: 768, height: 1344, seed: 2_147_483_647, output_format: 'png' })
  expect(bodies[1]).toMatchObject({ aspect_ratio: '1:1', input_image: btoa('picture one') })
  expect(bodies[2]).toMatchObject({ width: 1024, height: 1024, input_image: x, input_image_2: y })
  expect(bodies[3]).toEqual({
    mode: 'i2v',
    prompt: 'a fox',
    aspect_ratio: '9:16',
    resolution: 'hd',
    duration: 8,
    keyframes: [x],
  })
  expect(sent[0]?.init).toMatchObject({ headers: { 'x-key': 'a-key-0001' }, redirect: 'manual' })
})

test.each([
  [
    'their cluster, without the id',
    'https://api.us1.bfl.ai/v1/get_result',
    'https://api.us1.bfl.ai/v1/get_result?id=a',
    true,
  ],
  [
    'their cluster, with it',
    'https://api.eu2.bfl.ai/v1/get_result?id=a',
    'https://api.eu2.bfl.ai/v1/get_result?id=a',
    true,
  ],
  ['without TLS', 'http://api.us1.bfl.ai/v1/get_result?id=a', 'https://api.bfl.ai/v1/get_result?id=a', false],
  ['a stranger', 'https://bfl.ai.evil.example/v1/get_result?id=a', 'https://api.bfl.ai/v1/get_result?id=a', false],
  ['a name in front', 'https://user@api.us1.bfl.ai/v1/x?id=a', 'https://api.bfl.ai/v1/get_result?id=a', false],
  ['no address', 'nonsense', 'https://api.bfl.ai/v1/get_result?id=a', false],
])('where it is asked: %s', async (_, pollingUrl, asked, isBelieved) => {
  const pending = answering({ id: 'a', status: 'Pending' })
  expect(await pending.caller.look({ id: 'a', pollingUrl })).toMatchObject({ status: 'running', stage: 'queued' })
  expect(pending.sent.map(({ url }) => url)).toEqual([asked])
  const lost = answering({ id: 'a', status: 'Task not found' }).caller.look({ id: 'a', pollingUrl })
  if (isBelieved) expect(await lost).toMatchObject({ status: 'failed', kind: 'provider_error', paid: 'unknown' })
  else await expect(lost).rejects.toThrow('does not know')
})

const pollingUrl = 'https://api.us1.bfl.ai/v1/get_result?id=a'

test.each<[string, unknown, object]>([
  ['pending', { id: 'a', status: 'Pending', result: null }, { status: 'running' }],
  ['a word nobody knows', { id: 'a', status: 'Reticulating' }, { status: 'running', stage: 'running' }],
  ['a fraction', { id: 'a', status: 'Pending', progress: 0.4 }, { fraction: 0.4 }],
  ['a percentage', { id: 'a', status: 'Pending', progress: 40 }, { fraction: 0.4 }],
  ['`state`', { id: 'a', state: 'Ready', result: { sample: 'https://d.bfl.ai/x' } }, { status: 'done' }],
  ['ready, and nothing there', { id: 'a', status: 'Ready', result: {} }, { status: 'done', outputs: [] }],
  ['the input moderated', { id: 'a', status: 'Request Moderated' }, { kind: 'content_policy', paid: 'no' }],
  ['the output moderated', { id: 'a', status: 'Content Moderated' }, { kind: 'content_policy', paid: 'no' }],
  ['an error', { id: 'a', status: 'Error' }, { kind: 'provider_error', paid: 'unknown' }],
  ['a failure', { id: 'a', status: 'Failed' }, { kind: 'provider_error', paid: 'unknown' }],
])('a look is answered: %s', async (_, body, expected) => {
  expect(await answering(body).caller.look({ id: 'a', pollingUrl })).toMatchObject(expected)
})

test.each<[string, unknown, number]>([
  ['a page', '<html>', 200],
  ['half', '{"status":"Rea', 200],
  ['no word', { id: 'a' }, 200],
  ['another task', { id: 'b', status: 'Ready' }, 200],
  ['401', { detail: 'x' }, 401],
  ['403', { detail: 'x' }, 403],
  ['404', { detail: 'Task not found' }, 404],
  ['429', { detail: 'x' }, 429],
  ['500', { status: 'Error' }, 500],
])('a look that says nothing: %s', async (_, body, status) => {
  await expect(answering(body, status).caller.look({ id: 'a', pollingUrl })).rejects.toThrow('BFL')
})

test('a signed address is good for ten minutes', async () => {
  const { caller } = answering({ id: 'a', status: 'Ready', result: { sample: 'https://delivery-us1.bfl.ai/x' } })
  const progress = await caller.look({ id: 'a', pollingUrl })
  if (progress.status !== 'done') throw new Error('not done')
  const left = (progress.outputs[0]?.expiresAt ?? 0) - Date.now()
  expect(left).toBeGreaterThan(590_000)
  expect(left).toBeLessThanOrEqual(600_000)
})

test('a picture that cannot be read, or is too large, is a refusal that cost nothing', async () => {
  const { caller, sent } = answering({ id: 'a' })
  const large = { id: 'x', contentType: 'image/png', bytes: 30 * 1024 * 1024, open: async () => new Blob([]).stream() }
  const gone = { ...large, bytes: 10, open: () => Promise.reject(new Error('no such file')) }
  expect(await caller.submit(kleinEdit, {}, { files: [large] })).toMatchObject({ kind: 'invalid_input', paid: 'no' })
  expect(await caller.submit(kleinEdit, {}, { files: [gone] })).toMatchObject({ kind: 'unreachable', paid: 'no' })
  expect(sent).toEqual([])
})

test.each<[string, unknown, number, object | 'throws']>([
  ['good', { credits: 120 }, 200, { status: 'accepted', balance: { amount: 120, unit: 'credits' } }],
  ['empty', { credits: 0 }, 200, { status: 'refused', kind: 'credits_exhausted' }],
  ['bad', { detail: 'Not authenticated' }, 403, { status: 'refused', kind: 'auth' }],
  ['nobody knows', '<html>', 502, 'throws'],
])('a key is %s', async (_, body, status, expected) => {
  const { caller } = answering(body, status)
  const checked = bfl().check?.(caller.call)
  if (expected === 'throws') await expect(checked).rejects.toThrow('BFL')
  else expect(await checked).toEqual(expected)
})
