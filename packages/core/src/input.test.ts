import { describe, expect, test } from 'vitest'
import { SafelightError } from './errors.ts'
import { parseInput } from './input.ts'
import { defineModel } from './models.ts'

const size = { width: 8, height: 8 }
const image = defineModel({
  id: 'image',
  name: 'Image',
  kind: 'image',
  description: '',
  sizes: { portrait: size, square: size },
  maxCount: 4,
  timeoutSeconds: 1,
  routes: [],
})
const video = defineModel({
  id: 'video',
  name: 'Video',
  kind: 'video',
  description: '',
  sizes: { landscape: size },
  durations: [3, 5],
  styles: [{ id: 'lovely', name: 'Lovely' }],
  images: { required: true, maxCount: 1 },
  timeoutSeconds: 1,
  routes: [],
})

function problems(model: typeof image | typeof video, input: unknown): Record<string, string> {
  try {
    parseInput(model, input)
  } catch (error) {
    if (SafelightError.is(error, 'invalid_input')) {
      return Object.fromEntries(error.details.fields!.map(({ path, message }) => [path, message]))
    }
    throw error
  }
  return {}
}

describe('what fits', () => {
  test('defaults are filled in, and a seed is left for the engine to draw', () => {
    expect(parseInput(image, { prompt: 'a fox' })).toEqual({ prompt: 'a fox', size: 'square', count: 1 })
    expect(parseInput(video, { prompt: 'x', images: ['m1'] })).toEqual({
      prompt: 'x',
      size: 'landscape',
      count: 1,
      duration: 3,
      style: 'lovely',
      images: ['m1'],
    })
  })
  test.each([
    [0, '0'],
    [7, '7'],
    ['007', '7'],
    ['9223372036854775807', '9223372036854775807'],
  ])('seed %s', (given, kept) => {
    expect(parseInput(image, { prompt: 'x', seed: given }).seed).toBe(kept)
  })
  test('2,000 characters are counted as people count them', () => {
    expect(parseInput(image, { prompt: '🦊'.repeat(2000) }).prompt).toHaveLength(4000)
  })
})

describe('what does not fit says what would', () => {
  test.each([
    ['no object', 'a fox', { input: /object/ }],
    ['a list', [], { input: /object/ }],
    ['no prompt', {}, { 'input.prompt': /text/ }],
    ['an empty prompt', { prompt: '  ' }, { 'input.prompt': /empty/ }],
    ['2,001 characters', { prompt: 'x'.repeat(2001) }, { 'input.prompt': /2000/ }],
    ['NUL', { prompt: 'a\0b' }, { 'input.prompt': /NUL/ }],
    ['half a character', { prompt: 'a\ud800' }, { 'input.prompt': /well-formed/ }],
    ['an unknown size', { prompt: 'x', size: 'huge' }, { 'input.size': /portrait, square/ }],
    ['a size that the model lacks', { prompt: 'x', size: 'landscape' }, { 'input.size': /portrait, square/ }],
    ['a field that the model lacks', { prompt: 'x', duration: 3 }, { 'input.duration': /not a field of image/ }],
    ['a field of an object', { prompt: 'x', toString: 1 }, { 'input.toString': /not a field/ }],
    ['too many', { prompt: 'x', count: 5 }, { 'input.count': /1 to 4/ }],
    ['a part of one', { prompt: 'x', count: 1.5 }, { 'input.count': /whole/ }],
    ['a negative seed', { prompt: 'x', seed: -1 }, { 'input.seed': /2\^63/ }],
    ['a seed that lost its digits', { prompt: 'x', seed: 2 ** 60 }, { 'input.seed': /2\^63/ }],
    ['a seed beyond 63 bits', { prompt: 'x', seed: '9223372036854775808' }, { 'input.seed': /2\^63/ }],
    ['two problems at once', { prompt: '', size: 1 }, { 'input.prompt': /empty/, 'input.size': /one of/ }],
  ])('%s', (_, input, expected) => {
    const found = problems(image, input)
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    for (const [path, message] of Object.entries(expected)) expect(found[path]).toMatch(message)
  })
  test.each([
    ['no image', {}],
    ['an empty list', { images: [] }],
    ['two of one', { images: ['a', 'b'] }],
    ['no id', { images: [1] }],
  ])('%s', (_, extra) => {
    expect(problems(video, { prompt: 'x', ...extra })['input.images']).toMatch(/1 to 1 media ids/)
  })
  test('a duration that the model lacks', () => {
    expect(problems(video, { prompt: 'x', images: ['a'], duration: 4 })['input.duration']).toMatch(/3, 5/)
  })
  test('a key that would reach a prototype is an unknown field', () => {
    const input: unknown = JSON.parse('{"prompt":"x","__proto__":{"size":"square"}}')
    expect(Object.keys(problems(image, input))).toEqual(['input.__proto__'])
  })
})
