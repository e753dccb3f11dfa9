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
    const all = buckets.get(key)?.hits ?? []
    const gone = countUntil(all, at - windowSeconds * 1000)
    const count = all.length - gone
    // The hit that has to leave before there is room for one more than now.
    const next = max > 0 ? all[gone + Math.max(0, count - max)] : at
    const resetsInSeconds = next === undefined ? 0 : Math.ceil((next - at) / 1000 + windowSeconds)
    return { name, max, windowSeconds, remaining: Math.max(0, max - count), resetsInSeconds }
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
          hits.splice(0, countUntil(hits, at - longestMs))
          hits.push(at)
          buckets.set(key, { hits, windowMs: longestMs })
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

/** How many at the beginning are not after `instant`. They lie in the order they came in: the first that is ends the search. */
function countUntil(hits: readonly Instant[], instant: Instant): number {
  const first = hits.findIndex(hit => hit > instant)
  return first === -1 ? hits.length : first
}
