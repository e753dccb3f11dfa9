import type { InputFile, Json, LookCall, Progress, SubmitCall, Submitted, Token } from '@safelight/core'
import { afterEach, describe, expect, test } from 'vitest'
import { createWorld, serveSimulators, simulatedFetch, type Plan, type World } from '../testing/kit/index.ts'
import { replicate, replicateModels, type ReplicateOptions } from './index.ts'
import { replicateSimulator } from './simulator.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const ENDPOINT = 'black-forest-labs/flux-schnell'
const token: Token = {
  provider: 'replicate',
  label: 'one',
  secret: 'r8_secret_of_one',
  account: 'one',
  draining: false,
  maxOpen: null,
}

interface Setup {
  world: World
  provider: ReturnType<typeof replicate>
  submit(change?: Partial<SubmitCall>): Promise<Submitted>
  look(operation: Json): Promise<Progress>
  call(operation: Json): LookCall
}

async function setup({
  isServed = false,
  seconds = 0,
  ...options
}: ReplicateOptions & { isServed?: boolean; seconds?: number } = {}): Promise<Setup> {
  const world = createWorld({ simulators: [replicateSimulator], seconds })
  const served = isServed ? await serveSimulators(world) : null
  if (served) closers.push(served.close)
  const baseUrl = served?.baseUrls['REPLICATE_BASE_URL']
  const provider = replicate({ ...(baseUrl ? { baseUrl } : {}), ...options })
  const common = {
    token,
    attemptId: 'attempt-1',
    fetch: served ? globalThis.fetch : simulatedFetch(world),
    signal: new AbortController().signal,
  }
  const call = (operation: Json): LookCall => ({ ...common, operation })
  return {
    world,
    provider,
    call,
    submit: change =>
      provider.submit({ ...common, endpoint: ENDPOINT, body: bodyOf(), files: [], webhookUrl: null, ...change }),
    look: operation => provider.look(call(operation)),
  }
}

function bodyOf(prompt = 'a fox'): Json {
  return { input: { prompt, num_outputs: 2, output_format: 'png', aspect_ratio: '16:9' } }
}

function fileOf(bytes: number): InputFile {
  const content = new Uint8Array(bytes).fill(7)
  return { id: 'f', contentType: 'image/png', bytes, open: async () => new Blob([content]).stream() }
}

/** The operation of a submit that was taken. */
function operationIn(submitted: Submitted): Json {
  if (submitted.status !== 'running') throw new Error(`Not running: ${JSON.stringify(submitted)}`)
  return submitted.operation
}

async function until(look: () => Promise<Progress>): Promise<Progress> {
  let progress = await look()
  while (progress.status === 'running') progress = await look()
  return progress
}

