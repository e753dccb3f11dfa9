/** Models of several providers under one id. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { Provider } from './contracts.ts'
import { createStudio, defineModel, type Model } from './index.ts'

const provider = (id: string, ...models: readonly Model[]): Provider & { models: readonly Model[] } => ({
  id,
  models,
  keyless: true,
  recovery: 'atMostOnce',
  requestTimeoutSeconds: 10,
  submit: () => Promise.reject(new Error('not in this test')),
  look: () => Promise.reject(new Error('not in this test')),
})
const by = (id: string, change: Partial<Model> = {}) =>
  defineModel({ ...onePixel, routes: [{ ...onePixel.routes[0], provider: id }], ...change })

test('one promise is one model, with the routes of all in the order of the providers', () => {
  const { models } = createStudio({ providers: [provider('p', by('p')), provider('q', by('q'))] })
  expect(models.map(({ id, routes }) => [id, routes.map(route => route.provider)])).toEqual([['m', ['p', 'q']]])
})

test.each<[string, Partial<Model>]>([
  ['another size', { sizes: { square: { width: 2, height: 2 } } }],
  ['another price', { price: 1 }],
  ['other lengths', { durations: [3] }],
  ['more pictures', { images: { required: true, maxCount: 2 } }],
])('under one id %s is another promise, and stops the start', (_, change) => {
  const providers = [provider('p', by('p')), provider('q', by('q', change))]
  expect(() => createStudio({ providers })).toThrow('two models called m, and they promise different things')
})

test('the same route twice is a mistake', () => {
  expect(() => createStudio({ providers: [provider('p', by('p'), by('p'))] })).toThrow('two of its routes are the same')
})
