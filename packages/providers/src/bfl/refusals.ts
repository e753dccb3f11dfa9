/** Error answers of Black Forest Labs: three shapes of body, and what each status means (docs.bfl.ai/api_integration/errors). */
import type { FailureKind } from '@safelight/core'
import { at, kindOfStatus, listAt, refused, retryAfterSeconds, textAt } from '@safelight/core/adapter'
import type { Answer, Refused } from '@safelight/core/adapter'

/** Null for an answer that does not say whether the task was taken: every 5xx, 408, 409, redirects. */
export function refusalOf(answer: Answer): Refused | null {
  const message = messageOf(answer)
  const kind = kindOf(answer.status, message)
  if (kind === null) return null
  return refused(kind, `${answer.status} ${message}`, { retryAfterSeconds: retryAfterSeconds(answer.headers) })
}

function kindOf(status: number, message: string): FailureKind | null {
  // 403 stands for a bad key as well as for a model that the key may not use.
  if (status === 403 && /authenticat|api[ _-]?key|x-key/i.test(message)) return 'auth'
  // The only limit there is counts active tasks.
  if (status === 429) return 'concurrency'
  const kind = kindOfStatus(status)
  return kind === 'invalid_input' && /moderat/i.test(message) ? 'content_policy' : kind
}

/** `{ detail: 'text' }`, `{ detail: [{ loc, msg }] }`, or `{ error, message, details }`. */
export function messageOf({ json, text }: Answer): string {
  const fields = listAt(json, 'detail').map(each => `${listAt(each, 'loc').join('.')}: ${textAt(each, 'msg') ?? '?'}`)
  const told = [textAt(json, 'error'), textAt(json, 'message')].filter(each => each !== undefined)
  const nested = textAt(at(json, 'error'), 'message')
  return textAt(json, 'detail') ?? (fields.join('; ') || told.join(': ') || nested) ?? text.slice(0, 200)
}
