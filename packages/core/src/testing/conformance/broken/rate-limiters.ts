import type { Limit, RateLimiter } from '../../../contracts.ts'
import type { LimitState } from '../../../errors.ts'
import type { RateLimiterHarness } from '../rate-limiter.ts'
import { type Broken, pause } from './broken.ts'

export interface ClockedLimiterHarness extends RateLimiterHarness {
  now: () => number
}

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: RateLimiter, now: () => number) => Partial<RateLimiter>,
): Broken<ClockedLimiterHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, limiter: { ...harness.limiter, ...mistake(harness.limiter, harness.now) } }),
  }
}

/** A limiter that counts in buckets of its own making; `used` says how much of a limit is gone. */
function counting(used: (limit: Limit) => number, hit: (limit: Limit) => void): RateLimiter {
  const stateOf = (limit: Limit): LimitState => {
    const { name, max, windowSeconds } = limit
    return {
      name,
      max,
      windowSeconds,
      remaining: Math.max(0, max - Math.ceil(used(limit))),
      resetsInSeconds: windowSeconds,
    }
  }
  return {
    async take(limits) {
      const allowed = limits.every(limit => used(limit) + 1 <= limit.max)
      if (allowed) for (const limit of limits) hit(limit)
      const retryAfterSeconds = allowed ? 0 : Math.max(0, ...limits.map(({ windowSeconds }) => windowSeconds))
      return { allowed, retryAfterSeconds, limits: limits.map(stateOf) }
    },
    peek: async limits => limits.map(stateOf),
  }
}

export const brokenLimiters: readonly Broken<ClockedLimiterHarness>[] = [
  broken('counts by the minute on the clock', 'two bursts around the edge of a minute are one burst', (_, now) => {
    const counts = new Map<string, number>()
    const bucket = ({ key, windowSeconds }: Limit) => `${key} ${Math.floor(now() / 1000 / windowSeconds)}`
    return counting(
      limit => counts.get(bucket(limit)) ?? 0,
      limit => void counts.set(bucket(limit), (counts.get(bucket(limit)) ?? 0) + 1),
    )
  }),

  broken(
    'has a bucket that drips',
    'random arrivals: never more than `max` in any window, and never a refusal without need',
    (_, now) => {
      const levels = new Map<string, { level: number; at: number }>()
      const level = ({ key, max, windowSeconds }: Limit) => {
        const before = levels.get(key) ?? { level: 0, at: now() }
        return Math.max(0, before.level - ((now() - before.at) / 1000 / windowSeconds) * max)
      }
      return counting(level, limit => void levels.set(limit.key, { level: level(limit) + 1, at: now() }))
    },
  ),

  broken('takes one bucket after the other', 'one full bucket refuses, and the others lose nothing', good => ({
    async take(limits) {
      const taken = []
      for (const limit of limits) taken.push(await good.take([limit]))
      return {
        allowed: taken.every(({ allowed }) => allowed),
        retryAfterSeconds: Math.max(0, ...taken.map(({ retryAfterSeconds }) => retryAfterSeconds)),
        limits: taken.flatMap(each => each.limits),
      }
    },
  })),

  broken('looks first and takes later', 'of 60 at once exactly `max` pass', good => ({
    async take(limits) {
      const roomy = (await good.peek(limits)).every(({ remaining }) => remaining > 0)
      await pause()
      return good.take(roomy ? limits.map(limit => ({ ...limit, max: 1000 })) : limits)
    },
  })),

  broken('counts what it refuses', 'a refused try takes nothing and postpones nothing', good => ({
    async take(limits) {
      const answer = await good.take(limits)
      // A bucket that forgets its oldest hit for the newest: the window begins anew with every try.
      if (!answer.allowed) await good.take(limits.map(limit => ({ ...limit, max: limit.max + 1 })))
      return answer
    },
  })),

  broken('takes when it is only looked at', 'looking takes nothing', good => ({
    peek: async limits => (await good.take(limits)).limits,
  })),

  broken('keeps the limit it first saw', 'a changed limit counts at once, with the hits there are', good => {
    const first = new Map<string, Limit>()
    const asFirst = (limits: readonly Limit[]) =>
      limits.map(limit => {
        if (!first.has(limit.key)) first.set(limit.key, limit)
        return first.get(limit.key)!
      })
    return { take: async limits => good.take(asFirst(limits)), peek: async limits => good.peek(asFirst(limits)) }
  }),

  broken('says to come back at once', 'after `retryAfterSeconds`, and not long before, there is room again', good => ({
    take: async limits => ({ ...(await good.take(limits)), retryAfterSeconds: 1 }),
  })),
]
