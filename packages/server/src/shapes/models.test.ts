import { defineModel, type Model, type Route } from '@safelight/core'
import { expect, test } from 'vitest'
import { modelShape } from './models.ts'

const sizes = {
  portrait: { width: 720, height: 1280 },
  square: { width: 960, height: 960 },
  landscape: { width: 1280, height: 720 },
}
const clip = {
  id: 'clip',
  name: 'Clip',
  kind: 'video',
  description: 'For tests.',
  sizes,
  durations: [5, 3, 10],
  images: { required: false, maxCount: 2 },
  maxCount: 4,
  timeoutSeconds: 60,
} as const
const route = (takes?: Route['takes']): Route => ({
  provider: 'vendor-sentinel',
  endpoint: 'endpoint-sentinel',
  body: () => ({}),
  ...(takes ? { takes } : {}),
})
const shapeOf = (...routes: Route[]) => modelShape(defineModel({ ...clip, routes }) as Model, false, null)

test('shows what was promised where a route makes all of it, and nothing of the routes', () => {
  const shape = shapeOf(route())
  expect(shape).toEqual({
    id: 'clip',
    name: 'Clip',
    kind: 'video',
    description: 'For tests.',
    prices: [
      { when: { duration: 5 }, credits: 3000 },
      { when: { duration: 3 }, credits: 2000 },
      { when: { duration: 10 }, credits: 6000 },
    ],
    sizes: [
      { id: 'portrait', width: 720, height: 1280 },
      { id: 'square', width: 960, height: 960 },
      { id: 'landscape', width: 1280, height: 720 },
    ],
    durations: [5, 3, 10],
    images: { required: false, maxCount: 2 },
    count: { max: 4 },
    estimatedSeconds: null,
    lifecycle: { status: 'live' },
  })
  expect(JSON.stringify(shape)).not.toContain('sentinel')
})

test('shows only what some route makes', () => {
  const shape = shapeOf(
    route(({ size, duration = 0, count }) => size !== 'square' && duration < 10 && count === 1),
    route(({ size, images = [], count }) => size === 'portrait' && images.length === 1 && count <= 2),
  )
  expect(shape.sizes.map(({ id }) => id)).toEqual(['portrait', 'landscape'])
  expect(shape.durations).toEqual([5, 3, 10])
  expect(shape.count).toEqual({ max: 2 })
})

test('pictures are shown as the routes take them', () => {
  const none = shapeOf(route(({ images }) => images === undefined))
  expect(none.images).toBeUndefined()
  const one = shapeOf(route(({ images = [] }) => images.length === 1))
  expect(one.images).toEqual({ required: true, maxCount: 1 })
  const both = shapeOf(
    route(({ images }) => images === undefined),
    route(({ images = [] }) => images.length === 2),
  )
  expect(both.images).toEqual({ required: false, maxCount: 2 })
})

test('prices go with the lengths that are there', () => {
  const { prices, durations } = shapeOf(route(({ duration }) => duration === 3))
  expect({ prices, durations }).toEqual({ prices: [{ when: { duration: 3 }, credits: 2000 }], durations: [3] })
})

test('says how long a model will be there, and what is switched off', () => {
  const lifecycle = { status: 'deprecated', shutdownAt: '2026-12-01', replacement: 'clip-2' } as const
  const model: Model = { ...clip, lifecycle, routes: [route()] }
  expect(modelShape(model, false, null).lifecycle).toEqual(lifecycle)
  expect(modelShape(model, true, null).lifecycle).toEqual({ ...lifecycle, status: 'disabled' })
})