describe.each([true, false])('served over a socket: %s', isServed => {
  test('a prediction from submit to its files', async () => {
    const { world, submit, look } = await setup({ isServed, seconds: 0.05 })
    const operation = operationIn(await submit())
    const done = await until(() => look(operation))
    if (done.status !== 'done') throw new Error(`Not done: ${JSON.stringify(done)}`)
    expect(done.outputs).toHaveLength(2)
    for (const { url, expiresAt } of done.outputs) {
      const file = await (isServed ? fetch : simulatedFetch(world))(url ?? '')
      expect(file.headers.get('content-type')).toBe('image/png')
      expect((expiresAt ?? 0) - Date.now()).toBeGreaterThan(3_590_000)
    }
    expect(world.accepted()).toMatchObject([{ endpoint: ENDPOINT, outcome: 'succeeded', paid: true }])
  })

  test.each(replicateSimulator.scenarios.map(({ name, expect: expected }) => ({ name, ...expected })))(
    'scenario $name',
    async ({ name, at, kind, paid }) => {
      const { world, submit, look } = await setup({ isServed, seconds: 0.02 })
      world.next('replicate', { scenario: name })
      const submitted = await submit()
      if (at === 'submit') {
        expect(submitted).toMatchObject({ status: 'refused', kind, paid })
        expect(world.accepted()).toHaveLength(0)
        return
      }
      const end = await until(() => look(operationIn(submitted)))
      expect(end).toMatchObject(kind === 'success' ? { status: 'done' } : { status: 'failed', kind, paid })
      expect(world.accepted()).toHaveLength(1)
    },
  )

  test.each([
    [{ fault: 'lost' }, 1],
    [{ fault: 'reset' }, 0],
    [{ fault: 'malformed' }, 1],
    [{ fault: 'html' }, 1],
    [{ fault: 'cut', share: 0.5 }, 1],
    [{ fault: 'redirect', to: 'https://elsewhere.example/' }, 1],
    [{ fault: 'status', status: 500 }, 0],
    [{ fault: 'status', status: 503, body: 'html' }, 0],
    [{ fault: 'status', status: 504, body: 'empty' }, 0],
  ] as const)('a submit that ends in %j is unknown, and was sent once', async (fault, accepted) => {
    const { world, submit } = await setup({ isServed })
    world.fault('replicate', { on: 'submit', ...fault })
    await expect(submit()).rejects.toThrow()
    expect(world.accepted()).toHaveLength(accepted)
    expect(world.books('replicate').requests).toHaveLength(1)
  })

  test.each([
    { fault: 'lost' },
    { fault: 'reset' },
    { fault: 'malformed' },
    { fault: 'html' },
    { fault: 'status', status: 401 },
    { fault: 'status', status: 404 },
    { fault: 'status', status: 429 },
    { fault: 'status', status: 503, body: 'html' },
    { fault: 'redirect', to: 'https://elsewhere.example/' },
  ] as const)('a look that ends in %j says nothing, and the next one does', async fault => {
    const { world, submit, look } = await setup({ isServed })
    const operation = operationIn(await submit())
    world.fault('replicate', { on: 'look', ...fault })
    await expect(look(operation)).rejects.toThrow()
    expect(await until(() => look(operation))).toMatchObject({ status: 'done' })
  })
})

test('a connection that never opened is a refusal', async () => {
  const { submit } = await setup({ isServed: true })
  for (const close of closers.splice(0)) await close()
  expect(await submit()).toMatchObject({
    status: 'refused',
    kind: 'unreachable',
    paid: 'no',
  })
})

test('how long a limit holds comes from the header or from the sentence', async () => {
  const sentence = 'Request was throttled. Your rate limit resets in ~30s.'
  const rest = async (headers: Record<string, string>, detail: string) => {
    const { submit } = await setup()
    return submit({ fetch: async () => Response.json({ detail }, { status: 429, headers }) })
  }
  expect(await rest({}, sentence)).toMatchObject({ kind: 'rate_limited', scope: 'account', retryAfterSeconds: 30 })
  expect(await rest({ 'retry-after': '7' }, sentence)).toMatchObject({ retryAfterSeconds: 7 })
  expect(await rest({ 'ratelimit-reset': '3' }, 'slow')).toMatchObject({ retryAfterSeconds: 3 })
  expect(await rest({}, 'slow')).not.toHaveProperty('retryAfterSeconds')
})

test('progress comes from the log', async () => {
  const { world, submit, look } = await setup()
  world.next('replicate', { seconds: 60, queueSeconds: 0 })
  const operation = operationIn(await submit())
  expect(await look(operation)).toMatchObject({ status: 'running', stage: 'running', fraction: 0 })
  world.next('replicate', { seconds: 60, queueSeconds: 30 })
  expect(await look(operationIn(await submit()))).toEqual({ status: 'running', stage: 'starting' })
})

test('waiting is asked for, and then an output beside "processing" is the end', async () => {
  const { world, submit, provider } = await setup({ waitSeconds: 5, seconds: 0.03 })
  expect(provider.requestTimeoutSeconds).toBe(35)
  expect(await submit()).toMatchObject({ status: 'done', outputs: [{}, {}], operation: { id: expect.any(String) } })
  world.next('replicate', { scenario: 'model_failed' })
  expect(await submit()).toMatchObject({ status: 'running' })
  expect(world.accepted()).toHaveLength(2)
})

