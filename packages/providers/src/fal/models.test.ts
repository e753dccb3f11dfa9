/** Every route's body, for every input that it takes, against the endpoint's own fields. */
import type { Json, Model, ModelInput, SizeId } from '@safelight/core'
import { sizeOf } from '@safelight/core'
import { expect, test } from 'vitest'
import * as catalogue from '../catalogue/index.ts'
import { falModels, inputImage } from './index.ts'
import { ENDPOINT_FIELDS, problemsOf } from './simulated/fields.ts'

const models: readonly Model[] = falModels
const ADDRESS = 'https://example.com/picture.png'
const LARGEST_SEED = '9223372036854775807'

/** Everything that a model lets its users ask for, at the edges. */
function inputsOf(model: Model): ModelInput[] {
  const pictures = model.images ? [model.images.maxCount, 1, ...(model.images.required ? [] : [0])] : [0]
  const sizes = Object.keys(model.sizes) as SizeId[]
  return sizes.flatMap(size =>
    pictures.flatMap(count =>
      [...new Set([1, model.maxCount ?? 1])].flatMap(outputs =>
        (model.durations ?? [undefined]).map((duration): ModelInput => {
          const images = Array.from({ length: count }, (_, index) => `media-${index}`)
          return {
            prompt: 'a fox',
            size,
            count: outputs,
            seed: LARGEST_SEED,
            ...(duration === undefined ? {} : { duration }),
            ...(count === 0 ? {} : { images }),
            ...(model.takesNegativePrompt ? { negativePrompt: 'blur' } : {}),
          }
        }),
      ),
    ),
  )
}

/** As the adapter sends it, with addresses where the pictures go. */
function sentBy(body: Json): Record<string, unknown> {
  const text = JSON.stringify(body).replaceAll(/\{"\$input":\d+\}/g, JSON.stringify(ADDRESS))
  return JSON.parse(text) as Record<string, unknown>
}

const cases = models.flatMap(model => model.routes.map(route => [model.id, route.endpoint, model, route] as const))

test.each(cases)('%s by %s sends only what the endpoint knows', (_, endpoint, model, route) => {
  const fields = ENDPOINT_FIELDS[endpoint] ?? {}
  const names = Object.keys(fields).map(name => name.replace('*', ''))
  const inputs = inputsOf(model).filter(input => route.takes?.(input) ?? true)
  expect(inputs.length).toBeGreaterThan(0)
  for (const input of inputs) {
    const body = sentBy(route.body(input, sizeOf(model, input.size)))
    expect(Object.keys(body).filter(name => !names.includes(name))).toEqual([])
    expect(problemsOf(endpoint, body)).toEqual([])
    expect(body['prompt']).toBe('a fox')
    // One request, one bill: what cannot be asked for in one is not taken.
    expect(body['num_images'] ?? 1).toBe(input.count)
    const pictures = [body['image_url'], body['start_image_url'], body['image_urls']].flat()
    expect(pictures.filter(each => each === ADDRESS)).toHaveLength(input.images?.length ?? 0)
  }
})

test.each(models.map(model => [model.id, model] as const))('%s has a route for what it promises', (id, model) => {
  for (const input of inputsOf(model)) {
    const takers = model.routes.filter(route => route.takes?.(input) ?? true)
    const isLeftToOthers = id === 'flux-kontext-pro' && input.size !== 'square'
    expect(takers).toHaveLength(isLeftToOthers ? 0 : 1)
  }
})

const input = { prompt: 'x', size: 'portrait', count: 1, seed: '7' } as const
const bodyOf = (id: string, changes: Partial<ModelInput> = {}, index = 0) => {
  const model = models.find(each => each.id === id)!
  const whole = { ...input, ...changes }
  return model.routes[index]?.body(whole, sizeOf(model, whole.size))
}

test('each endpoint gets its own spelling', () => {
  expect(bodyOf('flux-schnell')).toEqual({
    prompt: 'x',
    image_size: { width: 768, height: 1344 },
    seed: 7,
    num_images: 1,
    num_inference_steps: 4,
  })
  expect(bodyOf('flux-2-pro')).toEqual({ prompt: 'x', image_size: { width: 768, height: 1344 }, seed: 7 })
  expect(bodyOf('nano-banana-2')).toMatchObject({ aspect_ratio: '9:16', resolution: '1K' })
  expect(bodyOf('gpt-image-2', { count: 4 })).toEqual({
    prompt: 'x',
    image_size: { width: 1024, height: 1536 },
    num_images: 4,
    quality: 'medium',
  })
  expect(bodyOf('lovely', { duration: 3 })).toEqual({
    prompt: 'x',
    duration: '3',
    generate_audio: false,
    aspect_ratio: '9:16',
  })
  expect(bodyOf('lovely', { duration: 5, images: ['m'], negativePrompt: 'rain' }, 1)).toEqual({
    prompt: 'x',
    duration: '5',
    negative_prompt: 'rain',
    generate_audio: false,
    start_image_url: inputImage(0),
  })
  expect(bodyOf('elite', { duration: 3 })).toMatchObject({ duration: 3, resolution: '720p', aspect_ratio: '9:16' })
  expect(bodyOf('wan-ai', { duration: 3 })).toMatchObject({ num_frames: 49, frames_per_second: 16 })
  expect(bodyOf('wan-ai', { duration: 5 })).toMatchObject({ num_frames: 81, frames_per_second: 16 })
  expect(bodyOf('veo-3.1-fast', { duration: 8 })).toMatchObject({ duration: '8s', resolution: '720p' })
})

test('a seed becomes the same 31 bits every time', () => {
  const seedOf = (seed: string) => (bodyOf('flux-dev', { seed }) as Record<string, Json>)['seed']
  expect([seedOf('0'), seedOf('2147483648'), seedOf(LARGEST_SEED)]).toEqual([0, 0, 2_147_483_647])
  expect(seedOf('12345678901234')).toBe(Number(12_345_678_901_234n % 2_147_483_648n))
})

test('what is in the catalogue is promised once, and the ids of our own say so', () => {
  const promised: readonly string[] = Object.values(catalogue).map(({ id }) => id)
  const own = models.filter(({ id }) => !promised.includes(id))
  expect(own.every(({ id }) => id.startsWith('fal-'))).toBe(true)
  expect(promised.filter(id => !models.some(model => model.id === id))).toEqual([])
  expect(new Set(models.map(({ id }) => id)).size).toBe(models.length)
})
