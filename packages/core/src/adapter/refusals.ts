/** From a provider's refusal to ours: what went wrong, whose fault it is, and whether it cost money. */
import type { FailureKind, Instant, Paid, Scope, Submitted } from '../contracts.ts'
import { type Answer, type Api, type ApiRequest, wasNeverSent } from './exchange.ts'

export type Refused = Extract<Submitted, { status: 'refused' }>

/** Whose fault a failure is, where the provider does not say otherwise. */
const SCOPES: Record<FailureKind, Scope> = {
  auth: 'token',
  permission: 'token',
  credits_exhausted: 'account',
  rate_limited: 'account',
  concurrency: 'account',
  invalid_input: 'request',
  content_policy: 'request',
  model_unavailable: 'model',
  unreachable: 'provider',
  provider_error: 'provider',
  no_output: 'model',
  canceled: 'request',
}

/** A refusal that cost nothing, unless `extra` says otherwise. `message` is for our log, never for users. */
export function refused(
  kind: FailureKind,
  message: string,
  extra: { scope?: Scope; paid?: Paid; retryAfterSeconds?: number | undefined } = {},
): Refused {
  const { scope = SCOPES[kind], paid = 'no' } = extra
  return {
    status: 'refused',
    kind,
    scope,
    paid,
    message: message.slice(0, 500),
    ...(extra.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: extra.retryAfterSeconds }),
  }
}

/**
 * Hands a job over: one request, one reading of its answer. A connection that never opened is `unreachable`; an answer
 * that did not come whole throws, which means that nobody knows.
 */
export async function handOver(
  api: Api,
  call: Parameters<Api['request']>[0],
  request: ApiRequest,
  read: (answer: Answer) => Submitted | Promise<Submitted>,
): Promise<Submitted> {
  let answer: Answer
  try {
    answer = await api.request(call, request)
  } catch (error) {
    if (wasNeverSent(error)) return refused('unreachable', 'The connection never opened.')
    throw error
  }
  return read(answer)
}

/** What a status means at most vendors; null for one that says nothing about whether the job was taken. */
export function kindOfStatus(status: number): FailureKind | null {
  if (status === 401) return 'auth'
  if (status === 402) return 'credits_exhausted'
  if (status === 403) return 'permission'
  if (status === 404 || status === 410) return 'model_unavailable'
  if (status === 429) return 'rate_limited'
  // 408 and 409 speak of a request under way; everything else in the four hundreds was read and turned down.
  return status >= 400 && status < 500 && status !== 408 && status !== 409 ? 'invalid_input' : null
}

const RETRY_AFTER_MAX_SECONDS = 3600

/** `Retry-After` in seconds or as a date, or `Retry-After-Ms`; undefined where there is none that makes sense. */
export function retryAfterSeconds(headers: Headers, now: Instant = Date.now()): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  const value = headers.get('retry-after')?.trim()
  const seconds = milliseconds
    ? Number(milliseconds) / 1000
    : value === undefined || value === ''
      ? NaN
      : /^\d+(\.\d+)?$/.test(value)
        ? Number(value)
        : (Date.parse(value) - now) / 1000
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), RETRY_AFTER_MAX_SECONDS) : undefined
}