test('without waiting, an output beside "processing" is a part of one', async () => {
  const { submit } = await setup()
  const answer = { id: 'p1', status: 'processing', output: ['https://replicate.delivery/a.png'] }
  expect(await submit({ fetch: async () => Response.json(answer, { status: 201 }) })).toMatchObject({
    status: 'running',
  })
  const finished = { ...answer, status: 'succeeded' }
  expect(await submit({ fetch: async () => Response.json(finished, { status: 201 }) })).toMatchObject({
    status: 'done',
  })
})

test('canceling stops it; what was never there cannot be canceled', async () => {
  const { world, provider, submit, look, call } = await setup({ seconds: 60 })
  const operation = operationIn(await submit())
  await provider.cancel?.(call(operation))
  expect(world.accepted()).toMatchObject([{ outcome: 'cancelled', paid: false }])
  expect(await look(operation)).toMatchObject({ status: 'failed', kind: 'canceled' })
  await expect(provider.cancel?.(call({ id: 'nobody' }))).rejects.toThrow('404')
})

describe('addresses that came in answers', () => {
  const lookWith = async (operation: Json) => {
    const asked: string[] = []
    const { provider, call } = await setup()
    const spy: typeof fetch = async (input, init) => {
      asked.push(input as string)
      expect(new Headers(init?.headers).get('authorization')).toBe('Bearer r8_secret_of_one')
      return Response.json({ id: 'p1', status: 'starting' })
    }
    await provider.look({ ...call(operation), fetch: spy })
    return asked[0]
  }
  test.each([
    ['https://evil.example/v1/predictions/p1', 'https://api.replicate.com/v1/predictions/p1'],
    ['http://api.replicate.com/v1/predictions/p1', 'https://api.replicate.com/v1/predictions/p1'],
    ['https://api.replicate.com@evil.example/p1', 'https://api.replicate.com/v1/predictions/p1'],
    ['https://api.replicate.com/v2/predictions/p1', 'https://api.replicate.com/v2/predictions/p1'],
    ['not an address', 'https://api.replicate.com/v1/predictions/p1'],
  ])('%s', async (get, asked) => {
    expect(await lookWith({ id: 'p1', get })).toBe(asked)
  })

  test('a strange one in an accepted prediction does not fail it', async () => {
    const { submit } = await setup()
    const answer = { id: 'p1', status: 'starting', urls: { get: 'https://evil.example/', cancel: 7 } }
    const submitted = await submit({ fetch: async () => Response.json(answer, { status: 201 }) })
    expect(submitted).toEqual({ status: 'running', operation: { id: 'p1' } })
  })
})

describe('answers to a look', () => {
  const read = async (prediction: object): Promise<Progress> => {
    const { provider, call } = await setup()
    return provider.look({ ...call({ id: 'p1' }), fetch: async () => Response.json({ id: 'p1', ...prediction }) })
  }
  test.each([
    ['https://d.example/a.png', 1],
    [['https://d.example/a.png', 'https://d.example/b.png'], 2],
    [{ images: [{ url: 'https://d.example/a.png' }], text: 'words' }, 1],
    ['data:image/png;base64,AAAA', 1],
  ])('an output of %j has its files', async (output, count) => {
    const done = await read({ status: 'succeeded', output })
    expect(done.status === 'done' && done.outputs).toHaveLength(count)
  })
  test.each([['words only'], [['javascript:alert(1)', 'file:///etc/passwd']], [null], [[]], [{}], [17]])(
    'an output of %j has none',
    async output => {
      expect(await read({ status: 'succeeded', output })).toMatchObject({
        status: 'failed',
        kind: 'no_output',
        paid: 'yes',
      })
    },
  )
  test('files live an hour from when they were made', async () => {
    const completedAt = Date.now() - 600_000
    const done = await read({
      status: 'succeeded',
      output: 'https://d.example/a.png',
      completed_at: new Date(completedAt).toISOString(),
    })
    expect(done.status === 'done' && done.outputs[0]?.expiresAt).toBe(completedAt + 3_600_000)
  })
  test('canceled before it started may not have cost anything', async () => {
    expect(await read({ status: 'canceled' })).toMatchObject({ kind: 'canceled', paid: 'unknown' })
    expect(await read({ status: 'canceled', started_at: '2026-11-23T00:00:00Z' })).toMatchObject({ paid: 'yes' })
  })
  test('another prediction, or none, is no answer', async () => {
    await expect(read({ id: 'p2', status: 'failed' })).rejects.toThrow('no such prediction')
    await expect(read({})).rejects.toThrow('no such prediction')
    const { look } = await setup()
    await expect(look({ no: 'id' })).rejects.toThrow('no operation')
  })
})

