import { describe, expect, it } from 'vitest'
import type { Account, Media, Model } from './api/types.ts'
import {
  choose,
  draftStore,
  modelOf,
  priceOf,
  reasonAgainst,
  requestOf,
  type Circumstances,
  type Draft,
} from './draft.ts'

const image: Model = {
  id: 'painter',
  name: 'Painter',
  kind: 'image',
  description: '',
  prices: [{ when: {}, credits: 500 }],
  sizes: [
    { id: 'portrait', width: 2, height: 3 },
    { id: 'square', width: 2, height: 2 },
  ],
  count: { max: 4 },
  estimatedSeconds: null,
  lifecycle: { status: 'live' },
}
const edit: Model = { ...image, id: 'retoucher', kind: 'edit', images: { required: true, maxCount: 1 } }
const video: Model = {
  ...image,
  id: 'camera',
  kind: 'video',
  prices: [
    { when: { duration: 3 }, credits: 2000 },
    { when: { duration: 5 }, credits: 3000 },
  ],
  durations: [3, 5],
  styles: [{ id: 'calm', name: 'Calm' }],
  images: { required: false, maxCount: 1 },
}
const media = { id: 'media-1' } as Media
const account = { balance: 3000, limits: { perMinute: 10, remaining: 10, resetsInSeconds: 0 } } as Account
const fine: Circumstances = { account, pendingCredits: 0, isUploading: false, isLost: false, limitSeconds: 0 }

const write = (change: Partial<Draft>): Draft => ({ ...draftStore.get(), ...change })
function chosen(model: Model, now: Draft) {
  const choice = choose(model, now)
  if (!choice) throw new Error('This model has sizes.')
  return choice
}

describe('what is ordered', () => {
  it('keeps to what the model has, whatever was picked for another', () => {
    const now = write({ size: 'landscape', duration: 8, style: 'wild', count: 9 })
    expect(chosen(video, now)).toMatchObject({
      size: { id: 'portrait' },
      duration: 3,
      style: 'calm',
      count: 4,
      price: 8000,
    })
  })
  it('costs what its duration costs, times the count', () => {
    expect(priceOf(video, 5)).toBe(3000)
    expect(chosen(image, write({ count: 3 })).price).toBe(1500)
  })
  it('sends only the fields that the model has', () => {
    const now = write({ prompt: '  a fox ', image: media, duration: 5, style: 'calm', seed: '7' })
    expect(requestOf(chosen(image, now), now)).toEqual({
      model: 'painter',
      input: { prompt: 'a fox', size: 'square', count: 1, seed: 7 },
    })
    expect(requestOf(chosen(video, now), now).input).toEqual({
      prompt: 'a fox',
      size: 'square',
      count: 1,
      seed: 7,
      duration: 5,
      style: 'calm',
      images: ['media-1'],
    })
  })
  it('sends a seed past 2^53 as its digits', () => {
    const now = write({ prompt: 'a fox', seed: '9007199254740993' })
    expect(requestOf(chosen(image, now), now).input.seed).toBe('9007199254740993')
  })
  it('remembers a model for each kind', () => {
    const second = { ...image, id: 'second' }
    expect(modelOf([image, second], write({}))).toBe(image)
    expect(modelOf([image, second], write({ models: { image: 'second' } }))).toBe(second)
    expect(modelOf([image], write({ kind: 'video' }))).toBeNull()
  })
})

describe('why not', () => {
  const why = (model: Model, change: Partial<Draft>, around: Partial<Circumstances> = {}) => {
    const now = write({ prompt: 'a fox', ...change })
    return reasonAgainst(chosen(model, now), now, { ...fine, ...around })
  }
  it('has nothing against an order that can be made', () => {
    expect(why(image, {})).toBeNull()
    expect(why(edit, { image: media })).toBeNull()
    expect(why(image, { prompt: '🦊'.repeat(2000), seed: '9223372036854775807' })).toBeNull()
  })
  it.each([
    ['no prompt', image, { prompt: ' \n ' }, {}, 'Write what the picture should show.'],
    ['a prompt over the limit', image, { prompt: 'x'.repeat(2001) }, {}, 'The prompt is 1 character too long.'],
    ['no image to edit', edit, {}, {}, 'Add the picture that you want to edit.'],
    ['an upload under way', image, {}, { isUploading: true }, 'The picture is still coming in.'],
    ['a seed that is no number', image, { seed: 'x' }, {}, /^A seed is a whole number/],
    ['a seed past 2^63', image, { seed: '9223372036854775808' }, {}, /^A seed is a whole number/],
    [
      'too few credits',
      image,
      { count: 4 },
      { pendingCredits: 1500 },
      'This costs 2\u2009000 credits, and you have 1\u2009500.',
    ],
    [
      'the limit of the minute',
      image,
      {},
      { limitSeconds: 42 },
      'You have used all 10 jobs of this minute. The next is free in 42 s.',
    ],
    ['no connection', image, {}, { isLost: true }, /^The server does not answer/],
    [
      'a model that is off',
      { ...image, lifecycle: { status: 'disabled' as const } },
      {},
      {},
      /^Painter is switched off/,
    ],
  ] as const)('names %s', (_, model, change, around, sentence) => {
    expect(why(model, change, around)).toMatch(sentence)
  })
})
