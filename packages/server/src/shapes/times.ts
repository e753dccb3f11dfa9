import type { Instant } from '@safelight/core'

/** ISO-8601, UTC, milliseconds. */
export function isoTime(instant: Instant): string {
  return new Date(instant).toISOString()
}
