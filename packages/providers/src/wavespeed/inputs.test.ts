/** Input files: put with WaveSpeed before a submit, or carried in the body; trouble with them costs nothing. */
import { describe, expect, test } from 'vitest'
import { allInputs, firstInput } from './inputs.ts'
import { wavespeed } from './provider.ts'
import { bench, canned, fileOf, submit } from '../../test/wavespeed-calls.ts'

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 1, 2, 3, 4])
const EDIT = 'wavespeed-ai/flux-2-klein-9b/edit'
const edit = (body: object = {}, count = 2) => ({
  endpoint: EDIT,
  body: { prompt: 'snow', images: allInputs(), ...body },
  files: Array.from({ length: count }, () => fileOf(PNG)),
})

describe('uploads', () => {
  test('each file is put where its ticket says, without the key, and the body has the addresses', async () => {
    const desk = bench()
    expect(await submit(desk, edit())).toMatchObject({ status: 'running' })
    expect(desk.sent.map(({ method, url }) => `${method} ${new URL(url).hostname}`)).toEqual([
      'POST api.wavespeed.ai',
      'PUT uploads.wavespeed.ai',
      'POST api.wavespeed.ai',
      'PUT uploads.wavespeed.ai',
      'POST api.wavespeed.ai',
    ])
    const puts = desk.sent.filter(({ method }) => method === 'PUT')
    expect(puts.every(({ headers }) => !headers.has('authorization'))).toBe(true)
    expect(desk.world.accepted()).toHaveLength(1)
  })

  test('one picture alone goes as text', async () => {
    const desk = bench()
    const order = {
      endpoint: 'wavespeed-ai/flux-kontext-pro',
      body: { prompt: 'snow', image: firstInput() },
      files: [fileOf(PNG, 'image/jpeg')],
    }
    expect(await submit(desk, order)).toMatchObject({ status: 'running' })
  })

  test('the older way, where there is no ticket', async () => {
    const desk = bench()
    desk.world.fault('wavespeed', { on: 'upload', fault: 'status', status: 404 })
    expect(await submit(desk, edit({}, 1))).toMatchObject({ status: 'running' })
    expect(desk.world.books('wavespeed').requests.map(({ path }) => path)).toContain('/api/v3/media/upload/binary')
  })

  test('inline needs no upload', async () => {
    const desk = bench()
    expect(await submit(desk, edit({ images: allInputs({ as: 'inline' }) }))).toMatchObject({ status: 'running' })
    expect(desk.sent).toHaveLength(1)
  })
})

describe('nothing is submitted, and nothing is unknown, when an upload fails', () => {
  test.each([
    ['the ticket: 500', { fault: 'status', status: 500 }, 'provider_error'],
    ['the ticket: 429', { fault: 'status', status: 429, retryAfterSeconds: 3 }, 'rate_limited'],
    ['the ticket: HTML', { fault: 'html' }, 'unreachable'],
    ['the ticket: half', { fault: 'malformed' }, 'unreachable'],
    ['the ticket: reset', { fault: 'reset' }, 'unreachable'],
    ['the file: reset', { fault: 'reset', after: 1 }, 'unreachable'],
    ['the file: 403', { fault: 'status', status: 403, after: 1 }, 'provider_error'],
    ['the file: 500', { fault: 'status', status: 500, after: 1 }, 'provider_error'],
  ] as const)('%s', async (_, fault, kind) => {
    const desk = bench()
    desk.world.fault('wavespeed', { on: 'upload', ...fault })
    expect(await submit(desk, edit({}, 1))).toMatchObject({ status: 'refused', kind, paid: 'no' })
    expect(desk.world.accepted()).toHaveLength(0)
  })

  test('a refused key, an empty account', async () => {
    const desk = bench()
    desk.world.revoke('wavespeed', 'ws-sentinel-key')
    expect(await submit(desk, edit())).toMatchObject({ status: 'refused', kind: 'auth' })
    const provider = wavespeed()
    const { fetch } = canned(Response.json({ code: 403, message: 'Please top up first' }))
    expect(await submit({ provider, fetch }, edit())).toMatchObject({ status: 'refused', kind: 'credits_exhausted' })
  })

  test('files that are too large are not even sent', async () => {
    const desk = bench()
    const order = edit({ images: allInputs({ maxBytes: 5 }) })
    expect(await submit(desk, order)).toMatchObject({ status: 'refused', kind: 'invalid_input', scope: 'request' })
    expect(desk.sent).toHaveLength(0)
  })

  test('a file that is larger than it says, and one that cannot be read', async () => {
    const desk = bench()
    const liar = { ...fileOf(PNG), bytes: 3 }
    const lying = { ...edit({ images: allInputs({ maxBytes: 5 }) }), files: [liar] }
    expect(await submit(desk, lying)).toMatchObject({ status: 'refused', paid: 'no' })
    const broken = { ...fileOf(PNG), open: () => Promise.reject(new Error('gone')) }
    expect(await submit(desk, { ...edit(), files: [broken] })).toMatchObject({ status: 'refused', kind: 'unreachable' })
    expect(desk.world.accepted()).toHaveLength(0)
  })

  test('no file where one is needed', async () => {
    const desk = bench()
    expect(await submit(desk, edit({}, 0))).toMatchObject({ status: 'refused', kind: 'invalid_input' })
    expect(desk.sent).toHaveLength(0)
  })
})

test.each([
  'http://uploads.example/x',
  'https://127.0.0.1/x',
  'https://[::1]/x',
  'https://localhost/x',
  'https://metadata.internal/x',
  'https://user:word@uploads.example/x',
  'file:///etc/passwd',
  '/relative',
])('a picture is not put at %s', async url => {
  const data = { upload: { method: 'PUT', url, headers: {} }, download_url: 'https://uploads.example/x' }
  const { fetch, asked } = canned(Response.json({ code: 200, data }))
  expect(await submit({ provider: wavespeed(), fetch }, edit())).toMatchObject({ status: 'refused', paid: 'no' })
  expect(asked).toHaveLength(1)
})

test('headers of a ticket cannot bring a key along, or a length of their own', async () => {
  const seen: Headers[] = []
  const headers = { Authorization: 'Bearer x', Cookie: 'a=b', Host: 'y', 'Content-Length': '1', 'x-amz-acl': 'private' }
  const data = { upload: { method: 'PUT', url: 'https://up.example/x', headers }, download_url: 'https://up.example/x' }
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    if (request.method !== 'PUT') {
      return Response.json({ code: 200, data: request.url.endsWith('/uploads') ? data : { id: 'a1' } })
    }
    seen.push(request.headers)
    return new Response(null)
  }
  await submit({ provider: wavespeed(), fetch }, edit({}, 1))
  expect([...(seen[0] ?? [])]).toEqual([
    ['content-type', 'image/png'],
    ['x-amz-acl', 'private'],
  ])
})

test('a prompt that looks like a marker stays a prompt', async () => {
  const desk = bench()
  const prompt = '{"$input":"first"}'
  await submit(desk, { body: { prompt }, files: [fileOf(PNG)] })
  expect(desk.world.accepted()).toHaveLength(1)
  expect(desk.sent).toHaveLength(1)
})
