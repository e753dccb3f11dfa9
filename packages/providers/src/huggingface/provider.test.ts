import { SafelightError, type InputFile, type Model, type Progress, type Submitted } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import { huggingface, huggingfaceModels, type HuggingfaceOptions } from './index.ts'
import { huggingfaceSimulatorAlone, leakedKeys } from './simulator.ts'

const HF = { secret: 'hf_secret0001' }

function modelOf(id: string, party?: string): Model {
  const model: Model | undefined = huggingfaceModels.find(each => each.id === id)
  if (!model) throw new Error(`There is no model ${id}`)
  return party ? { ...model, routes: model.routes.filter(({ endpoint }) => endpoint.startsWith(`${party}:`)) } : model
}

interface Asked {
  method: string
  url: string
  headers: Headers
  body: Record<string, unknown> | undefined
}

/** A `fetch` that answers from a script and writes down what was asked; the hub answers with the mapping. */
function scripted(answers: readonly (() => Response | Promise<Response>)[], mapping: unknown = FLUX) {
  const asked: Asked[] = []
  const rest = [...answers]
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = input as string
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as Asked['body']) : undefined
    asked.push({ method: init?.method ?? 'GET', url, headers: new Headers(init?.headers), body })
    if (url.includes('/api/models/')) return Response.json({ inferenceProviderMapping: mapping })
    const next = rest.shift()
    if (!next) throw new Error(`Nobody expected ${url}`)
    return next()
  }
  return { fetch, asked, posts: () => asked.filter(({ method }) => method === 'POST') }
}

const live = (providerId: string, task = 'text-to-image') => ({ status: 'live', providerId, task })
const FLUX = {
  'fal-ai': live('fal-ai/flux/dev'),
  wavespeed: live('wavespeed-ai/flux-dev'),
  replicate: live('black-forest-labs/flux-dev'),
}
const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { status, headers })

function submitWith(
  line: ReturnType<typeof scripted>,
  {
    party = 'fal-ai',
    id = 'flux-dev',
    secret = HF.secret,
    options = {},
  }: Partial<Record<'party' | 'id' | 'secret', string>> & { options?: HuggingfaceOptions } = {},
): Promise<Submitted> {
  return callerOf(huggingface(options), line.fetch, { secret }).submit(modelOf(id, party))
}

describe('every route makes what it promises, on a socket', () => {
  const routes = huggingfaceModels.flatMap((model: Model) =>
    model.routes.map(route => ({
      id: model.id,
      party: route.endpoint.split(':')[0] ?? '',
      name: `${model.id} by ${route.endpoint}`,
    })),
  )
  test.each(routes)('$name', async ({ id, party }) => {
    const world = createWorld({ simulators: [huggingfaceSimulatorAlone], seconds: 0.01 })
    const served = await serveSimulators(world)
    const provider = huggingface({
      routerUrl: served.baseUrls['HUGGINGFACE_BASE_URL'] ?? '',
      hubUrl: served.baseUrls['HUGGINGFACE_HUB_URL'] ?? '',
    })
    const model = modelOf(id, party)
    const size = model.sizes.square ? 'square' : 'landscape'
    const caller = callerOf(provider, fetch, HF)
    const end = await caller.end(
      await caller.submit(model, { size, duration: model.durations?.at(-1) ?? 0 }),
      () => undefined,
    )
    if (end.status !== 'done') throw new Error(JSON.stringify(end))
    const [output] = end.outputs
    const bytes = output && 'bytes' in output ? (output.bytes as Uint8Array) : await download(output?.url ?? '')
    if (model.kind === 'video') expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('ftyp')
    else expect(sizeOfPng(bytes)).toEqual(model.sizes[size])
    expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true, keyEnd: '0001' }])
    expect(leakedKeys(world.books('huggingface'))).toEqual([])
    await served.close()
  })

  async function download(url: string): Promise<Uint8Array> {
    return new Uint8Array(await (await fetch(url)).arrayBuffer())
  }

  function sizeOfPng(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    return { width: view.getUint32(16), height: view.getUint32(20) }
  }
})

