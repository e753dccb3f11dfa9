/** What the router and the parties behind it say when they say no. */
import type { FailureKind, Paid, Progress } from '@safelight/core'
import {
  type Answer,
  at,
  kindOfStatus,
  listAt,
  numberAt,
  refused,
  type Refused,
  retryAfterSeconds,
  textAt,
} from '@safelight/core/adapter'

/** Texts that mean an empty purse, whatever the status (huggingface.co/docs/inference-providers/pricing; hub-docs#2392). */
const NO_MONEY =
  /monthly included credits|pre-?paid credits|not_enough_balance|insufficient (?:credit|balance|funds)|exhausted balance|user is locked|top.?up/i
const NO_MODEL =
  /not supported by provider|model\b.{0,120}(?:does not exist|not found|not available|not supported|deprecated)/is
const NOT_ALLOWED =
  /content.?polic|content_blocked|nsfw|moderat|risk control|safety (?:check|filter|system)|flagged as|sensitive content|usage guidelines/i

/** Whether a party's words say that it will not make this. */
export function isPolicy(text: string): boolean {
  return NOT_ALLOWED.test(text)
}

/**
 * Null for an answer that does not say that nothing was begun: a 5xx of a gateway may come after the job was taken, and no
 * document says what else it could mean. The one exception is a model that is still loading.
 */
export function refusalOf(answer: Answer): Refused | null {
  const { status, headers, json } = answer
  const said = `${status} ${saidBy(answer)}`
  const loadingSeconds = numberAt(json, 'estimated_time')
  if (status === 503 && loadingSeconds !== undefined) {
    const wait = Math.min(Math.max(1, Math.ceil(loadingSeconds)), LOADING_MAX_SECONDS)
    return refused('model_unavailable', said, { retryAfterSeconds: wait })
  }
  const kind = kindOfStatus(status)
  if (kind === null) return null
  return refused(kindOfRefusal(kind, status, said), said, { retryAfterSeconds: waitSeconds(answer, headers) })
}
const LOADING_MAX_SECONDS = 600

function kindOfRefusal(kind: FailureKind, status: number, said: string): FailureKind {
  if (status !== 401 && NO_MONEY.test(said)) return 'credits_exhausted'
  if ((status === 400 || status === 422) && NO_MODEL.test(said)) return 'model_unavailable'
  if ((status === 400 || status === 403 || status === 422) && isPolicy(said)) return 'content_policy'
  return kind
}

/** `Retry-After`, the hub's `RateLimit: "api";r=0;t=55`, or the seconds in Replicate's sentence. */
function waitSeconds(answer: Answer, headers: Headers): number | undefined {
  const named = retryAfterSeconds(headers)
  if (named !== undefined || answer.status !== 429) return named
  const [, seconds] =
    /;\s*t=(\d{1,5})\b/.exec(headers.get('ratelimit') ?? '') ?? /resets in ~?(\d{1,5})s/.exec(saidBy(answer)) ?? []
  return seconds === undefined ? undefined : Math.min(Number(seconds), 3600)
}

/** The sentences of an error body, in every shape in which the router and its parties write them. For the log. */
export function saidBy({ json, text, headers }: Pick<Answer, 'json' | 'text' | 'headers'>): string {
  const type = headers.get('content-type') ?? ''
  if (typeof json !== 'object' || json === null) return type.startsWith('text/plain') ? text.slice(0, 300) : ''
  const parts = [
    textAt(json, 'error'),
    textAt(json, 'error', 'type'),
    textAt(json, 'error', 'message'),
    textAt(json, 'error_type'),
    textAt(json, 'detail'),
    ...listAt(json, 'detail').flatMap(each => [textAt(each, 'type'), textAt(each, 'msg')]),
    textAt(json, 'message'),
    textAt(json, 'title'),
  ]
  return parts
    .filter(part => part !== undefined)
    .join(' · ')
    .slice(0, 400)
}

/** A look that says nothing about the job is thrown; a body comes back that is JSON of a two hundred. */
export function newsIn(answer: Answer): object {
  const { status, json } = answer
  if (status < 200 || status > 299) throw new Error(`The look was answered with ${status}`)
  if (typeof json !== 'object' || json === null) throw new Error('The look was answered with something that is no JSON')
  return json
}

export type Failed = Extract<Progress, { status: 'failed' }>

/** A party's last word about a job that came to nothing. `text` is its sentence, for the log. */
export function failed(kind: FailureKind, paid: Paid, text: string): Failed {
  return { status: 'failed', kind, paid, message: text.slice(0, 500) }
}

/** Ids come as text, or as numbers where a party counts. Throws where there is none that fits into a path. */
export function idIn(value: unknown, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path)
  const id = typeof found === 'number' ? String(found) : found
  if (typeof id !== 'string' || !/^[\w-][\w.:-]{0,199}$/.test(id)) throw new Error('The answer names no job')
  return id
}

/** Addresses that anybody may fetch. */
export function isWebAddress(value: unknown): value is string {
  return typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')
}
