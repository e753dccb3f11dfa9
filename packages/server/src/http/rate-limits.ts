/** `RateLimit` and `RateLimit-Policy` as the IETF draft writes them (structured fields, draft-ietf-httpapi-ratelimit-headers). */
import type { LimitState } from '@safelight/core'
import type { Context } from 'hono'

export function addRateLimits(c: Context, limits: readonly LimitState[]): void {
  if (limits.length === 0) return
  const policy = limits.map(({ name, max, windowSeconds }) => `"${name}";q=${max};w=${windowSeconds}`)
  const standing = limits.map(({ name, remaining, resetsInSeconds }) => `"${name}";r=${remaining};t=${resetsInSeconds}`)
  c.header('RateLimit-Policy', policy.join(', '))
  c.header('RateLimit', standing.join(', '))
}
