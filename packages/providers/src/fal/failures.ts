/**
 * fal's ways of saying no, in our terms. Two families (docs.fal.ai/errors, docs.fal.ai/model-endpoints/request-errors):
 * models answer `{ detail: [{ loc, msg, type }] }` or a plain `detail`, the platform `{ detail, error_type }`.
 */
import { at, kindOfStatus, listAt, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'
import type { FailureKind, Paid, Progress, Token } from '@safelight/core'

export type Failed = Extract<Progress, { status: 'failed' }>
interface Verdict {
  kind: FailureKind
  paid: Paid
}

/** Answers of the 500s are never billed (fal.ai FAQ); a job stopped by somebody may have run for a while. */
const TYPES: Readonly<Record<string, Verdict>> = {
  request_timeout: { kind: 'model_unavailable', paid: 'no' },
  startup_timeout: { kind: 'model_unavailable', paid: 'no' },
  runner_scheduling_failure: { kind: 'model_unavailable', paid: 'no' },
  runner_connection_timeout: { kind: 'provider_error', paid: 'no' },
  runner_disconnected: { kind: 'provider_error', paid: 'no' },
  runner_connection_refused: { kind: 'provider_error', paid: 'no' },
  runner_connection_error: { kind: 'provider_error', paid: 'no' },
  runner_incomplete_response: { kind: 'provider_error', paid: 'no' },
  runner_server_error: { kind: 'provider_error', paid: 'no' },
  internal_error: { kind: 'provider_error', paid: 'no' },
  internal_server_error: { kind: 'provider_error', paid: 'no' },
  generation_timeout: { kind: 'provider_error', paid: 'no' },
  downstream_service_error: { kind: 'provider_error', paid: 'no' },
  downstream_service_unavailable: { kind: 'model_unavailable', paid: 'no' },
  client_disconnected: { kind: 'canceled', paid: 'unknown' },
  client_cancelled: { kind: 'canceled', paid: 'unknown' },
  content_policy_violation: { kind: 'content_policy', paid: 'unknown' },
  content_blocked: { kind: 'content_policy', paid: 'unknown' },
  no_media_generated: { kind: 'no_output', paid: 'unknown' },
  concurrent_requests_limit: { kind: 'concurrency', paid: 'no' },
  bad_request: { kind: 'invalid_input', paid: 'no' },
  url_error: { kind: 'invalid_input', paid: 'no' },
  not_found: { kind: 'model_unavailable', paid: 'no' },
}

/** Vendors behind fal refuse a prompt in their own words: Kling "risk control system", Veo "usage guidelines". */
const POLICY_WORDS =
  /risk control|usage guidelines|content[ _]polic|content safety|safety (?:filter|checker|system)|sensitive (?:content|information)|nsfw|moderation/i
const LOCKED_WORDS = /user is locked|exhausted balance|top[ _]up/i
const PENDING_WORDS = /request is still in progress/i

/** The account has no money left, or was locked by fal: said with 403, by proxies with 402 (fal-ai/fal#1147, #1112). */
export function isLocked(answer: Pick<Answer, 'status' | 'text'>): boolean {
  return (answer.status === 403 || answer.status === 402) && LOCKED_WORDS.test(answer.text)
}

/** Asked for too early: said with 400 or 500, so the words count. */
export function isPending(answer: Pick<Answer, 'text'>): boolean {
  return PENDING_WORDS.test(answer.text.slice(0, 1000))
}

/** What a type of error means; undefined for one that nobody has written down. */
export function verdictOfType(type: string | undefined): Verdict | undefined {
  return type !== undefined && Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
}

/** Null where the answer does not say whether fal took the job. */
export function refusalOf(answer: Answer, token: Token): Refused | null {
  const { status, headers } = answer
  const message = messageOf(answer, token)
  const retry = { retryAfterSeconds: retryAfterSeconds(headers) }
  if (isLocked(answer)) return refused('credits_exhausted', message)
  if (status === 503 && !headers.has('x-fal-request-id')) return refused('provider_error', message, retry)
  if (status >= 500 || status === 499) return null
  const kind = status === 405 ? 'model_unavailable' : kindOfStatus(status)
  if (kind === 'rate_limited')
    return refused(typeOf(answer) === 'concurrent_requests_limit' ? 'concurrency' : kind, message, retry)
  if (kind !== 'invalid_input') return kind && refused(kind, message)
  const verdict = verdictOf(answer)
  return refused(verdict.kind, message, { paid: verdict.paid })
}

/**
 * The end of a job, where its result says so; null where the answer is about this one request: our key, a gateway, a
 * limit. A model's error has typed details, and what came from an app bears its request id (fal-client `_is_ingress_error`).
 */
export function failureOf(answer: Answer, token: Token): Failed | null {
  const { status } = answer
  if (status < 400 || status === 408 || status === 409 || status === 429 || status === 401 || isLocked(answer))
    return null
  const isAboutAccess = status === 403 || status === 404 || status >= 500
  if (isAboutAccess ? !isOfTheModel(answer) : at(answer.json, 'detail') === undefined) return null
  return { status: 'failed', ...verdictOf(answer), message: messageOf(answer, token) }
}

function isOfTheModel({ status, headers, json }: Answer): boolean {
  if (at(json, 'detail') === undefined) return false
  if (textAt(json, 'detail', 0, 'type') !== undefined || headers.has('x-fal-billable-units')) return true
  return (
    status >= 500 &&
    (textAt(json, 'error_type') !== undefined || headers.has('x-fal-error-type') || headers.has('x-fal-request-id'))
  )
}

function verdictOf(answer: Answer): Verdict {
  const { status, headers } = answer
  const known = verdictOfType(typeOf(answer))
  const kind = known?.kind ?? kindFromWords(answer)
  const units = Number(headers.get('x-fal-billable-units') ?? Number.NaN)
  if (units > 0) return { kind, paid: 'yes' }
  if (units === 0 || status >= 500) return { kind, paid: 'no' }
  return { kind, paid: known?.paid ?? (kind === 'content_policy' ? 'unknown' : 'no') }
}

function kindFromWords({ status, json, text }: Answer): FailureKind {
  if (status >= 500) return 'provider_error'
  if (POLICY_WORDS.test(wordsOf(json) || text.slice(0, 1000))) return 'content_policy'
  if (status === 404) return 'model_unavailable'
  return status === 403 ? 'permission' : 'invalid_input'
}

/** The first type that we know, of several details; else the first. */
function typeOf({ json, headers }: Answer): string | undefined {
  const types = listAt(json, 'detail').flatMap(each => textAt(each, 'type') ?? [])
  const named = [...types, textAt(json, 'error_type'), headers.get('x-fal-error-type') ?? undefined]
  return named.find(type => verdictOfType(type)) ?? named.find(type => type !== undefined)
}

function wordsOf(json: unknown): string {
  const details = listAt(json, 'detail').map(each => `${textAt(each, 'type') ?? ''}: ${textAt(each, 'msg') ?? ''}`)
  return textAt(json, 'detail') ?? textAt(json, 'message') ?? details.join('; ')
}

/** For our log. What fal says is bounded, and never contains the key, even where fal repeats it. */
function messageOf(answer: Answer, token: Token): string {
  return redacted(`fal answered ${answer.status}: ${wordsOf(answer.json) || 'nothing readable'}`, token)
}

export function redacted(message: string, { secret }: Token): string {
  const parts = [secret, ...secret.split(':')].filter(part => part.length >= 8)
  return parts.reduce((text, part) => text.replaceAll(part, '[key]'), message).slice(0, 500)
}
