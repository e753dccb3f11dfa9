/** Errors as people and programs read them: RFC 9457, with a code from the closed table and nothing from below. */
import { ERRORS, SafelightError, type ErrorCode, type FieldProblem } from '@safelight/core'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { AppEnv } from '../context.ts'
import type { Log } from '../options.ts'
import { addRateLimits } from './rate-limits.ts'

/** The body of every answer that is not what was asked for. */
export interface Problem {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  requestId: string
  fields?: FieldProblem[]
  retryAfterSeconds?: number
  balance?: number
  price?: number
}

/** `status` only where HTTP has a finer word than the table of codes (416, 421). */
export function problem(c: Context<AppEnv>, error: SafelightError, status: number = error.status): Response {
  const { code, message, details } = error
  const { fields, retryAfterSeconds, balance, price } = details
  const body: Problem = {
    type: `/docs/errors#${code}`,
    title: ERRORS[code].title,
    status,
    code,
    detail:
      code === 'internal'
        ? `Something went wrong on our side. Name request ${c.var.requestId} when you report it.`
        : message,
    requestId: c.var.requestId,
    ...(code === 'invalid_input' && fields ? { fields } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(code === 'insufficient_credits' ? { balance: balance ?? 0, price: price ?? 0 } : {}),
  }
  if (details.limits) addRateLimits(c, details.limits)
  if (retryAfterSeconds !== undefined) c.header('Retry-After', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  if (status === 401) c.header('WWW-Authenticate', 'Bearer')
  return c.body(JSON.stringify(body), status as ContentfulStatusCode, { 'Content-Type': 'application/problem+json' })
}

/** Turns whatever was thrown into an answer; what nobody expected is logged and stays here. */
export function answerError(log: Log): (error: Error, c: Context<AppEnv>) => Response {
  return (error, c) => {
    const known = SafelightError.is(error) ? error : fromHttpException(error)
    if (known.code === 'internal') log('error', 'unexpected error', { requestId: c.var.requestId, ...describe(error) })
    return problem(c, known)
  }
}

export function notFound(c: Context<AppEnv>): Response {
  return problem(c, new SafelightError('not_found', 'There is nothing at this address for this method.'))
}

/** For the log of the operator; bounded, since a database may quote whole statements. */
export function describe(error: unknown): { error: string; stack: string } {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return { error: `${name}: ${message}`.slice(0, 500), stack: (stack ?? '').slice(0, 4000) }
}

function fromHttpException(error: Error): SafelightError {
  if (error instanceof HTTPException) {
    if (error.status === 415) return new SafelightError('unsupported_media', 'Send application/json.')
    if (error.status === 400) return new SafelightError('invalid_input', 'The body is not valid JSON.', { fields: [] })
  }
  return new SafelightError('internal', 'unexpected')
}
