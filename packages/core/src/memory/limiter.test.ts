import { expect, test } from 'vitest'
import { memoryLimiter } from './limiter.ts'

function limiterAt(clock: { now: number }) {
  return memoryLimiter(() => clock.now)
}
const limitOf = (key: string, change = {}) => ({ key, name: 'ip', max: 1, windowSeconds: 60, ...change })

test('a refusal says whole seconds, and never to come back too early', () => {
  const clock = { now: 1_000_000 }
  const limiter = limiterAt(clock)
  limiter.take([limitOf('one')])
  clock.now += 59_999
  const refused = limiter.take([limitOf('one')])
  expect([refused.allowed, refused.retryAfterSeconds]).toEqual([false, 1])
  clock.now += 1
  expect(limiter.take([limitOf('one')]).allowed).toBe(true)
})

test('among thousands of keys that come and go none loses a hit that counts', () => {
  const clock = { now: 1_000_000 }
  const limiter = limiterAt(clock)
  limiter.take([limitOf('patient', { windowSeconds: 100_000 })])
  for (let count = 0; count < 10_000; count++) {
    clock.now += 50
    limiter.take([limitOf(`key ${count}`)])
  }
  expect(limiter.take([limitOf('patient', { windowSeconds: 100_000 })]).allowed).toBe(false)
  // The last 1199 came within the last minute.
  for (const [count, allowed] of [
    [9_999, false],
    [8_801, false],
    [8_799, true],
  ] as const) {
    // prettier-ignore
    expect(limiter.take([limitOf(`key ${count}`)]).allowed).toBe(allowed)
  }
})

test('a key keeps its hits for the longest window it was asked for', () => {
  const clock = { now: 1_000_000 }
  const limiter = limiterAt(clock)
  const long = limitOf('one', { max: 3, windowSeconds: 600 })
  limiter.take([long])
  limiter.take([long])
  clock.now += 10_000
  expect(limiter.take([limitOf('one', { max: 1, windowSeconds: 5 })]).allowed).toBe(true)
  expect(limiter.take([long]).allowed).toBe(false)
})
