/**
 * Making jobs, and knowing how far they are. What matters is on the shelf: when a job was begun, its outputs, and a last
 * record that it is done. A process that dies loses only work in progress, and whoever looks next begins that again; the
 * same order gives the same bytes.
 */
import type { FailureKind } from '@safelight/core'
import { claimJob } from './claims.ts'
import type { Order } from './order.ts'
import { DrawingFailed, TaskCanceled } from './pool.ts'
import type { Pool, Task } from './pool.ts'
import { readRecord, writeRecord } from './shelf.ts'
import type { Shelf } from './shelf.ts'

/** How a job stands. */
export type Standing =
  | { status: 'queued'; position: number }
  | { status: 'making'; startedAt: number; /** Of the work, 0..1. */ fraction: number; previews: string[] }
  /** Another process on the same shelf is at it. */
  | { status: 'elsewhere' }
  | ({ status: 'done' } & DoneRecord)
  | ({ status: 'failed' } & FailedRecord)
  | { status: 'canceled' }

export interface DoneRecord {
  startedAt: number
  /** Content types of the outputs, by index. */
  outputs: string[]
  previews: string[]
}
export interface FailedRecord {
  kind: FailureKind
  message: string
}

export interface Workshop {
  /** Where a job stands, after beginning (or beginning again) what nobody is making. Never waits for the work. */
  stand(jobId: string, order: Order): Promise<Standing>
  cancel(jobId: string): Promise<void>
}

/** A job in the hands of this process. */
interface Making {
  startedAt: number | null
  tasks: Task[]
  fractions: number[]
  previews: string[]
  /** Why the work could not be kept, as on a full disk. */
  trouble: unknown
  isStopped: boolean
}

/** A workshop whose jobs lie on `shelf` and are drawn by `pool`. */
export function createWorkshop(shelf: Shelf, pool: Pool): Workshop {
  const makings = new Map<string, Making>()

  async function begin(jobId: string, order: Order): Promise<Standing> {
    const making: Making = { startedAt: null, tasks: [], fractions: [], previews: [], trouble: null, isStopped: false }
    makings.set(jobId, making)
    try {
      const claim = await claimJob(shelf, jobId)
      if (!claim) {
        makings.delete(jobId)
        return { status: 'elsewhere' }
      }
      // it may have been finished between the question and the claim
      const done = await readRecord<DoneRecord>(shelf, jobId, 'done')
      if (done) {
        claim.release()
        makings.delete(jobId)
        return { status: 'done', ...done }
      }
      making.startedAt = (await readRecord<{ at: number }>(shelf, jobId, 'started'))?.at ?? null
      const input = await shelf.read(jobId, 'input')
      void make({ shelf, pool, jobId, order, input, making })
        .then(() => makings.delete(jobId))
        .catch((error: unknown) => (making.trouble = error))
        .finally(() => claim.release())
      return standingOf(making)
    } catch (error) {
      makings.delete(jobId)
      throw error
    }
  }

  return {
    async stand(jobId, order) {
      if (await shelf.read(jobId, 'canceled.json')) {
        stop(makings.get(jobId))
        return { status: 'canceled' }
      }
      const making = makings.get(jobId)
      if (making?.trouble) {
        makings.delete(jobId)
        throw making.trouble
      }
      if (making) return standingOf(making)
      const done = await readRecord<DoneRecord>(shelf, jobId, 'done')
      if (done) return { status: 'done', ...done }
      const failed = await readRecord<FailedRecord>(shelf, jobId, 'failed')
      if (failed) return { status: 'failed', ...failed }
      // another look may have begun it while this one read
      const begun = makings.get(jobId)
      return begun ? standingOf(begun) : begin(jobId, order)
    },

    async cancel(jobId) {
      await writeRecord(shelf, jobId, 'canceled', { at: Date.now() })
      stop(makings.get(jobId))
    },
  }
}

function stop(making: Making | undefined): void {
  if (!making) return
  making.isStopped = true
  for (const task of making.tasks) task.cancel()
}

function standingOf(making: Making): Standing {
  const positions = making.tasks.map(task => task.position())
  const position = positions[0]
  if (position && positions.every(other => other !== null)) return { status: 'queued', position }
  const total = making.fractions.reduce((sum, fraction) => sum + fraction, 0)
  return {
    status: 'making',
    startedAt: making.startedAt ?? Date.now(),
    fraction: making.fractions.length === 0 ? 0 : total / making.fractions.length,
    previews: making.previews,
  }
}

interface Work {
  shelf: Shelf
  pool: Pool
  jobId: string
  order: Order
  input: Uint8Array | null
  making: Making
}

/** Draws every output, keeps each as it comes, and then says that all are there. */
async function make(work: Work): Promise<void> {
  const { shelf, jobId, order, making } = work
  if (making.isStopped) return
  const lacksInput = order.kind === 'edit' && work.input === null
  if (lacksInput) return fail(work, { kind: 'provider_error', message: 'The picture to change is no longer here.' })
  try {
    const outputs = await Promise.all(Array.from({ length: order.count }, (_, index) => makeOutput(work, index)))
    if (making.isStopped) return
    const startedAt = making.startedAt ?? Date.now()
    await writeRecord(shelf, jobId, 'done', { startedAt, outputs, previews: making.previews } satisfies DoneRecord)
  } catch (error) {
    for (const task of making.tasks) task.cancel()
    if (error instanceof TaskCanceled) return
    // a worker that died says nothing about the job: the next look begins it again
    if (!(error instanceof DrawingFailed)) throw error
    await fail(work, { kind: error.isInput ? 'invalid_input' : 'provider_error', message: error.message })
  }
}

async function fail({ shelf, jobId }: Work, failed: FailedRecord): Promise<void> {
  await writeRecord(shelf, jobId, 'failed', failed)
}

/** Draws one output and keeps it; answers its content type. */
async function makeOutput(work: Work, index: number): Promise<string> {
  const { shelf, pool, jobId, order, making } = work
  const { kind, subject, width, height, style, durationSeconds } = order
  making.fractions[index] = 0
  const seed = String(order.seed + BigInt(index))
  const task = pool.draw(
    { kind, subject, seed, width, height, style, durationSeconds, input: work.input },
    {
      onStart: () => noteStart(work),
      onProgress: fraction => (making.fractions[index] = fraction),
      onPreviews(previews) {
        if (index === 0) making.previews = previews
      },
    },
  )
  making.tasks.push(task)
  const { bytes, contentType } = await task.result
  making.fractions[index] = 1
  await shelf.write(jobId, String(index), bytes)
  return contentType
}

function noteStart({ shelf, jobId, making }: Work): void {
  if (making.startedAt !== null) return
  making.startedAt = Date.now()
  writeRecord(shelf, jobId, 'started', { at: making.startedAt }).catch((error: unknown) => (making.trouble = error))
}
