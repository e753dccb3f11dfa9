/** Who may come in with what: the same for the queue and for synchronous runs. */
import type { Desk, Exchange, SimulatedJob } from '../../testing/kit/index.ts'
import { answerOf, detail } from './answers.ts'
import { rowOf } from './scenarios.ts'

/** `Key <id>:<secret>`; fal knows no other scheme for keys. */
export function keyOf({ headers }: Exchange): string {
  return /^Key (\S+)$/.exec(headers.get('authorization') ?? '')?.[1] ?? ''
}

/** The job that was taken, or why not. */
export function admitted(
  exchange: Exchange,
  desk: Desk,
  endpoint: string,
  webhook: string | null,
): SimulatedJob | Response {
  const key = keyOf(exchange)
  const { status, account, isExhausted } = desk.account(key)
  if (status !== 'ok') return refusal('bad_key')
  if (isExhausted) return refusal('balance_exhausted')
  if (endpoint.split('/').length < 2) return refusal('unknown_app')
  const { json: input } = exchange
  if (typeof input !== 'object' || input === null) return detail(422, 'The body is no JSON object')
  const lane = /video|veo|kling/.test(endpoint) ? 'video' : 'image'
  const admission = desk.admit(account, lane)
  // What an account may run at once is no reason to refuse: the queue holds the rest.
  if (admission.status === 'rate_limited') {
    const headers = { 'retry-after': String(admission.retryAfterSeconds) }
    return answerOf({ status: 429, body: { detail: 'Rate limit exceeded' }, headers })
  }
  const { prompt } = input as { prompt?: unknown }
  const plan = desk.plan(typeof prompt === 'string' ? prompt : '')
  const refused = rowOf(plan.scenario)?.submit
  if (refused) return answerOf(refused)
  return desk.accept({ endpoint, key, account, plan, input, webhook })
}

function refusal(name: string): Response {
  return answerOf(rowOf(name)!.submit!)
}
