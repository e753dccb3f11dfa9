import type { Progress } from '@safelight/core'
import { afterEach, describe, expect, test } from 'vitest'
import { simulatedFetch, type Plan } from '../testing/kit/index.ts'
import { replicateSimulator } from './simulator.ts'
import { ENDPOINT, operationIn, setup, shut, token, until } from './test-setup.ts'

afterEach(shut)

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
  await shut()
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

test('waiting that was not long enough leaves a part of the output, which is not the end', async () => {
  const { world, submit } = await setup({ waitSeconds: 1 })
  world.next('replicate', { scenario: 'partial_output', seconds: 60, queueSeconds: 0 })
  expect(await submit()).toMatchObject({ status: 'running' })
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
