/** The exact sliding window: per key the instants of the last hits, and nothing is taken unless every limit has room. */
import type { Instant, Limit, RateLimiter } from '../contracts.ts'
import type { LimitState } from '../errors.ts'
import type { Clock, Direct } from './direct.ts'

/** Keys nobody uses any more are forgotten when there are twice as many keys as after the last time, and this many. */
const KEYS_KEPT = 1000

export function memoryLimiter(now: Clock): Direct<RateLimiter> {
  /** `windowMs`: the longest window a key was asked for; hits that are older count nowhere. */
  const buckets = new Map<string, { hits: Instant[]; windowMs: number }>()
  let keysKept = 0

  function forget(at: Instant): void {
    if (buckets.size < 2 * keysKept + KEYS_KEPT) return
    for (const [key, { hits, windowMs }] of buckets) if (hits.every(hit => hit <= at - windowMs)) buckets.delete(key)
    keysKept = buckets.size
  }
  function stand({ key, name, max, windowSeconds }: Limit, at: Instant): LimitState {
    const hits = (buckets.get(key)?.hits ?? []).filter(hit => hit > at - windowSeconds * 1000)
    // The hit that has to leave before there is room for one more than now.
    const next = max > 0 ? hits[Math.max(0, hits.length - max)] : at
    const resetsInSeconds = next === undefined ? 0 : Math.ceil((next - at) / 1000 + windowSeconds)
    return { name, max, windowSeconds, remaining: Math.max(0, max - hits.length), resetsInSeconds }
  }

  return {
    take(limits) {
      const at = now()
      forget(at)
      const full = limits.map(limit => stand(limit, at)).filter(state => state.remaining === 0)
      if (full.length === 0) {
        for (const { key, windowSeconds } of limits) {
          const { hits, windowMs } = buckets.get(key) ?? { hits: [], windowMs: 0 }
          const longestMs = Math.max(windowMs, windowSeconds * 1000)
          buckets.set(key, { hits: [...hits.filter(hit => hit > at - longestMs), at], windowMs: longestMs })
        }
      }
      return {
        allowed: full.length === 0,
        retryAfterSeconds: Math.max(0, ...full.map(state => state.resetsInSeconds)),
        limits: limits.map(limit => stand(limit, at)),
      }
    },
    peek(limits) {
      const at = now()
      return limits.map(limit => stand(limit, at))
    },
  }
}
