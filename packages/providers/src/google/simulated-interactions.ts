/** Gemini Omni, as the simulator answers it: interactions with words for their state. */
import { at, listAt, textAt } from '@safelight/core/adapter'
import type { Desk, SimulatedJob } from '../testing/kit/index.ts'
import { clipOf, invalid, promptOf, turnedDown, type Visit } from './simulator.ts'

const WORKS_AT_MOST_SECONDS = 600

export async function submitInteraction(visit: Visit): Promise<Response> {
  const { exchange, desk, key, account } = visit
  const { json } = exchange
  const problem = problemWith(json)
  if (problem) return invalid(problem, exchange)
  const plan = desk.plan(textIn(json))
  const refusal = turnedDown(visit, 'video', plan.scenario)
  if (refusal) return refusal
  const webhook = textAt(json, 'webhook_config', 'uris', 0) ?? null
  const metadata = at(json, 'webhook_config', 'user_metadata')
  const details = { surface: 'interactions', metadata }
  const job = desk.accept({ endpoint: promptOf(json, 'model'), key, account, plan, input: json, webhook, details })
  if (at(json, 'background') !== true) await desk.settled(job, WORKS_AT_MOST_SECONDS)
  return Response.json(interactionOf(job, desk))
}

function textIn(json: unknown): string {
  const part = listAt(json, 'input').find(each => textAt(each, 'type') === 'text')
  return textAt(json, 'input') ?? textAt(part, 'text') ?? ''
}

/** Null where nothing is wrong. */
function problemWith(json: unknown): string | null {
  if (!promptOf(json, 'model').startsWith('gemini-omni-')) return "The value is not supported for 'model'."
  if (textIn(json) === '') return "'input' must not be empty."
  const format = at(json, 'response_format')
  const seconds = /^(\d{1,2})s$/.exec(promptOf(format, 'duration'))?.[1]
  if (textAt(format, 'type') !== 'video') return "The value is not supported for 'type' at 'response_format'."
  if (seconds === undefined || Number(seconds) < 3 || Number(seconds) > 15) return "'duration' must be from 3s to 15s."
  if (!['16:9', '9:16'].includes(promptOf(format, 'aspect_ratio'))) return "'aspect_ratio' must be 16:9 or 9:16."
  const pictures = listAt(json, 'input').filter(each => textAt(each, 'type') === 'image')
  const isGood = pictures.every(each => textAt(each, 'data') && textAt(each, 'mime_type'))
  return isGood ? null : "'data' and 'mime_type' belong to an image."
}

const UNHAPPY: Readonly<Record<string, { status: string; code?: string; message?: string }>> = {
  omni_failed: { status: 'failed', code: 'api_error', message: 'An internal error has occurred.' },
  omni_policy: { status: 'failed', code: 'content_blocked', message: 'The output was blocked by safety filters.' },
  omni_cancelled: { status: 'cancelled' },
  omni_incomplete: { status: 'incomplete' },
  omni_budget: { status: 'budget_exceeded' },
}

export function interactionOf(job: SimulatedJob, desk: Desk): Record<string, unknown> {
  const { id, plan, acceptedAt, endpoint } = job
  const head = { id, model: endpoint, object: 'interaction', created: new Date(acceptedAt).toISOString() }
  const now = desk.phase(job)
  if (now.phase === 'cancelled') return { ...head, status: 'cancelled' }
  if (now.phase === 'queued') return { ...head, status: 'queued' }
  const isAsking = plan.scenario === 'omni_requires_action'
  if (now.phase === 'running') return { ...head, status: isAsking ? 'requires_action' : 'in_progress' }
  const unhappy = UNHAPPY[plan.scenario ?? '']
  if (unhappy) {
    const { status, code, message } = unhappy
    return { ...head, status, ...(code ? { errors: [{ code, message }] } : {}) }
  }
  return { ...head, status: 'completed', usage: { total_tokens: 5792 }, ...madeBy(job, desk) }
}

function madeBy(job: SimulatedJob, desk: Desk): object {
  const uri = clipOf(job, desk)
  if (uri === undefined || job.plan.scenario === 'omni_text_only') return { output_text: 'What fox do you mean?' }
  if (job.plan.scenario !== 'omni_inline') return { output_video: { type: 'video', mime_type: 'video/mp4', uri } }
  const [file] = desk.outputs(job, 1, 'mp4')
  const data = file && Buffer.from(desk.bytesOf(file)).toString('base64')
  return { output_video: { type: 'video', mime_type: 'video/mp4', data } }
}
