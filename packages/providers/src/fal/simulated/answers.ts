/** How fal's servers answer: JSON, with the id of the request. */
import type { Answered } from './scenarios.ts'

export function answerOf({ status, body, headers = {} }: Answered, requestId?: string): Response {
  const isText = typeof body === 'string'
  return new Response(isText ? body : JSON.stringify(body), {
    status,
    headers: {
      'content-type': isText ? 'text/plain' : 'application/json',
      ...(requestId === undefined ? {} : { 'x-fal-request-id': requestId }),
      ...headers,
    },
  })
}

export const detail = (status: number, text: string, requestId?: string): Response =>
  answerOf({ status, body: { detail: text } }, requestId)
