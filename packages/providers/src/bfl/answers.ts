/** Reading the answers of Black Forest Labs: a task taken, and how it goes (docs.bfl.ai/quick_start/generating_images). */
import type { Json, Progress, Submitted } from '@safelight/core'
import { type Answer, type Api, at, numberAt, textAt } from '@safelight/core/adapter'
import { refusalOf } from './refusals.ts'

/** All that is needed to ask again. `pollingUrl` is on the cluster that has the task. */
export interface Operation {
  id: string
  pollingUrl: string | null
}

/** A signed address works for ten minutes, and is not signed anew. */
const SAMPLE_SECONDS = 600
const ID_MAX_CHARACTERS = 200
const URL_MAX_CHARACTERS = 2000

/** Throws where the answer does not say whether the task was taken. */
export function readSubmitted(answer: Answer): Submitted {
  const refusal = refusalOf(answer)
  if (refusal) return refusal
  const id = idIn(answer.json)
  if (answer.status >= 300 || id === undefined) throw new Error(`BFL answered ${answer.status}, and with no task`)
  const url = textAt(answer.json, 'polling_url')
  const pollingUrl = url !== undefined && url.length <= URL_MAX_CHARACTERS ? url : null
  return { status: 'running', operation: { id, pollingUrl } }
}

export function idIn(json: unknown): string | undefined {
  const id = textAt(json, 'id')
  return id !== undefined && id.length <= ID_MAX_CHARACTERS ? id : undefined
}

/** Throws on what is no operation of ours. */
export function readOperation(operation: Json): Operation {
  const id = idIn(operation)
  if (id === undefined) throw new Error('This is no operation of BFL')
  return { id, pollingUrl: textAt(operation, 'pollingUrl') ?? null }
}

/** Where to ask. Another cluster, or the global one, may not know the task: the address that came with it comes first. */
export function addressOf(api: Api, { id, pollingUrl }: Operation): { path: string; isGiven: boolean } {
  const given = pollingUrl !== null && api.owns(pollingUrl) ? URL.parse(pollingUrl) : null
  if (!given) return { path: `/get_result?id=${encodeURIComponent(id)}`, isGiven: false }
  if (!given.searchParams.has('id')) given.searchParams.set('id', id)
  return { path: given.href, isGiven: true }
}

/** Throws where the answer says nothing about this task. */
export function readProgress(answer: Answer, { id }: Operation, isGiven: boolean): Progress {
  const { status, json } = answer
  // Some answers say `state`.
  const word = textAt(json, 'status') ?? textAt(json, 'state')
  if (status !== 200 || word === undefined) throw new Error(`BFL answered a look with ${status}`)
  if ((idIn(json) ?? id) !== id) throw new Error('BFL answered about another task')
  const message = `${word} ${JSON.stringify(at(json, 'details') ?? null)}`.slice(0, 500)
  switch (word) {
    case 'Ready':
      return { status: 'done', outputs: outputsOf(json) }
    case 'Request Moderated':
    case 'Content Moderated':
      // Moderated tasks are not charged (help.bfl.ai, "moderated requests").
      return { status: 'failed', kind: 'content_policy', paid: 'no', message }
    case 'Error':
    case 'Failed':
      return { status: 'failed', kind: 'provider_error', paid: 'unknown', message }
    case 'Task not found':
      // Said by a cluster that never had it, it says nothing.
      if (!isGiven) throw new Error('BFL does not know the task at an address that it did not give')
      return { status: 'failed', kind: 'provider_error', paid: 'unknown', message }
    default:
      // `Pending`, and words that we do not know: they end nothing.
      return { status: 'running', stage: word === 'Pending' ? 'queued' : 'running', ...fractionOf(json) }
  }
}

function outputsOf(json: unknown): { url: string; expiresAt: number }[] {
  const url = textAt(json, 'result', 'sample')
  return url === undefined ? [] : [{ url, expiresAt: Date.now() + SAMPLE_SECONDS * 1000 }]
}

function fractionOf(json: unknown): { fraction?: number } {
  const progress = numberAt(json, 'progress')
  if (progress === undefined || progress < 0 || progress > 100) return {}
  return { fraction: progress > 1 ? progress / 100 : progress }
}
