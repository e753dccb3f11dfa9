/** Error answers of Replicate, RFC 7807: `{ title, detail, status, invalid_fields? }`. */
import { kindOfStatus, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'

/** Null for an answer that does not say whether the prediction was created: every 5xx, 408, 409, redirects. */
export function refusalOf(answer: Answer): Refused | null {
  const { status, json, text } = answer
  const kind = kindOfStatus(status)
  if (kind === null) return null
  const [title, detail] = [textAt(json, 'title'), textAt(json, 'detail')]
  const message = `${status} ${title ?? ''} ${detail ?? text.slice(0, 200)}`.trim()
  if (kind === 'rate_limited') return refused(kind, message, { retryAfterSeconds: restSeconds(answer, detail ?? '') })
  // A version that is gone, or a model that is not ours to run, comes as a 422 about the input.
  if (status === 422 && /version.*(?:not exist|not permitted)|invalid version/i.test(message)) {
    return refused('model_unavailable', message)
  }
  return refused(kind, message)
}

/** `Retry-After`, or `ratelimit-reset`, or the sentence "Your rate limit resets in ~30s." (replicate.com/docs/topics/predictions/rate-limits). */
function restSeconds({ headers }: Answer, detail: string): number | undefined {
  const said = /resets? in ~?(\d{1,4}(?:\.\d+)?)\s*s/i.exec(detail)?.[1]
  const reset = headers.get('ratelimit-reset')
  const fromHeader = reset !== null && /^\d{1,4}$/.test(reset) ? Number(reset) : undefined
  return retryAfterSeconds(headers) ?? (said === undefined ? fromHeader : Number(said))
}
