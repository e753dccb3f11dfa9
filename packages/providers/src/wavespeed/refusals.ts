/**
 * What WaveSpeed's refusals and failures mean. Codes are documented (wavespeed.ai/docs/rest-api), the sentences are not:
 * whoever reads them has to be broad, and money and policy come before everything that a code says.
 */
import type { FailureKind } from '@safelight/core'
import {
  type Answer,
  at,
  kindOfStatus,
  refused,
  type Refused,
  retryAfterSeconds,
  textAt,
} from '@safelight/core/adapter'

const MONEY = /\b(credits?|balance|top[- ]?up|recharge|payment|overdue|arrears|insufficient (\w+ )?funds)\b/i
const KEY = /\b(invalid|incorrect|wrong|missing|expired|revoked|unknown) (api[- _]?)?(key|token)\b|unauthenticated/i
const POLICY =
  /nsfw|(?<!case[- ])sensitive|content[ _-]?(polic|filter|moderat)|moderation|\bsafety (system|filter|check|reasons?)\b|prohibited|inappropriate|violat\w+ (of )?(our |the |its )?(usage |content )?(polic|terms|guideline)/i
const CONCURRENCY = /concurren/i
const RATE = /rate[- ]?limit|too many requests/i
const MODEL = /\bmodel\b.{0,80}\b(not (found|exist|available|supported)|does ?n.t exist|unavailable|offline|disabled)/i
const INPUT =
  /invalid (param|input|image|argument|prompt|size|request|value)|unsupported (format|image|size|type)|validation|\b(is|are) required\b|must be\b|(download|fetch|read|decode|load).{0,20}\b(image|input|file)/i

/** The envelope's own code, `{code, message, data}`; undefined where there is none. */
export function codeOf(json: unknown): number | undefined {
  const code = at(json, 'code')
  const number = typeof code === 'string' && /^\d+$/.test(code) ? Number(code) : code
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}

/** What the vendor wrote, for our log. */
export function messageOf(json: unknown): string {
  const error = at(json, 'error')
  return (
    textAt(json, 'message') ??
    (typeof error === 'string' ? error : textAt(error, 'message')) ??
    textAt(json, 'data', 'error') ??
    ''
  )
}

/** A complete answer that turned a request down; nothing was begun. */
export function refusalOf(answer: Answer): Refused {
  const text = messageOf(answer.json)
  const code = codeOf(answer.json)
  // A gateway may make everything a 400, or a 200; any other status says more than the code does.
  const isVague = answer.status <= 400 && code !== undefined && code >= 400 && code < 600
  const status = isVague ? code : answer.status
  const kind = answer.json === undefined ? kindOfPage(answer.status) : kindOfRefusal(status, text)
  const message = `HTTP ${answer.status}, code ${code ?? 'none'}: ${text}`
  return refused(kind, message, { retryAfterSeconds: retryAfterSeconds(answer.headers) })
}

/** A page of HTML came from something in front of WaveSpeed: it says nothing about this key or this model. */
function kindOfPage(status: number): FailureKind {
  return [401, 402, 413, 429].includes(status) ? (kindOfStatus(status) ?? 'unreachable') : 'unreachable'
}

function kindOfRefusal(status: number, text: string): FailureKind {
  if (status === 401 || KEY.test(text)) return 'auth'
  if (MONEY.test(text)) return 'credits_exhausted'
  if (status === 429) return CONCURRENCY.test(text) ? 'concurrency' : 'rate_limited'
  if (POLICY.test(text)) return 'content_policy'
  if (RATE.test(text)) return 'rate_limited'
  if (MODEL.test(text)) return 'model_unavailable'
  return kindOfStatus(status) ?? 'provider_error'
}

/** Why a task that was accepted has failed: there is no machine code, only `data.error`. */
export function kindOfFailure(text: string): FailureKind {
  if (POLICY.test(text)) return 'content_policy'
  if (MONEY.test(text)) return 'credits_exhausted'
  if (MODEL.test(text)) return 'model_unavailable'
  return INPUT.test(text) ? 'invalid_input' : 'provider_error'
}
