/** Reading Runway's tasks (docs.dev.runwayml.com/api, tasks; failures: docs.dev.runwayml.com/errors/task-failures). */
import type { FailureKind, Json, Output, Progress, Submitted } from '@safelight/core'
import { type Answer, listAt, numberAt, textAt } from '@safelight/core/adapter'
import { refusalOf } from './refusals.ts'

/** Addresses work for 24 to 48 hours; another look hands out fresh ones. */
const OUTPUT_SECONDS = 86_400
const ID_MAX_CHARACTERS = 200
const OPEN = new Set(['PENDING', 'THROTTLED', 'RUNNING'])

/** Throws where the answer does not say whether the task was taken. */
export function readSubmitted(answer: Answer): Submitted {
  const refusal = refusalOf(answer)
  if (refusal) return refusal
  const id = textAt(answer.json, 'id')
  if (answer.status >= 300 || id === undefined || id.length > ID_MAX_CHARACTERS) {
    throw new Error(`Runway answered ${answer.status}, and with no task`)
  }
  return { status: 'running', operation: { id } }
}

/** The task's path. Throws on what is no operation of ours. */
export function pathOf(operation: Json): string {
  const id = textAt(operation, 'id')
  if (id === undefined) throw new Error('This is no operation of Runway')
  return `/tasks/${encodeURIComponent(id)}`
}

/** Still open, and nothing else: a `DELETE` of a task that has ended deletes its outputs. Throws where that is not said. */
export function isOpen(answer: Answer): boolean {
  return OPEN.has(wordOf(answer))
}

/** Throws where the answer says nothing about this task. */
export function readProgress(answer: Answer): Progress {
  const { json } = answer
  const word = wordOf(answer)
  switch (word) {
    case 'SUCCEEDED':
      return { status: 'done', outputs: listAt(json, 'output').map(outputOf) }
    case 'FAILED': {
      const code = textAt(json, 'failureCode') ?? ''
      const message = `${code} ${textAt(json, 'failure') ?? ''}`.trim().slice(0, 500)
      // Of credits, only that those of safety failures are not promised back is documented.
      return { status: 'failed', kind: kindOfFailure(code), paid: 'unknown', message }
    }
    case 'CANCELLED':
      return { status: 'failed', kind: 'canceled', paid: 'unknown', message: word }
    case 'PENDING':
    // Taken, and waiting for the account's other tasks: not an error.
    case 'THROTTLED':
      return { status: 'running', stage: 'queued' }
    default:
      return { status: 'running', stage: 'running', ...fractionOf(json) }
  }
}

function wordOf({ status, json }: Answer): string {
  const word = textAt(json, 'status')
  if (status !== 200 || word === undefined) throw new Error(`Runway answered a look with ${status}`)
  return word
}

/** Only the first components are reliable. */
function kindOfFailure(code: string): FailureKind {
  if (/(^|\.)SAFETY(\.|$)/.test(code)) return 'content_policy'
  if (code.startsWith('ASSET') || code.startsWith('INPUT_PREPROCESSING')) {
    return code.endsWith('.INTERNAL') ? 'provider_error' : 'invalid_input'
  }
  return 'provider_error'
}

function outputOf(url: unknown): Output {
  return typeof url === 'string' && url !== '' ? { url, expiresAt: Date.now() + OUTPUT_SECONDS * 1000 } : {}
}

function fractionOf(json: unknown): { fraction?: number } {
  const progress = numberAt(json, 'progress')
  return progress === undefined || progress < 0 || progress > 1 ? {} : { fraction: progress }
}
