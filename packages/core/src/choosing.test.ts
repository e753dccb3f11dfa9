/** What a caller leaves open becomes something that a configured provider makes, and that is what is charged. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { ModelInput, Provider, Token } from './contracts.ts'
import { createStudio, defineModel, memoryDatabase, type Route } from './index.ts'

const clip = defineModel({
  ...onePixel,
  id: 'clip',
  name: 'Clip',
  kind: 'video',
  sizes: { portrait: { width: 1, height: 2 }, landscape: { width: 2, height: 1 } },
  durations: [3, 5, 10],
  styles: [
    { id: 'plain', name: 'Plain' },
    { id: 'noir', name: 'Noir' },
  ],
  price: ({ duration = 0 }) => duration * 100,
  routes: [],
})
const provider = (id: string): Provider => ({
  id,
  recovery: 'atMostOnce',
  requestTimeoutSeconds: 10,
  submit: async () => ({ status: 'running', operation: id }),
  look: async () => ({ status: 'running' }),
})
const tokenOf = (id: string, change: Partial<Token> = {}): Token => {
  return { provider: id, label: id, secret: id, account: id, draining: false, maxOpen: null, ...change }
}
const route = (id: string, takes: NonNullable<Route['takes']>): Route => {
  return { provider: id, endpoint: id, body: () => ({}), takes }
}
/** `all` makes everything; `five` only what `takes` says. */
function studioOf(takes: NonNullable<Route['takes']>, tokens: readonly Token[]) {
  const models = [{ ...clip, routes: [route('all', () => true), route('five', takes)] }] as const
  const database = memoryDatabase({ openingBalance: 10_000 })
  return createStudio({ database, models, providers: [provider('all'), provider('five')], tokens })
}
const isFive = ({ duration }: Pick<ModelInput, 'duration'>) => duration === 5
const user = { userId: 'ann' } as const

test('the first length that somebody at hand makes is the default, and its price is charged', async () => {
  const studio = studioOf(isFive, [tokenOf('five')])
  const { job, balance } = await studio.submit({ model: 'clip', input: { prompt: 'waves' }, ...user })
  expect(job.input).toMatchObject({ size: 'portrait', style: 'plain', duration: 5 })
  expect([job.price, balance]).toEqual([500, 9500])
})

test('where the model’s own default is made, it stays', async () => {
  const studio = studioOf(isFive, [tokenOf('all'), tokenOf('five')])
  const { job } = await studio.submit({ model: 'clip', input: { prompt: 'waves' } })
  expect(job.input.duration).toBe(3)
})

test('a key that takes no new jobs makes nothing', async () => {
  const studio = studioOf(isFive, [tokenOf('all', { draining: true }), tokenOf('five')])
  const { job } = await studio.submit({ model: 'clip', input: { prompt: 'waves' } })
  expect(job.input.duration).toBe(5)
})

test('a length that is asked for is never changed: what nobody makes is refused with what can be had', async () => {
  const studio = studioOf(({ duration = 0 }) => duration > 3, [tokenOf('five')])
  await expect(
    studio.submit({ model: 'clip', input: { prompt: 'waves', duration: 3 }, ...user }),
  ).rejects.toMatchObject({
    code: 'no_capacity',
    message: 'No provider here makes Clip in 3 s; it can be had in 5, 10 s.',
  })
  expect(await studio.database.ledger.balance('ann')).toBe(10_000)
})

test('format and style give way as well, and only what is left open', async () => {
  const isNoirAcross: NonNullable<Route['takes']> = ({ size, style, duration }) =>
    size === 'landscape' && style === 'noir' && duration === 10
  const studio = studioOf(isNoirAcross, [tokenOf('five')])
  const { job } = await studio.submit({ model: 'clip', input: { prompt: 'waves', style: 'noir' } })
  expect(job.input).toMatchObject({ size: 'landscape', style: 'noir', duration: 10 })
  const asked = studio.submit({ model: 'clip', input: { prompt: 'waves', size: 'portrait' } })
  await expect(asked).rejects.toMatchObject({ code: 'no_capacity' })
})

test('nobody configured makes it at all', async () => {
  const asked = studioOf(isFive, []).submit({ model: 'clip', input: { prompt: 'waves' } })
  await expect(asked).rejects.toMatchObject({
    code: 'no_capacity',
    message: expect.stringContaining('try again later'),
  })
})

test('the same request is the same job after a key was added that makes another default', async () => {
  const database = memoryDatabase({ openingBalance: 10_000 })
  const models = [{ ...clip, routes: [route('all', () => true), route('five', isFive)] }] as const
  const over = (...tokens: Token[]) =>
    createStudio({ database, models, providers: [provider('all'), provider('five')], tokens })
  const request = { model: 'clip', input: { prompt: 'waves' }, idempotencyKey: 'k', ...user } as const
  const first = await over(tokenOf('five')).submit(request)
  const again = await over(tokenOf('all'), tokenOf('five')).submit(request)
  expect(again).toMatchObject({ id: first.id, replayed: true, job: { input: { duration: 5 } } })
})
