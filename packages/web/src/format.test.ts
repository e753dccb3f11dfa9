import { describe, expect, it } from 'vitest'
import { fileSize, grouped, range, signed, span } from './format.ts'

describe('numbers', () => {
  it('groups thousands by a thin space, with a real minus', () => {
    expect([0, 500, 1000, 24_500, 1_234_567].map(grouped)).toEqual([
      '0',
      '500',
      '1\u2009000',
      '24\u2009500',
      '1\u2009234\u2009567',
    ])
    expect([500, -1000, 0].map(signed)).toEqual(['+500', '-1\u2009000', '0'])
  })
  it('writes bytes in the unit that fits', () => {
    expect([12, 71_900, 1_420_000].map(fileSize)).toEqual(['1 kB', '72 kB', '1.4 MB'])
  })
})

describe('times', () => {
  it('writes spans with at most two units', () => {
    expect([-3, 8.4, 60, 125, 3780].map(span)).toEqual(['0 s', '8 s', '1 min', '2 min 5 s', '1 h 3 min'])
  })
  it('writes a guess coarsely, and as one number where both ends are the same', () => {
    expect(range({ low: 2.2, high: 5 })).toBe('2–5 s')
    expect(range({ low: 4.8, high: 5.1 })).toBe('5 s')
    expect(range({ low: 70, high: 130 })).toBe('1–2 min')
  })
})