describe('what goes over the line', () => {
  test('through the router: the doubled path, the queue, one key, and who pays', async () => {
    const line = scripted([json({ request_id: 'r1', response_url: 'https://queue.fal.run/fal-ai/flux/requests/r1' })])
    const submitted = await submitWith(line, { options: { billTo: 'acme' } })
    expect(submitted).toEqual({
      status: 'running',
      operation: { party: 'fal-ai', id: 'r1', path: '/fal-ai/flux/requests/r1' },
    })
    const [mapping, post] = line.asked
    expect(mapping?.url).toBe(
      'https://huggingface.co/api/models/black-forest-labs/FLUX.1-dev?expand[]=inferenceProviderMapping',
    )
    expect(mapping?.headers.get('authorization')).toBeNull()
    expect(post?.url).toBe('https://router.huggingface.co/fal-ai/fal-ai/flux/dev?_subdomain=queue')
    expect(post?.headers.get('authorization')).toBe('Bearer hf_secret0001')
    expect(post?.headers.get('x-hf-bill-to')).toBe('acme')
    expect(post?.body).toEqual({ prompt: 'a fox', image_size: { width: 768, height: 1344 }, num_images: 1, seed: 7 })
  })

  test.each([
    [
      'fal-ai',
      'flux-dev',
      'f1e2d3c4-0000-4000-8000-000000000000:abcdef',
      'https://queue.fal.run/fal-ai/flux/dev',
      'Key f1e2d3c4-0000-4000-8000-000000000000:abcdef',
    ],
    ['fal-ai', 'flux-dev', 'anykey', 'https://queue.fal.run/fal-ai/flux/dev', 'Key anykey'],
    ['fal-ai', 'flux-dev', 'fal-ai:anykey', 'https://queue.fal.run/fal-ai/flux/dev', 'Key anykey'],
    ['wavespeed', 'flux-dev', 'anykey', 'https://api.wavespeed.ai/api/v3/wavespeed-ai/flux-dev', 'Bearer anykey'],
    [
      'replicate',
      'flux-dev',
      'r8_x',
      'https://api.replicate.com/v1/models/black-forest-labs/flux-dev/predictions',
      'Bearer r8_x',
    ],
  ])('a key of %s’s own goes to its own host', async (party, id, secret, url, authorization) => {
    const line = scripted([json({ request_id: 'j1', id: 'j1', code: 200, data: { id: 'j1' }, status: 'starting' })])
    expect(await submitWith(line, { party, id, secret })).toMatchObject({ status: 'running', operation: { id: 'j1' } })
    expect(line.posts()).toMatchObject([{ url }])
    expect(line.posts()[0]?.headers.get('authorization')).toBe(authorization)
  })

  test.each([
    ['wavespeed', 'r8_ofReplicate'],
    ['wavespeed', 'f1e2d3c4-0000-4000-8000-000000000000:abcdef'],
    ['fal-ai', 'together:key'],
  ])('%s never sees the key %s', async (party, secret) => {
    const line = scripted([])
    expect(await submitWith(line, { party, secret })).toMatchObject({ kind: 'permission', scope: 'token', paid: 'no' })
    expect(line.posts()).toEqual([])
  })

  test('Hugging Face’s own machines take no key of anybody else', async () => {
    const line = scripted([])
    const refusal = await submitWith(line, { party: 'hf-inference', id: 'stable-diffusion-3-medium', secret: 'other' })
    expect(refusal).toMatchObject({ status: 'refused', kind: 'permission' })
  })

  test('pictures go in where the route says', async () => {
    const mapping = [
      { provider: 'fal-ai', ...live('fal-ai/flux-2/klein/9b/edit', 'image-to-image') },
      { provider: 'wavespeed', ...live('wavespeed-ai/flux-2-klein-9b/edit', 'image-to-image') },
    ]
    for (const [party, field] of [
      ['fal-ai', 'image_urls'],
      ['wavespeed', 'images'],
    ] as const) {
      const line = scripted([json({ request_id: 'j', code: 200, data: { id: 'j' } })], mapping)
      const caller = callerOf(huggingface(), line.fetch, HF)
      await caller.submit(modelOf('flux-2-klein-edit', party), { images: ['one', 'two'] })
      const written = line.posts()[0]?.body?.[field]
      expect(written).toEqual([expect.stringMatching(/^data:image\/png;base64,/), expect.stringMatching(/^data:/)])
    }
  })

  test.each([
    ['https://evil.example/../../../etc', '/fal-ai/flux/requests/r1'],
    ['not an address', '/fal-ai/flux/requests/r1'],
    ['https://router.huggingface.co/fal-ai/fal-ai/flux/requests/r1', '/fal-ai/flux/requests/r1'],
    ['https://queue.fal.run/workflows/me/mine/requests/r1', '/workflows/me/mine/requests/r1'],
  ])('%s is no reason to lose a job', async (response_url, path) => {
    const line = scripted([json({ request_id: 'r1', response_url }), json({ status: 'IN_PROGRESS' })])
    const caller = callerOf(huggingface(), line.fetch, HF)
    const submitted = await caller.submit(modelOf('flux-dev', 'fal-ai'))
    expect(submitted).toMatchObject({ operation: { path } })
    if (submitted.status === 'running') await caller.look(submitted.operation)
    expect(line.asked.at(-1)?.url).toBe(`https://router.huggingface.co/fal-ai${path}/status?_subdomain=queue`)
  })

  test('what is wrong before the request is a refusal that cost nothing', async () => {
    const tooLarge: InputFile = {
      id: 'x',
      contentType: 'image/png',
      bytes: 1e9,
      open: async () => new Blob([]).stream(),
    }
    const gone: InputFile = {
      ...tooLarge,
      bytes: 10,
      open: () => Promise.reject(new SafelightError('not_found', 'gone')),
    }
    const mapping = { 'fal-ai': live('fal-ai/flux-2/klein/9b/edit', 'image-to-image') }
    for (const [files, kind] of [
      [[tooLarge], 'invalid_input'],
      [[gone], 'unreachable'],
      [[], 'invalid_input'],
    ] as const) {
      const line = scripted([], mapping)
      const caller = callerOf(huggingface(), line.fetch, HF)
      const refusal = await caller.submit(modelOf('flux-2-klein-edit', 'fal-ai'), {}, { files: [...files] })
      expect(refusal).toMatchObject({ status: 'refused', kind, paid: 'no' })
      expect(line.posts()).toEqual([])
    }
    const caller = callerOf(huggingface(), scripted([]).fetch, HF)
    const strange = { endpoint: 'fal-ai:../../x', body: { prompt: 'a' } }
    expect(await caller.submit(modelOf('flux-dev', 'fal-ai'), {}, strange)).toMatchObject({ kind: 'invalid_input' })
    const aborted = { signal: AbortSignal.abort() }
    expect(await caller.submit(modelOf('flux-dev', 'fal-ai'), {}, aborted)).toMatchObject({
      kind: 'unreachable',
      paid: 'no',
    })
  })
})

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

