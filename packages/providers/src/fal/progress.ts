/** What fal says of a job: its place in the queue, then how far the model is, then that it has finished. */
import { at, listAt, numberAt, textAt } from '@safelight/core/adapter'
import type { Progress } from '@safelight/core'

export type News = Extract<Progress, { status: 'running' }>
/** `completed` means finished, not succeeded. */
export type QueueStatus =
  | { status: 'open'; news: News }
  | { status: 'completed'; error: string | undefined; errorType: string | undefined }

export type Completed = Extract<QueueStatus, { status: 'completed' }>

/** Null for what is no status at all. A word that nobody has written down is a job that still runs. */
export function queueStatusIn(json: unknown): QueueStatus | null {
  const word = textAt(json, 'status')
  if (word === undefined) return null
  if (word === 'COMPLETED') {
    return { status: 'completed', error: errorIn(json), errorType: textAt(json, 'error_type') }
  }
  const isQueued = word === 'IN_QUEUE'
  return {
    status: 'open',
    news: {
      status: 'running',
      stage: isQueued ? 'queued' : 'running',
      queuePosition: isQueued ? (numberAt(json, 'queue_position') ?? null) : null,
      fraction: isQueued ? null : fractionIn(json),
    },
  }
}

function errorIn(json: unknown): string | undefined {
  const error = at(json, 'error')
  if (error === undefined || error === null || error === '') return undefined
  return typeof error === 'string' ? error : JSON.stringify(error)
}

/** Models report their steps as a progress bar in their log, as in ` 36%|███▌      | 10/28`. */
function fractionIn(json: unknown): number | null {
  for (const line of listAt(json, 'logs').toReversed()) {
    const percent = /(?:^|\D)(\d{1,3})%\|/.exec(textAt(line, 'message')?.slice(-500) ?? '')?.[1]
    if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100
  }
  return null
}
