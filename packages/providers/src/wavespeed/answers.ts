/** Reading WaveSpeed's answers: the envelope, the task in it, and the files it made (wavespeed.ai/docs/get-started-api). */
import type { FreshOutput, Output, Progress, Submitted } from '@safelight/core'
import { type Answer, at, fromBase64, listAt, textAt } from '@safelight/core/adapter'
import { codeOf, kindOfFailure, messageOf, refusalOf } from './refusals.ts'

/** All that is needed to ask again. `url` is where WaveSpeed said to ask; followed only when it is WaveSpeed's own. */
export type Operation = { id: string; url?: string }

/** Outputs and tasks are deleted after this long (wavespeed.ai/docs/what-are-predictions). */
const OUTPUT_DAYS = 7
const DAY_MS = 86_400_000

/** Sync mode gave up waiting; the task goes on (wavespeed.ai/docs/sync-mode, and the official clients). */
const SYNC_TIMED_OUT = 5004
/** Words of gateways, even where they stand in the envelope: the task may have been taken. */
const SAYS_NOTHING = new Set([408, 409, 499, 502, 504, SYNC_TIMED_OUT])

/** The task of an envelope, or the bare one of a delivery or an old answer. */
export function taskOf(json: unknown): unknown {
  const data = at(json, 'data')
  if (typeof data === 'object' && data !== null) return data
  // Without an envelope only what has both is a task: an error may have an id, or a status, of its own.
  return textAt(json, 'status') === undefined || textAt(json, 'id') === undefined ? undefined : json
}

/** The name of a task, and where to ask for it; undefined where it has none. */
export function operationOf(task: unknown): Operation | undefined {
  const id = textAt(task, 'id')
  if (id === undefined || id.length > 200) return undefined
  const url = textAt(task, 'urls', 'get')
  return url === undefined || url.length > 1000 ? { id } : { id, url }
}

/** Throws where the answer does not say whether the task was taken. */
export function readSubmitted(answer: Answer): Submitted {
  const { status, json } = answer
  if (status >= 400 && status < 500 && !SAYS_NOTHING.has(status)) return refusalOf(answer)
  const operation = operationOf(taskOf(json))
  // Whatever else the answer says: a task that has a name exists, and can be asked for.
  if (operation) return accepted(json, operation)
  const code = codeOf(json)
  const isRefused = status >= 200 && status < 300 && code !== undefined && code !== 200 && !SAYS_NOTHING.has(code)
  if (isRefused) return refusalOf(answer)
  throw new Error(`WaveSpeed answered ${status}, and not whether it took the task`)
}

function accepted(json: unknown, operation: Operation): Submitted {
  const task = taskOf(json)
  if (textAt(task, 'status') !== 'completed' || isSyncTimeout(json)) return { status: 'running', operation }
  const outputs = outputsOf(task).map(({ base64, ...output }): FreshOutput =>
    base64 === undefined ? output : { ...output, bytes: fromBase64(base64) },
  )
  return outputs.length > 0 ? { status: 'done', outputs, operation } : { status: 'running', operation }
}

/** Throws where the answer says nothing about this task. */
export function readProgress({ status, json }: Answer, { id }: Operation): Progress {
  const task = taskOf(json)
  const word = textAt(task, 'status')
  if (status < 200 || status >= 300 || word === undefined) throw new Error(`WaveSpeed answered a look with ${status}`)
  if ((textAt(task, 'id') ?? id) !== id) throw new Error('WaveSpeed answered about another task')
  if (isSyncTimeout(json)) return { status: 'running', stage: 'running' }
  switch (word) {
    case 'completed':
      return { status: 'done', outputs: outputsOf(task).map(toOutput) }
    case 'failed':
      return failed(task)
    case 'timeout':
      return { status: 'failed', kind: 'provider_error', paid: 'unknown', message: messageOfTask(task, word) }
    case 'cancelled':
    case 'deleted':
      return { status: 'failed', kind: 'canceled', paid: 'unknown', message: messageOfTask(task, word) }
    case 'created':
    case 'pending':
    case 'queued':
      return { status: 'running', stage: 'queued' }
    default:
      // A word that we do not know ends nothing.
      return { status: 'running', stage: 'running' }
  }
}

/** Failed tasks are refunded within three hours (wavespeed.ai/docs/troubleshooting-guide); of other ends nothing is said. */
function failed(task: unknown): Progress {
  const message = messageOfTask(task, 'failed')
  return { status: 'failed', kind: kindOfFailure(message), paid: 'no', message }
}

function messageOfTask(task: unknown, word: string): string {
  return `${word}: ${messageOf(task)}`.slice(0, 500)
}

function isSyncTimeout(json: unknown): boolean {
  const task = taskOf(json)
  if (textAt(task, 'status') === 'completed') return false
  const isSaid = messageOf(task).includes('Sync mode timed out') && !ENDS.has(textAt(task, 'status') ?? '')
  return isSaid || codeOf(task) === SYNC_TIMED_OUT || codeOf(json) === SYNC_TIMED_OUT
}

const ENDS = new Set(['failed', 'cancelled', 'timeout', 'deleted'])

type FoundOutput = Output & { base64?: string }

/** Every entry counts, also one that is no file: its place decides which picture is missing. */
function outputsOf(task: unknown): FoundOutput[] {
  const outputs = at(task, 'outputs')
  const entries = typeof outputs === 'string' ? [outputs] : listAt(task, 'outputs')
  const flags = at(task, 'has_nsfw_contents')
  const createdAt = Date.parse(textAt(task, 'created_at') ?? '')
  const expiry = Number.isFinite(createdAt) ? { expiresAt: createdAt + OUTPUT_DAYS * DAY_MS } : {}
  return entries.map((entry, index) => {
    const isFlagged = flags === true || (Array.isArray(flags) && flags[index] === true)
    return { ...fileOf(entry), ...(isFlagged ? { flagged: true } : {}), ...expiry }
  })
}

/** An address, naked base64, or neither: some models answer with text or with objects around an address. */
function fileOf(entry: unknown): FoundOutput {
  const text = typeof entry === 'string' ? entry : addressIn(entry)
  if (text === undefined) return {}
  if (/^https?:\/\//i.test(text)) return { url: text }
  const base64 = text.replace(/^data:[^,]*;base64,/, '')
  const contentType = contentTypeOf(base64)
  return contentType === undefined ? {} : { base64, contentType }
}

function addressIn(entry: unknown): string | undefined {
  for (const key of ['url', 'download_url', 'image', 'video', 'output']) {
    const found = textAt(entry, key) ?? textAt(entry, key, 'url')
    if (found !== undefined) return found
  }
  return undefined
}

/** How the files that we take begin, in base64. */
const BEGINNINGS: readonly (readonly [RegExp, string])[] = [
  [/^iVBORw0KGgo/, 'image/png'],
  [/^\/9j\//, 'image/jpeg'],
  [/^UklGR.{6}XRUJQ/, 'image/webp'],
  [/^R0lGOD/, 'image/gif'],
  [/^AAAA.{2}Z0eX/, 'video/mp4'],
]

function contentTypeOf(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 === 1) return undefined
  return BEGINNINGS.find(([pattern]) => pattern.test(base64))?.[1]
}

/** A look can only name where a file is: inline bytes are a `data:` address. */
function toOutput({ base64, ...output }: FoundOutput): Output {
  return base64 === undefined ? output : { ...output, url: `data:${output.contentType};base64,${base64}` }
}
