/** Error answers of OpenAI: `{ error: { message, type, param, code } }` (developers.openai.com/api/docs/guides/error-codes). */
import type { FailureKind } from '@safelight/core'
import { at, kindOfStatus, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'

/** What the words of an error mean, whatever its status; the first that fits. */
const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/^(?:moderation_blocked|content_policy_violation)$/, 'content_policy'],
  // Comes as a 429 that no waiting mends, and from the images API as a 400.
  [/^(?:insufficient_quota|billing_hard_limit_reached|billing_not_active)$/, 'credits_exhausted'],
  // Comes as a 400 for an image model that was shut down, and as a 404 elsewhere.
  [/^model_not_found$/, 'model_unavailable'],
]

/**
 * Null for an answer that does not say whether a picture was made and billed. A 500 says that the server failed while it
 * processed the request, and nothing about the bill; a 503 that it was overloaded, and so did not begin.
 */
export function refusalOf(answer: Answer): Refused | null {
  const { status, json, text } = answer
  const [code, type] = [textAt(json, 'error', 'code') ?? '', textAt(json, 'error', 'type') ?? '']
  const said = textAt(json, 'error', 'message') ?? text.slice(0, 200)
  const message = [status, code || type, said].join(' ').trim()
  if (status >= 500) return wasTurnedAway(answer) ? refused('provider_error', message, restOf(answer, said)) : null
  const byStatus = kindOfStatus(status)
  if (byStatus === null) return null
  const kind = KINDS.find(([words]) => words.test(code) || words.test(type))?.[1] ?? byStatus
  if (kind === 'content_policy') {
    // The check may have looked at the prompt, or at a picture that had been made.
    return refused(kind, message, { paid: 'unknown' })
  }
  if (kind === 'rate_limited') return refused(kind, message, restOf(answer, said))
  // Region and verification are the organisation's affair: another key of it changes nothing.
  const isOfAccount = kind === 'permission' && /organi[sz]ation|country|region|verif/i.test(message)
  return refused(kind, message, isOfAccount ? { scope: 'account' } : {})
}

/** "The engine is currently overloaded", "Slow Down": in OpenAI's own form, as a gateway's 503 is not. */
function wasTurnedAway({ status, json }: Answer): boolean {
  if (status !== 503 || at(json, 'error') === undefined) return false
  return /overloaded|slow.?down/i.test(`${textAt(json, 'error', 'code')} ${textAt(json, 'error', 'message')}`)
}

/** `retry-after-ms`, `retry-after`, "Please try again in 12s", or the window that is used up. */
function restOf({ headers }: Answer, said: string): { retryAfterSeconds?: number | undefined } {
  const words = /try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)/i.exec(said)?.[1]
  const windows = ['requests', 'tokens', 'images']
    .filter(each => headers.get(`x-ratelimit-remaining-${each}`) === '0')
    .map(each => secondsOf(headers.get(`x-ratelimit-reset-${each}`) ?? ''))
    .filter(each => each !== undefined)
  const longest = windows.length > 0 ? Math.max(...windows) : undefined
  return { retryAfterSeconds: retryAfterSeconds(headers) ?? secondsOf(words ?? '') ?? longest }
}

const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600 } as const
const REST_MAX_SECONDS = 3600

/** As in `6m0s`, `1.5s`, `20ms`. */
function secondsOf(duration: string): number | undefined {
  if (!/^(?:\d{1,7}(?:\.\d+)?(?:ms|h|m|s))+$/.test(duration)) return undefined
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit as 's'], 0)
  return Math.min(seconds, REST_MAX_SECONDS)
}
