/** Error answers of Runway: `{ error, issues?, docUrl? }`, text for people (docs.dev.runwayml.com/errors/errors). */
import type { FailureKind } from '@safelight/core'
import { kindOfStatus, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'

/** The daily quota counts the last 24 hours; asked again once an hour, where nothing else is said. */
const QUOTA_REST_SECONDS = 3600

/**
 * Null for an answer that does not say whether the task was taken. 503 is documented as shedding load, safe to send
 * again; 502 and 504 are too, but any gateway on the way says them as well.
 */
export function refusalOf(answer: Answer): Refused | null {
  const { status, json, text, headers } = answer
  const message = textAt(json, 'error') ?? text.slice(0, 200)
  const kind = kindOf(status, message)
  if (kind === null) return null
  const rest = kind === 'rate_limited' && /daily|per day|24 ?h/i.test(message) ? QUOTA_REST_SECONDS : undefined
  return refused(kind, `${status} ${message}`, { retryAfterSeconds: retryAfterSeconds(headers) ?? rest })
}

function kindOf(status: number, message: string): FailureKind | null {
  if (status === 503) return 'provider_error'
  // Which status it has is not documented; the sentence speaks of credits.
  if (status === 400 && /\bcredits?\b/i.test(message)) return 'credits_exhausted'
  return kindOfStatus(status)
}
