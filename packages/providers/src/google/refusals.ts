/**
 * Error answers of Google: `{ error: { code, message, status, details } }`, or with a word as `code` from Interactions
 * (ai.google.dev/gemini-api/docs/troubleshooting and /api-errors).
 */
import type { FailureKind } from '@safelight/core'
import { at, kindOfStatus, listAt, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'

/** A day's quota comes back at midnight, Pacific time; asked again once an hour. */
const QUOTA_REST_SECONDS = 3600

/** What an error answer says. `word` is as in `RESOURCE_EXHAUSTED`, whichever surface it came from. */
export interface Said {
  word: string
  message: string
  details: readonly unknown[]
}

export function saidIn(error: unknown): Said {
  const word = textAt(error, 'status') ?? textAt(error, 'code') ?? ''
  return { word: word.toUpperCase(), message: textAt(error, 'message') ?? '', details: listAt(error, 'details') }
}

/** Null for an answer that does not say whether the work was taken. */
export function refusalOf(answer: Answer): Refused | null {
  const error = at(answer.json, 'error')
  const said = saidIn(error)
  const kind = kindOf(answer.status, said)
  if (kind === null) return null
  const message = `${answer.status} ${said.word} ${said.message || answer.text.slice(0, 200)}`
  const rest = kind === 'rate_limited' ? restSeconds(said) : undefined
  return refused(kind, message, { retryAfterSeconds: retryAfterSeconds(answer.headers) ?? rest })
}

/**
 * For calls that hold the line: an error in the API's own words is the end of the call. A request that fails with a
 * 500 is not charged (ai.google.dev/gemini-api/docs/billing); nor is any 5xx of the same models on Vertex AI
 * (cloud.google.com/vertex-ai/generative-ai/pricing). A gateway's page is not Google's word.
 */
export function synchronousRefusalOf(answer: Answer): Refused | null {
  const { word, message } = saidIn(at(answer.json, 'error'))
  const isOver = (answer.status === 500 && word === 'INTERNAL') || (answer.status === 503 && word === 'UNAVAILABLE')
  return isOver ? refused('provider_error', `${answer.status} ${word} ${message}`) : refusalOf(answer)
}

function kindOf(status: number, said: Said): FailureKind | null {
  const { word, message } = said
  switch (status) {
    case 400:
      if (hasReason(said, 'API_KEY_INVALID') || /api key (not valid|not found|expired)/i.test(message)) return 'auth'
      // Billing is off, or the free tier is not to be had here.
      if (word === 'FAILED_PRECONDITION') return 'permission'
      return isPolicy(message) ? 'content_policy' : 'invalid_input'
    case 403:
      return /reported as leaked|api key (expired|invalid)/i.test(message) ? 'auth' : 'permission'
    case 429:
      return isSpent(said) ? 'credits_exhausted' : 'rate_limited'
    case 499:
      return null
    default:
      return kindOfStatus(status)
  }
}

/** Words about what may be made, as they stand in messages. */
export function isPolicy(message: string): boolean {
  return /safety|prohibited|usage guidelines|responsible ai|violat\w* .*(polic|guideline|terms)|sensitive words/i.test(
    message,
  )
}

/** Nothing left, or nothing to begin with: waiting does not help. */
function isSpent({ message }: Said): boolean {
  return /prepay|credits? (is|are|has been|have been) depleted|limit: 0\b/i.test(message)
}

function hasReason({ details }: Said, reason: string): boolean {
  return details.some(detail => textAt(detail, 'reason') === reason)
}

/** `RetryInfo.retryDelay` as in `27s`, or the sentence "Please retry in 27.3s", or the day's end. */
function restSeconds({ word, message, details }: Said): number | undefined {
  const delays = details.map(detail => textAt(detail, 'retryDelay')).filter(delay => delay !== undefined)
  const text = delays[0] ?? /retry in ([\d.]+s)/i.exec(message)?.[1] ?? ''
  const seconds = /^\d{1,6}(\.\d+)?s$/.test(text) ? Number.parseFloat(text) : undefined
  const quotas = details.flatMap(detail => listAt(detail, 'violations')).map(each => textAt(each, 'quotaId') ?? '')
  const isOfDay = word === 'QUOTA_EXCEEDED' || quotas.some(quota => quota.includes('PerDay'))
  if (!isOfDay) return seconds === undefined ? undefined : Math.min(seconds, QUOTA_REST_SECONDS)
  return Math.max(seconds ?? 0, QUOTA_REST_SECONDS)
}
