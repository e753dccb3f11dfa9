import { defineModel, type Json, type Model, type Route } from '@safelight/core'
import { describe, expect, test } from 'vitest'
import { falListing, falPrices, replicateListing, wavespeedListings, type Listing } from './documents.ts'
import { driftOf } from './drift.ts'
import { falDocument, falPricing, replicateDocument, wavespeedDocument } from '../../test/registry-samples.ts'
import { misfitsOf } from './schema.ts'
import { usesOf } from './uses.ts'

const sizes = { square: { width: 1024, height: 1024 }, portrait: { width: 768, height: 1344 } } as const
const base = { name: 'Paint', kind: 'image', description: 'For tests.', sizes, timeoutSeconds: 60 } as const
const modelOf = (provider: string, body: Route['body'], more: Partial<Model> = {}): Model =>
  defineModel({ ...base, id: 'paint', ...more, routes: [{ provider, endpoint: 'acme/paint', body }] })
const problemsOf = (model: Model, listing: Listing) => {
  const uses = usesOf([model], ['fal', 'wavespeed', 'replicate'])
  return driftOf(uses, () => listing).findings.map(({ problem, field, detail }) => [problem, field, detail])
}
const fal = falListing(falDocument, 'acme/paint')
const wavespeed = wavespeedListings(wavespeedDocument)!('acme/paint')
const replicate = replicateListing(replicateDocument)

describe('a route that sends what the endpoint takes has not drifted', () => {
  test('fal', () => {
    const body: Route['body'] = ({ prompt, count, images = [] }, size) => ({
      prompt,
      image_size: { ...size },
      num_images: count,
      guidance_scale: 3.5,
      output_format: 'png',
      ...(images.length > 0 ? { image_urls: images.map((_, index) => ({ $input: index })) } : {}),
    })
    expect(problemsOf(modelOf('fal', body, { maxCount: 4, images: { required: false, maxCount: 2 } }), fal)).toEqual([])
  })

  test('WaveSpeed', () => {
    const body: Route['body'] = ({ prompt, seed, duration = 3 }, { width, height }) => {
      return { prompt, size: `${width}*${height}`, duration, seed: Number(BigInt(seed) % 2n ** 31n) }
    }
    expect(problemsOf(modelOf('wavespeed', body, { durations: [3, 5] }), wavespeed)).toEqual([])
  })

  test('Replicate, whose pictures are named beside the input', () => {
    const body: Route['body'] = ({ prompt, size, images }) => ({
      input: { prompt, aspect_ratio: size === 'square' ? '1:1' : '16:9' },
      ...(images ? { pictures: { field: 'image_input', as: 'list' } } : {}),
    })
    expect(problemsOf(modelOf('replicate', body, { images: { required: true, maxCount: 3 } }), replicate)).toEqual([])
  })
})

describe('finds', () => {
  test('an endpoint that is gone', () => {
    const gone = wavespeedListings(wavespeedDocument)!('acme/other')
    expect(
      problemsOf(
        modelOf('wavespeed', () => ({})),
        gone,
      ),
    ).toEqual([['endpoint_gone', null, 'is not listed any more']])
  })

  test('a field that is gone, one that is new and required, once each', () => {
    const body: Route['body'] = ({ seed }) => ({ text: 'a', seed: Number(BigInt(seed) % 2n ** 31n) })
    expect(problemsOf(modelOf('wavespeed', body), wavespeed)).toEqual([
      ['missing_field', 'prompt', 'is required, and our body has none'],
      ['unknown_field', 'text', 'is no field of the endpoint, and our body has one'],
    ])
  })

  test('a member of an enum that is gone, with those that are there', () => {
    const three = { ...base, sizes: { ...sizes, landscape: { width: 1344, height: 768 } } }
    const body: Route['body'] = ({ prompt }, { width, height }) => ({ prompt, size: `${width}*${height}` })
    expect(problemsOf({ ...modelOf('wavespeed', body), sizes: three.sizes }, wavespeed)).toEqual([
      ['value_refused', 'size', 'our "1344*768" is not one of "1024*1024", "768*1344"'],
    ])
  })

  test('a length, a type and a bound that do not fit any more', () => {
    const body = ({ prompt, duration = 3 }: { prompt: string; duration?: number }): Json => {
      return { prompt, duration: duration === 3 ? 3 : '5', seed: -1, size: '1024*1024' }
    }
    expect(problemsOf(modelOf('wavespeed', body, { durations: [3, 5] }), wavespeed)).toEqual([
      ['value_refused', 'seed', 'our -1 is not at least 0'],
      ['value_refused', 'duration', 'our "5" is not one of 3, 5'],
    ])
  })

  test('what is wrong in the choice that fits best', () => {
    const body: Route['body'] = ({ prompt }) => ({ prompt, image_size: { width: 0, height: 20_000, depth: 1 } })
    expect(problemsOf(modelOf('fal', body), fal)).toEqual([
      ['value_refused', 'image_size.width', 'our 0 is not more than 0'],
      ['value_refused', 'image_size.height', 'our 20000 is not at most 14142'],
      ['unknown_field', 'image_size.depth', 'is no field of the endpoint, and our body has one'],
    ])
    const named: Route['body'] = ({ prompt }) => ({ prompt, image_size: 'portrait' })
    expect(problemsOf(modelOf('fal', named), fal)).toEqual([
      ['value_refused', 'image_size', 'our "portrait" is not one of "square_hd", "landscape_16_9"'],
    ])
  })

  test('too many pictures, and a reference that leads to an enum', () => {
    const tooMany: Route['body'] = ({ prompt }) => ({ prompt, image_urls: { $input: 'all' } })
    expect(problemsOf(modelOf('fal', tooMany, { images: { required: true, maxCount: 3 } }), fal)).toEqual([
      ['value_refused', 'image_urls', expect.stringContaining('is not a list of at most 2')],
    ])
    const ratio: Route['body'] = ({ prompt }) => ({ input: { prompt, aspect_ratio: '4:3' } })
    expect(problemsOf(modelOf('replicate', ratio), replicate)).toEqual([
      ['value_refused', 'aspect_ratio', 'our "4:3" is not one of "1:1", "16:9"'],
    ])
  })

  test('a price that changed since an earlier report, and no other', () => {
    const uses = usesOf([modelOf('fal', ({ prompt }) => ({ prompt }))], ['fal'])
    const priced = (amount: number): Listing =>
      ({ ...fal, price: { amount, currency: 'USD', unit: 'megapixels' } }) as Listing
    const first = driftOf(uses, () => priced(0.025))
    expect(first).toMatchObject({ findings: [], checked: 1, prices: { 'fal acme/paint': { amount: 0.025 } } })
    expect(driftOf(uses, () => priced(0.025), first.prices).findings).toEqual([])
    expect(driftOf(uses, () => priced(0.05), first.prices).findings).toEqual([
      expect.objectContaining({
        problem: 'price_changed',
        models: ['paint'],
        detail: 'costs 0.05 USD per megapixels, and cost 0.025 USD per megapixels',
      }),
    ])
  })
})

