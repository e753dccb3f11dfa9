/** Every body against the vendor's own field tables: names, types, ranges, sizes, and nothing besides. */
import type { Model, ModelInput, SizeId } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { wavespeedModels } from './models.ts'
import { endpointOf, endpoints } from './simulator/endpoints.ts'
import { problemWith } from './simulator/validate.ts'

const models: readonly Model[] = wavespeedModels
const SEED = '9223372036854775807'

/** Everything that a model can be asked for. */
function inputsOf(model: Model): ModelInput[] {
  const counts = Array.from({ length: model.maxCount ?? 1 }, (_, index) => index + 1)
  const pictures = model.images
    ? Array.from({ length: model.images.maxCount + 1 }, (_, count) => Array<string>(count).fill('m'))
    : [undefined]
  return (Object.keys(model.sizes) as SizeId[]).flatMap(size =>
    (model.durations ?? [undefined]).flatMap(duration =>
      pictures
        .filter(images => !model.images?.required || (images?.length ?? 0) > 0)
        .flatMap(images =>
          counts.flatMap(count =>
            [undefined, ...(model.takesNegativePrompt ? ['rain'] : [])].map(negativePrompt => ({
              prompt: 'a fox',
              size,
              count,
              seed: SEED,
              ...(duration === undefined ? {} : { duration }),
              ...(images === undefined ? {} : { images }),
              ...(negativePrompt === undefined ? {} : { negativePrompt }),
            })),
          ),
        ),
    ),
  )
}

/** As the adapter would send it, with addresses for markers. */
function filled(body: unknown, count: number): unknown {
  const pairs = Object.entries(body as object).map(([name, value]) => {
    const marker = (value as { $input?: string } | null)?.$input
    const url = 'https://uploads.example/1.png'
    return [name, marker === 'first' ? url : marker === 'all' ? Array(count).fill(url) : (value as unknown)]
  })
  return Object.fromEntries(pairs)
}

const wanted = models.flatMap(model =>
  model.routes.flatMap(route =>
    inputsOf(model)
      .filter(input => route.takes?.(input) ?? true)
      .map(input => ({ model, route, input, endpoint: endpointOf(route.endpoint) })),
  ),
)

test('every body is one that its endpoint takes', () => {
  const problems = wanted.flatMap(({ model, route, input, endpoint }) => {
    const body = filled(route.body(input, model.sizes[input.size]!), input.images?.length ?? 0)
    const problem = endpoint ? problemWith(endpoint, body, { isStrict: true }) : 'there is no such endpoint'
    return problem ? [`${model.id} ${route.endpoint} ${JSON.stringify(input)}: ${problem}`] : []
  })
  expect(problems).toEqual([])
  expect(wanted.length).toBeGreaterThan(150)
})

test('every body says what was asked for, in the words of its endpoint', () => {
  for (const { model, route, input, endpoint } of wanted) {
    const body = route.body(input, model.sizes[input.size]!) as Record<string, unknown>
    const { width, height } = model.sizes[input.size]!
    const ratio = { portrait: '9:16', square: '1:1', landscape: '16:9' }[input.size]
    const fields = endpoint?.fields ?? {}
    const where = `${model.id} ${route.endpoint}`
    expect(body['prompt'], where).toBe('a fox')
    if ('size' in fields) expect(body['size'], where).toBe(`${width}*${height}`)
    if ('aspect_ratio' in fields) expect(body['aspect_ratio'], where).toBe(ratio)
    if ('seed' in fields) expect(body['seed'], where).toBe(2 ** 31 - 1)
    if ('duration' in fields) expect(body['duration'], where).toBe(input.duration)
    if ('num_images' in fields) expect(body['num_images'], where).toBe(input.count)
    else expect(input.count, where).toBe(1)
    if (input.negativePrompt) expect(body['negative_prompt'], where).toBe('rain')
    else expect(body, where).not.toHaveProperty('negative_prompt')
    const marker = body['image'] ?? body['images']
    if (input.images?.length) expect(marker, where).toHaveProperty('$input', 'image' in body ? 'first' : 'all')
    else expect(marker, where).toBeUndefined()
    // What costs more than was promised is never on by itself.
    expect(body['sound'] ?? false, where).toBe(false)
  }
})

describe('which inputs have no route here, and must not have one', () => {
  const input = { prompt: 'a fox', size: 'square', count: 1 } as const
  const routesFor = (id: string, more: object) => {
    const model = models.find(each => each.id === id)
    return model?.routes.filter(({ takes }) => takes?.({ ...input, ...more }) ?? true).length
  }
  test.each([
    ['gpt-image-2', { size: 'portrait' }, 0],
    ['gpt-image-2', { count: 2 }, 0],
    ['gpt-image-2', {}, 1],
    ['gpt-image-2-edit', { images: ['m'], size: 'landscape' }, 0],
    ['flux-kontext-pro', { images: ['m'], size: 'landscape' }, 0],
    ['flux-kontext-pro', { images: ['m'] }, 1],
    ['flux-2-klein-edit', { images: ['a', 'b', 'c', 'd'] }, 0],
    ['flux-2-klein-edit', { images: ['a', 'b', 'c'] }, 1],
    ['qwen-image', { negativePrompt: 'rain' }, 0],
    ['qwen-image', { negativePrompt: '' }, 1],
    ['qwen-image-2', { prompt: 'x'.repeat(801) }, 0],
    ['qwen-image-2', { prompt: '🦊'.repeat(800) }, 1],
    ['wan-ai', { size: 'portrait', duration: 3 }, 0],
    ['wan-ai', { size: 'portrait', duration: 5 }, 1],
    ['wan-2.2-5b', { size: 'portrait', duration: 5 }, 1],
  ])('%s %j', (id, more, routes) => {
    expect(routesFor(id, more)).toBe(routes)
  })

  test.each(['lovely', 'express', 'elite', 'kling-3-standard', 'wan-ai'])(
    '%s has one route for each way to begin',
    id => {
      expect(routesFor(id, { size: 'landscape', duration: 5 })).toBe(1)
      expect(routesFor(id, { size: 'landscape', duration: 5, images: ['m'] })).toBe(1)
      expect(routesFor(id, { size: 'landscape', duration: 5, images: [] })).toBe(1)
    },
  )
})

test('the list of models names every endpoint that is routed to, and others', () => {
  const routed = new Set(models.flatMap(({ routes }) => routes.map(({ endpoint }) => endpoint)))
  const listed = new Set(endpoints.map(({ id }) => id))
  expect([...routed].filter(id => !listed.has(id))).toEqual([])
  expect([...listed].some(id => !routed.has(id))).toBe(true)
})

test('three images, two edits and three videos at least, each id once', () => {
  const count = (kind: string) => models.filter(model => model.kind === kind).length
  expect([count('image') >= 3, count('edit') >= 2, count('video') >= 3]).toEqual([true, true, true])
  expect(new Set(models.map(({ id }) => id)).size).toBe(models.length)
})