describe('looks', () => {
  const look = (party: string, answers: Parameters<typeof scripted>[0]): Promise<Progress> => {
    const path =
      {
        'fal-ai': '/fal-ai/flux/requests/r',
        wavespeed: '/api/v3/predictions/r/result',
        replicate: '/v1/predictions/r',
        together: '/v2/videos/r',
      }[party] ?? ''
    return callerOf(huggingface(), scripted(answers).fetch, HF).look({ party, id: 'r', path })
  }
  const completed = json({ status: 'COMPLETED' })

  test.each<[string, Parameters<typeof scripted>[0], object]>([
    [
      'fal-ai',
      [json({ status: 'IN_QUEUE', queue_position: 3 }, 202)],
      { status: 'running', stage: 'queued', queuePosition: 3 },
    ],
    ['fal-ai', [json({ status: 'PONDERING' })], { status: 'running' }],
    ['fal-ai', [completed, json({ detail: 'Request is still in progress' }, 400)], { status: 'running' }],
    [
      'fal-ai',
      [completed, json({ images: [{ url: 'https://x.example/a' }], has_nsfw_concepts: [true] })],
      { status: 'done', outputs: [{ flagged: true }] },
    ],
    [
      'fal-ai',
      [completed, json({ images: [{ url: 'file:///etc/passwd' }] })],
      { status: 'failed', kind: 'no_output', paid: 'yes' },
    ],
    [
      'fal-ai',
      [completed, json({ detail: 'Blocked by the usage guidelines' }, 422)],
      { status: 'failed', kind: 'content_policy' },
    ],
    [
      'fal-ai',
      [completed, json({ detail: [{ type: 'value_error' }] }, 422, { 'x-fal-billable-units': '0' })],
      { kind: 'invalid_input', paid: 'no' },
    ],
    [
      'fal-ai',
      [json({ status: 'COMPLETED', error_type: 'runner_disconnected' }), json({}, 503)],
      { kind: 'provider_error', paid: 'no' },
    ],
    ['wavespeed', [json({ code: 200, data: { status: 'created' } })], { status: 'running', stage: 'queued' }],
    ['wavespeed', [json({ code: 200, data: { status: 'constructor' } })], { status: 'running' }],
    [
      'wavespeed',
      [json({ data: { status: 'completed', outputs: [{ url: 'https://x.example/a' }] } })],
      { status: 'done' },
    ],
    ['wavespeed', [json({ data: { status: 'completed', outputs: [] } })], { kind: 'no_output', paid: 'yes' }],
    [
      'wavespeed',
      [json({ data: { status: 'failed', error: 'sensitive content' } })],
      { kind: 'content_policy', paid: 'no' },
    ],
    ['replicate', [json({ status: 'processing', output: ['https://x.example/a'] })], { status: 'running' }],
    ['replicate', [json({ status: 'succeeded', output: 'https://x.example/a' })], { status: 'done' }],
    ['replicate', [json({ status: 'succeeded', output: null, data_removed: true })], { kind: 'no_output' }],
    ['together', [json({ status: 'in_progress' })], { status: 'running', lookAgainInSeconds: 2 }],
    ['together', [json({ status: 'completed', outputs: { video_url: 'https://x.example/a' } })], { status: 'done' }],
  ])('%s %#', async (party, answers, expected) => {
    expect(await look(party, answers)).toMatchObject(expected)
  })

  test.each(['fal-ai', 'wavespeed', 'replicate', 'together'])(
    '%s: what says nothing about the job is thrown',
    async party => {
      for (const status of [401, 403, 404, 429, 500, 503])
        await expect(look(party, [json({}, status)])).rejects.toThrow(`${status}`)
      await expect(look(party, [() => new Response('<html>')])).rejects.toThrow('no JSON')
      await expect(look(party, [json({ code: 500, message: 'x' })])).rejects.toThrow('no status')
    },
  )

  test.each([401, 403, 404, 429, 500, 502])('fal: a result with %i says nothing either', async status => {
    await expect(look('fal-ai', [completed, json({ detail: 'Service is busy' }, status)])).rejects.toThrow(`${status}`)
    const error = json({ status: 'COMPLETED', error: 'Invalid status code: 422' })
    await expect(look('fal-ai', [error, json({ detail: 'Service is busy' }, status)])).rejects.toThrow(`${status}`)
  })

  test.each([
    null,
    7,
    {},
    { party: 'nobody', id: 'x', path: '/x' },
    { party: 'fal-ai', id: 'x', path: 'https://evil.example/' },
  ])('an operation that is none of ours: %j', async operation => {
    const line = scripted([])
    await expect(callerOf(huggingface(), line.fetch, HF).look(operation)).rejects.toThrow('no operation')
    expect(line.asked).toEqual([])
  })
})

describe('a key is asked about', () => {
  const world = createWorld({ simulators: [huggingfaceSimulatorAlone] })
  const check = (secret: string) => {
    const { call } = callerOf(huggingface(), simulatedFetch(world), { secret })
    return huggingface().check(call)
  }
  test('good, revoked, without the permission', async () => {
    expect(await check('hf_good')).toEqual({ status: 'accepted' })
    expect(await check('hf_readonly')).toEqual({ status: 'refused', kind: 'permission' })
    world.revoke('huggingface', 'hf_revoked')
    expect(await check('hf_revoked')).toEqual({ status: 'refused', kind: 'auth' })
  })
  test('a key of somebody else is not shown to the hub', async () => {
    await expect(check('r8_key')).rejects.toThrow('Only tokens of Hugging Face')
  })
})
