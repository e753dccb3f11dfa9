/** What to tell a person when the server refused or nobody answered. */
import { text } from '../messages.ts'
import { Problem } from './http.ts'

/** One or two plain sentences; the server's own where it wrote one. */
export function sentenceFor(error: unknown): string {
  if (!(error instanceof Problem)) return text.refusal.unreachable
  const { code, body } = error
  if (code === 'insufficient_credits' && body.price !== undefined && body.balance !== undefined) {
    return text.refusal.credits(body.price, body.balance)
  }
  if (body.fields?.length) return body.fields.map(field => field.message).join(' ')
  if (body.detail) return body.detail
  if (code === 'rate_limited') return text.refusal.rateLimited
  return error.status >= 500 ? text.refusal.internal : text.refusal.unknown
}

/** Whether the very same request may be sent again by itself: nobody answered, or a server in between gave up. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof Problem) || error.status === 502 || error.status === 504
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof Problem && error.code === 'unauthenticated'
}
