import type { InputFile, Model, ModelInput, Submitted } from '@safelight/core'
import { afterEach, describe, expect, test } from 'vitest'
import { callerOf, type Caller } from '../../test/caller.ts'
import { createWorld, serveSimulators, simulatedFetch, type World } from '../testing/index.ts'
import { openai, openaiModels, type OpenAIOptions } from './index.ts'
import { openaiSimulator } from './simulator.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const KEY = 'sk-proj-of-a-test'
const modelOf = (id: string): Model => {
  const model = openaiModels.find(each => each.id === id)
  if (!model) throw new Error(`There is no ${id}`)
  return model
}
const image = modelOf('gpt-image-2')
const edit = modelOf('gpt-image-2-edit')

async function setup({ isServed = false, ...options }: OpenAIOptions & { isServed?: boolean } = {}) {
  const world: World = createWorld({ simulators: [openaiSimulator], seconds: 0 })
  const served = isServed ? await serveSimulators(world) : null
  if (served) closers.push(served.close)
  const baseUrl = served?.baseUrls['OPENAI_BASE_URL']
  const provider = openai({ ...(baseUrl ? { baseUrl } : {}), ...options })
  const caller: Caller = callerOf(provider, served ? globalThis.fetch : simulatedFetch(world), { secret: KEY })
  return { world, provider, ...caller }
}

/** What a submit makes of one raw answer. */
async function submitted(answer: () => Response, model = image): Promise<Submitted> {
  const { submit } = await setup()
  return submit(model, {}, { fetch: async () => answer() })
}

const errorOf =
  (status: number, error: object, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ error }, { status, headers })

describe.each([true, false])('served over a socket: %s', isServed => {
  test('pictures are in the answer', async () => {
    const { world, submit } = await setup({ isServed })
    const done = await submit(image, { count: 2, size: 'portrait' })
    if (done.status !== 'done') throw new Error(JSON.stringify(done))
    expect(done.outputs).toHaveLength(2)
    const [first] = done.outputs
    if (!first || !('bytes' in first)) throw new Error('No bytes')
    expect(first.contentType).toBe('image/png')
    const view = new DataView((first.bytes as Uint8Array<ArrayBuffer>).buffer)
    expect([view.getUint32(16), view.getUint32(20)]).toEqual([1024, 1536])
    expect(world.accepted()).toMatchObject([{ endpoint: 'gpt-image-2', paid: true, outcome: 'succeeded' }])
  })

  test('an edit of one picture, and of several', async () => {
    const { world, submit } = await setup({ isServed })
    expect(await submit(edit, { images: ['one'] })).toMatchObject({ status: 'done', outputs: [{}] })
    expect(await submit(edit, { images: ['one', 'two', 'three'] })).toMatchObject({ status: 'done' })
    expect(world.books('openai').requests.map(({ path }) => path)).toEqual(['/v1/images/edits', '/v1/images/edits'])
  })

  test.each(openaiSimulator.scenarios.map(({ name, expect: expected }) => ({ name, ...expected })))(
    'scenario $name',
    async ({ name, kind, paid }) => {
      const { world, submit } = await setup({ isServed })
      world.next('openai', { scenario: name })
      if (name === 'server_error') {
        await expect(submit(image)).rejects.toThrow('500')
        expect(world.accepted()).toHaveLength(1)
        return
      }
      expect(await submit(image)).toMatchObject({ status: 'refused', kind, paid })
      expect(world.accepted()).toHaveLength(0)
    },
  )

  test.each([
    [{ fault: 'lost' }, 1],
    [{ fault: 'reset' }, 0],
    [{ fault: 'malformed' }, 1],
    [{ fault: 'html' }, 1],
    [{ fault: 'cut', share: 0.5 }, 1],
    [{ fault: 'redirect', to: 'https://elsewhere.example/' }, 1],
    [{ fault: 'status', status: 408 }, 0],
    [{ fault: 'status', status: 409 }, 0],
    [{ fault: 'status', status: 500 }, 0],
    [{ fault: 'status', status: 502, body: 'html' }, 0],
    [{ fault: 'status', status: 503 }, 0],
    [{ fault: 'status', status: 504, body: 'empty' }, 0],
  ] as const)('a submit that ends in %j is unknown, and was sent once', async (fault, accepted) => {
    const { world, submit } = await setup({ isServed })
    world.fault('openai', { on: 'submit', ...fault })
    await expect(submit(image)).rejects.toThrow()
    expect(world.accepted()).toHaveLength(accepted)
    expect(world.books('openai').requests).toHaveLength(1)
  })
})

