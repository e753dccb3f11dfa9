import { expect, test } from 'vitest'
import type { Job } from './contracts.ts'
import { createPace } from './pace.ts'
import type { Parts } from './parts.ts'
import { randomOf } from './testing/conformance/random.ts'

const HOUR_SECONDS = 3600

function paceOver(runtimes: number[] | Error, lookSecondsMin?: number) {
  let now = 0
  const parts = {
    now: () => now,
    trouble: () => undefined,
    registry: { provider: () => (lookSecondsMin ? { lookSecondsMin } : {}) },
    jobs: {
      runtimes: async () => {
        if (runtimes instanceof Error) throw runtimes
        return runtimes
      },
    },
  } as unknown as Parts
  const job = {
    model: 'm',
    input: {},
    createdAt: 0,
    runUntil: HOUR_SECONDS * 1000,
    attempt: { endpoint: 'x', provider: 'p', acceptedAt: 0 },
  } as unknown as Job
  const pace = createPace(parts)
  /** Looks at a job that takes so long: how late the end was seen, and how many looks it took. */
  return async (seconds: number) => {
    let looks = 0
    for (now = 500; ;) {
      looks++
      if (now >= seconds * 1000) return { late: now / 1000 - seconds, looks }
      now += (await pace.secondsToNextLook(job)) * 1000
    }
  }
}

/** About a minute, spread as real jobs are. */
function minutes(count: number, seed: number): number[] {
  const random = randomOf(seed)
  const share = () => random.integer(1, 1_000_000) / 1_000_000
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(share())) * Math.cos(2 * Math.PI * share())
    return 60 * Math.exp(0.25 * normal)
  })
}

test('with a history, the end of a job of a minute is seen within 0.4 s on average, with at most 55 looks', async () => {
  const runs: { late: number; looks: number }[] = []
  for (let seed = 1; seed <= 20; seed++) {
    const run = paceOver(minutes(20, seed))
    for (const seconds of minutes(50, seed + 100)) runs.push(await run(seconds))
  }
  const mean = (of: (each: (typeof runs)[number]) => number) =>
    runs.reduce((sum, each) => sum + of(each), 0) / runs.length
  expect(mean(({ late }) => late)).toBeLessThanOrEqual(0.4)
  expect(mean(({ looks }) => looks)).toBeLessThanOrEqual(55)
})

test('without one, and when it cannot be read, looks follow the age of the job', async () => {
  for (const history of [[], [60, 60], new Error('down')]) {
    const { late, looks } = await paceOver(history)(60)
    expect(late).toBeLessThanOrEqual(60 / 7)
    expect(looks).toBeLessThan(40)
  }
})

test('a provider that wants to be left alone is', async () => {
  const { looks } = await paceOver(
    Array.from({ length: 20 }, () => 60),
    5,
  )(60)
  expect(looks).toBeLessThanOrEqual(13)
})
