import type { InputFile, Json, SubmitCall } from '@safelight/core'
import { afterEach, describe, expect, test } from 'vitest'
import { simulatedFetch } from '../testing/kit/index.ts'
import { replicateModels, type ReplicateOptions } from './index.ts'
import { ENDPOINT, fileOf, setup, shut } from './test-setup.ts'

afterEach(shut)

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