describe('pictures', () => {
  const body: Json = { input: { prompt: 'a fox' }, pictures: { field: 'images', as: 'list' } }
  const sent = async (files: InputFile[], change: Partial<SubmitCall> = {}) => {
    const { world, submit } = await setup()
    const bodies: unknown[] = []
    const through = simulatedFetch(world)
    const spy: typeof fetch = async (input, init) => {
      if (typeof init?.body === 'string') bodies.push(JSON.parse(init.body))
      return through(input, init)
    }
    const submitted = await submit({ body, files, fetch: spy, ...change })
    return { submitted, world, sentInput: (bodies[0] as { input?: Record<string, unknown> })?.input }
  }
  test('small ones go along, large ones are uploaded first', async () => {
    const { sentInput, world } = await sent([fileOf(1000), fileOf(300_000)])
    const [small, large] = (sentInput?.['images'] ?? []) as string[]
    expect(small).toMatch(/^data:image\/png;base64,BwcH/)
    expect(large).toMatch(/^https:\/\/api\.replicate\.com\/v1\/files\//)
    expect(world.books('replicate').requests.map(({ action }) => action)).toEqual(['upload', 'submit'])
  })
  test('one goes as one', async () => {
    const one: Json = { input: { prompt: 'a fox' }, pictures: { field: 'image', as: 'one' } }
    expect((await sent([fileOf(10)], { body: one })).sentInput?.['image']).toMatch(/^data:image\/png/)
  })
  test('an upload that fails is a refusal: nothing was submitted', async () => {
    for (const [fault, kind] of [
      [{ fault: 'status', status: 503 }, 'provider_error'],
      [{ fault: 'status', status: 413 }, 'invalid_input'],
      [{ fault: 'lost' }, 'unreachable'],
      [{ fault: 'html' }, 'provider_error'],
    ] as const) {
      const { world, submit } = await setup()
      world.fault('replicate', { on: 'upload', ...fault })
      expect(await submit({ body, files: [fileOf(300_000)] })).toMatchObject({ status: 'refused', kind, paid: 'no' })
      expect(world.accepted()).toHaveLength(0)
    }
  })
  test('a route that has no place for one refuses it', async () => {
    const { submit } = await setup()
    expect(await submit({ files: [fileOf(10)] })).toMatchObject({ status: 'refused', kind: 'invalid_input' })
    expect(await submit({ body: 'words' })).toMatchObject({ status: 'refused', kind: 'invalid_input' })
  })
})

describe('where a submit goes', () => {
  const version = 'a'.repeat(64)
  const askedFor = async (change: Partial<SubmitCall>, options: ReplicateOptions = {}) => {
    const { submit } = await setup(options)
    const asked: { url: string; body: unknown }[] = []
    const spy: typeof fetch = async (input, init) => {
      asked.push({ url: input as string, body: JSON.parse(init?.body as string) })
      return Response.json({ id: 'p1', status: 'starting' }, { status: 201 })
    }
    return { submitted: await submit({ fetch: spy, ...change }), asked: asked[0] }
  }
  test.each([
    ['o/n', 'https://api.replicate.com/v1/models/o/n/predictions'],
    [`o/n:${version}`, 'https://api.replicate.com/v1/predictions'],
    ['deployments/o/n', 'https://api.replicate.com/v1/deployments/o/n/predictions'],
  ])('%s', async (endpoint, url) => {
    const { asked } = await askedFor({ endpoint })
    expect(asked?.url).toBe(url)
    expect(asked?.body).toMatchObject(endpoint.includes(':') ? { version } : { input: { prompt: 'a fox' } })
  })
  test.each(['o', '../account', 'o/../../account', 'o/n/m', 'o/n?x=1', '', `deployments/o/n:${version}`])(
    'nowhere: %j',
    async endpoint => {
      const { submitted, asked } = await askedFor({ endpoint })
      expect(submitted).toMatchObject({ status: 'refused', kind: 'model_unavailable' })
      expect(asked).toBeUndefined()
    },
  )
  test('only addresses that Replicate calls are given to it', async () => {
    const secure = await askedFor({ webhookUrl: 'https://me.example/hook' })
    expect(secure.asked?.body).toMatchObject({
      webhook: 'https://me.example/hook',
      webhook_events_filter: ['completed'],
    })
    const plain = await askedFor({ webhookUrl: 'http://me.example/hook' })
    expect(plain.asked?.body).not.toHaveProperty('webhook')
    const local = await askedFor({ webhookUrl: 'http://me.example/hook' }, { baseUrl: 'http://127.0.0.1:1/v1/' })
    expect(local.asked).toMatchObject({
      url: `http://127.0.0.1:1/v1/models/${ENDPOINT}/predictions`,
      body: { webhook: 'http://me.example/hook' },
    })
  })
})

test('a key check asks for the account', async () => {
  const { world, provider, call } = await setup()
  expect(await provider.check?.(call(null))).toEqual({ status: 'accepted' })
  world.revoke('replicate', token.secret)
  expect(await provider.check?.(call(null))).toEqual({ status: 'refused', kind: 'auth' })
  world.fault('replicate', { on: 'account', fault: 'status', status: 503 })
  await expect(provider.check?.(call(null))).rejects.toThrow('503')
})

test('keys, credit and limits of the account', async () => {
  const { world, submit } = await setup()
  world.exhaust('replicate', token.secret)
  expect(await submit()).toMatchObject({ kind: 'credits_exhausted', scope: 'account' })
  world.exhaust('replicate', token.secret, false)
  world.limit('replicate', '*', { perMinute: 1 })
  expect(await submit()).toMatchObject({ status: 'running' })
  expect(await submit()).toMatchObject({ kind: 'rate_limited', retryAfterSeconds: expect.any(Number) })
  world.revoke('replicate', token.secret)
  expect(await submit()).toMatchObject({ kind: 'auth', scope: 'token' })
})

test('a flagged picture is left out, and all of them are a failure', async () => {
  const { world, submit, look } = await setup({ seconds: 0.02 })
  const plan = (kinds: NonNullable<NonNullable<Plan['outputs']>['kinds']>) =>
    world.next('replicate', { outputs: { kinds } })
  plan(['good', 'flagged'])
  const first = operationIn(await submit())
  const partly = await until(() => look(first))
  expect(partly.status === 'done' && partly.outputs).toHaveLength(1)
  plan(['flagged', 'flagged'])
  const second = operationIn(await submit())
  expect(await until(() => look(second))).toMatchObject({ status: 'failed', kind: 'content_policy' })
})

test('every route writes a body that is taken', async () => {
  const { submit, world } = await setup({ seconds: 60 })
  for (const model of replicateModels) {
    for (const route of model.routes) {
      for (const [size, pixels] of Object.entries(model.sizes)) {
        const input = { prompt: 'a fox', size: size as 'square', count: 1, seed: '9223372036854775807' }
        const body = route.body(input, pixels)
        expect(JSON.stringify(body)).not.toContain('null')
        expect(await submit({ endpoint: route.endpoint, body })).toMatchObject({ status: 'running' })
      }
    }
  }
  expect(world.accepted().length).toBeGreaterThan(20)
})

test('seeds fit in 31 bits, are the same again, and are never "any"', () => {
  const [model] = replicateModels
  const seedOf = (seed: string) =>
    (
      model.routes[0].body({ prompt: 'a', size: 'square', count: 1, seed }, model.sizes.square) as {
        input: { seed: number }
      }
    ).input.seed
  expect(['42', '2147483647', '2147483648', '0', '9223372036854775807'].map(seedOf)).toEqual([
    42, 2147483647, 1, 1, 2147483647,
  ])
})

test('only the square is offered where the other pixels are not known', () => {
  const kontext = replicateModels.find(({ id }) => id === 'flux-kontext-pro')
  const takes = (size: 'square' | 'portrait') => kontext?.routes[0].takes?.({ prompt: 'a', size, count: 1 })
  expect([takes('square'), takes('portrait')]).toEqual([true, false])
})