describe('a document that is not what it was proves nothing', () => {
  test.each([
    ['fal', falListing({ openapi: '3.1.0', paths: {} }, 'acme/paint')],
    ['fal, a page', falListing(undefined, 'acme/paint')],
    ['WaveSpeed, a model without schemas', wavespeedListings(wavespeedDocument)!('acme/bare')],
    ['Replicate, a model without versions', replicateListing({ owner: 'acme', latest_version: null })],
  ])('%s', (_whose, listing) => {
    expect(listing.status).toBe('unread')
    const uses = usesOf([modelOf('fal', () => ({}))], ['fal'])
    expect(driftOf(uses, () => listing)).toMatchObject({ findings: [], checked: 0, unread: [{ provider: 'fal' }] })
  })

  test.each([[null], [{}], [{ data: [] }], [{ data: 'many' }], ['<html>']])('WaveSpeed: %j is no list', document => {
    expect(wavespeedListings(document)).toBeNull()
  })
})

test('prices are read where they are numbers', () => {
  expect([...falPrices(falPricing)]).toEqual([['acme/paint', { amount: 0.025, currency: 'USD', unit: 'megapixels' }]])
  expect(falPrices('<html>').size).toBe(0)
})

describe('a schema', () => {
  const misfits = (schema: unknown, value: Json) =>
    misfitsOf({ schema, document: schema }, value).map(({ detail }) => detail)

  test.each<[string, unknown, Json]>([
    ['that is none', undefined, { a: 1 }],
    ['that is a word', 'string', 1],
    ['with words nobody knows', { type: 'picture', frobnicate: 3 }, 'x'],
    ['that takes more fields', { properties: {}, additionalProperties: true }, { a: 1 }],
    ['that may be null', { type: 'string', nullable: true }, null],
    ['of several types', { type: ['string', 'null'] }, null],
    ['with tenths', { type: 'number', multipleOf: 0.1 }, 0.3],
    ['with a constant', { const: { a: [1] } }, { a: [1] }],
    ['with a reference to nowhere', { $ref: '#/nowhere/__proto__' }, 1],
    ['with a reference to elsewhere', { $ref: 'https://example.com/schema.json' }, 1],
    ['that refers to itself', { $ref: '#' }, 1],
  ])('%s forbids nothing', (_what, schema, value) => {
    expect(misfits(schema, value)).toEqual([])
  })

  test('of several parts knows the fields of all of them', () => {
    const part = (name: string) => ({ properties: { [name]: { type: 'number' } }, required: [name] })
    const whole = { allOf: [part('a'), { allOf: [part('b')] }], properties: { d: {} } }
    expect(misfits(whole, { a: 1, b: 2, d: 3 })).toEqual([])
    expect(misfits(whole, { a: 1, c: 2 })).toEqual([
      'is no field of the endpoint, and our body has one',
      'is required, and our body has none',
    ])
  })

  test('shows long lists and values cut short', () => {
    const members = Array.from({ length: 40 }, (_, index) => index)
    const [detail] = misfits({ enum: members }, 'x'.repeat(500))
    expect(detail).toMatch(/^our "x{79}… is not one of 0, 1, .* and 28 more$/)
  })
})