test('a connection that never opened is a refusal', async () => {
  const { submit } = await setup({ isServed: true })
  for (const close of closers.splice(0)) await close()
  expect(await submit(image)).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
})

describe('refusals', () => {
  test.each([
    [400, { code: 'content_policy_violation' }, { kind: 'content_policy', scope: 'request', paid: 'unknown' }],
    [400, { code: 'invalid_value', type: 'invalid_request_error' }, { kind: 'invalid_input', scope: 'request' }],
    [400, { code: 'model_not_found' }, { kind: 'model_unavailable', scope: 'model' }],
    [404, { code: 'model_not_found' }, { kind: 'model_unavailable', scope: 'model' }],
    [400, { code: 'billing_hard_limit_reached' }, { kind: 'credits_exhausted', scope: 'account' }],
    [401, { code: 'invalid_api_key' }, { kind: 'auth', scope: 'token' }],
    [403, { message: 'Your organization must be verified' }, { kind: 'permission', scope: 'account' }],
    [403, { message: 'Project does not have access to model' }, { kind: 'permission', scope: 'token' }],
    [413, { message: 'too large' }, { kind: 'invalid_input', scope: 'request' }],
    [429, { type: 'insufficient_quota' }, { kind: 'credits_exhausted', scope: 'account' }],
    [429, { code: 'rate_limit_exceeded' }, { kind: 'rate_limited', scope: 'account' }],
    [429, { code: 'billing_not_active' }, { kind: 'credits_exhausted', scope: 'account' }],
    [503, { message: 'The engine is currently overloaded' }, { kind: 'provider_error', scope: 'provider', paid: 'no' }],
  ])('%i %j', async (status, error, expected) => {
    expect(await submitted(errorOf(status, error))).toMatchObject({ status: 'refused', ...expected })
  })

  test.each([
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, '', 1.5],
    [{ 'retry-after': '9' }, 'Please try again in 2s.', 9],
    [{}, 'Please try again in 1m30.5s. Visit', 90.5],
    [{}, 'Please try again in 250ms.', 0.25],
    [{ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' }, '', 360],
    [
      {
        'x-ratelimit-remaining-images': '0',
        'x-ratelimit-reset-images': '12s',
        'x-ratelimit-remaining-requests': '3',
        'x-ratelimit-reset-requests': '1h',
      },
      '',
      12,
    ],
    [{ 'x-ratelimit-remaining-images': '0', 'x-ratelimit-reset-images': '9999999h' }, '', 3600],
    [{ 'x-ratelimit-remaining-images': '0', 'x-ratelimit-reset-images': 'soon' }, '', undefined],
  ])('how long a limit holds: %j %s', async (headers, message, seconds) => {
    const answer = await submitted(errorOf(429, { code: 'rate_limit_exceeded', message }, headers))
    expect(answer.status === 'refused' && answer.retryAfterSeconds).toBe(seconds)
  })

  test('no key and no endless text gets into the log', async () => {
    const answer = await submitted(errorOf(400, { message: 'x'.repeat(10_000) }))
    expect(answer.status === 'refused' && answer.message.length).toBeLessThanOrEqual(500)
  })
})

describe('answers that say yes', () => {
  const done = async (answer: object) => {
    const result = await submitted(() => Response.json(answer))
    if (result.status !== 'done') throw new Error(JSON.stringify(result))
    return result.outputs
  }
  const b64_json = btoa('a picture')
  test('one that cannot be read leaves the others', async () => {
    expect(await done({ data: [{ b64_json: '*' }, { b64_json }, {}, null, 7] })).toHaveLength(1)
    expect(await done({ data: [] })).toEqual([])
  })
  test.each([
    ['png', 'image/png'],
    ['webp', 'image/webp'],
    ['svg', undefined],
    ['gif', undefined],
  ])('%s', async (format, contentType) => {
    const [output] = await done({ data: [{ b64_json }], output_format: format })
    expect(output?.contentType).toBe(contentType)
  })
  test('with a data prefix, or an address', async () => {
    const outputs = await done({
      data: [
        { b64_json: `data:image/png;base64,${b64_json}` },
        { url: 'https://x.example/a.png' },
        { url: 'file:///etc/passwd' },
      ],
    })
    expect(outputs).toMatchObject([
      { bytes: new TextEncoder().encode('a picture') },
      { url: 'https://x.example/a.png' },
    ])
  })
  test.each([{ error: { message: 'no' } }, { data: 'text' }, {}, []])(
    '200 with %j does not say what happened',
    async answer => {
      await expect(submitted(() => Response.json(answer))).rejects.toThrow('200')
    },
  )
})

describe('what is sent', () => {
  const sentBy = async (options: OpenAIOptions, model: Model, input: Partial<ModelInput> = {}, files?: InputFile[]) => {
    const { submit } = await setup(options)
    const sent: { url: string; init: RequestInit | undefined }[] = []
    const spy: typeof fetch = async (url, init) => {
      sent.push({ url: url as string, init })
      return Response.json({ data: [] })
    }
    const result = await submit(model, input, { fetch: spy, ...(files ? { files } : {}) })
    return { result, url: sent[0]?.url, headers: new Headers(sent[0]?.init?.headers), body: sent[0]?.init?.body }
  }
  test('a generation is JSON, and always asks for PNG', async () => {
    const { url, headers, body } = await sentBy({ organization: 'org-1', project: 'proj-1' }, image, { count: 3 })
    expect(url).toBe('https://api.openai.com/v1/images/generations')
    expect(JSON.parse(body as string)).toEqual({
      model: 'gpt-image-2',
      prompt: 'a fox',
      n: 3,
      size: '1024x1536',
      output_format: 'png',
    })
    expect(Object.fromEntries(headers)).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'openai-organization': 'org-1',
      'openai-project': 'proj-1',
      'content-type': 'application/json',
    })
  })
  test('an edit is a form', async () => {
    const { url, body, headers } = await sentBy({ baseUrl: 'http://127.0.0.1:1/v1' }, edit, { images: ['one', 'two'] })
    expect(url).toBe('http://127.0.0.1:1/v1/images/edits')
    expect(headers.get('content-type')).toBeNull()
    const form = body as FormData
    expect([...form.keys()]).toEqual(['prompt', 'n', 'size', 'output_format', 'model', 'image[]', 'image[]'])
    expect((form.getAll('image[]') as File[]).map(({ name, type }) => [name, type])).toEqual([
      ['input-0.png', 'image/png'],
      ['input-1.png', 'image/png'],
    ])
  })
  test('a picture that cannot be read, or is too large, is not sent', async () => {
    const file = { id: 'f', contentType: 'image/png', bytes: 10, open: () => Promise.reject(new Error('gone')) }
    const unread = await sentBy({}, edit, {}, [file])
    expect(unread).toMatchObject({ url: undefined, result: { status: 'refused', kind: 'unreachable', paid: 'no' } })
    const large = await sentBy({}, edit, {}, [{ ...file, bytes: 50_000_000 }])
    expect(large).toMatchObject({ url: undefined, result: { status: 'refused', kind: 'invalid_input', paid: 'no' } })
  })
  test('every model writes what is taken', async () => {
    const { submit, world } = await setup()
    for (const model of openaiModels) {
      for (const size of ['portrait', 'square', 'landscape'] as const) {
        expect(await submit(model, { size })).toMatchObject({ status: 'done' })
      }
    }
    expect(world.accepted()).toHaveLength(openaiModels.length * 3)
  })
})

test('there is nothing to look at', async () => {
  const { look } = await setup()
  await expect(look({})).rejects.toThrow('nothing to look at')
})

test('a key check', async () => {
  const { world, provider, call } = await setup()
  const check = () => provider.check?.(call)
  expect(await check()).toEqual({ status: 'accepted' })
  world.fault('openai', { on: 'account', fault: 'status', status: 403 })
  expect(await check()).toEqual({ status: 'refused', kind: 'permission' })
  world.fault('openai', { on: 'account', fault: 'status', status: 503 })
  await expect(check()).rejects.toThrow('503')
  world.revoke('openai', KEY)
  expect(await check()).toEqual({ status: 'refused', kind: 'auth' })
})

test('models that end say when, and by what they are replaced, by one that lives', () => {
  const ending = (openaiModels as readonly Model[]).filter(({ lifecycle }) => lifecycle?.status === 'deprecated')
  expect(ending.map(({ id }) => id)).toEqual(['gpt-image-1.5', 'gpt-image-1-mini'])
  for (const { lifecycle } of ending) {
    expect(lifecycle?.shutdownAt).toBe('2026-12-01')
    expect(modelOf(lifecycle?.replacement ?? '').lifecycle).toEqual({ status: 'live' })
  }
})
