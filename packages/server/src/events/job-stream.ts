/**
 * Changes of jobs as server-sent events. What happens in this process is heard at once; the database is read again every
 * second, since another server may be the one that moves the job.
 */
import type { Job } from '@safelight/core'
import { isOver, publicState } from '../shapes/jobs.ts'
import type { Told } from './hub.ts'

const POLL_MS = 1000
const HEARTBEAT_MS = 15_000
/** A change of progress alone waits until the one before is this old. */
const PROGRESS_MS = 1000
/** Jobs a stream remembers having told of. */
const TOLD_MAX = 300

export interface JobStream {
  /** What the reader already knows. Kept up to date. */
  told: Told
  /** Reads from the database everything this stream is about. */
  read(told: Told): Promise<Job[]>
  listen(listener: (job: Job) => void): () => void
  /** The event's id and data. */
  event(job: Job): Promise<{ id: string; data: string }>
  /** Whether nothing can follow this job's event. */
  endsWith(job: Job): boolean
  signal: AbortSignal
  now?: () => number
}

/** Lines of an event stream, until the signal, or the job that ends it. Stops listening when it ends. */
export async function* jobEvents(stream: JobStream): AsyncGenerator<string, void, undefined> {
  const { told, signal, now = Date.now } = stream
  const fresh = new Map<string, Job>()
  const lastSent = new Map<string, { state: string; at: number }>()
  const bell = createBell(signal)
  const take = (job: Job) => {
    const known = Math.max(told.get(job.id) ?? -1, fresh.get(job.id)?.revision ?? -1)
    if (job.revision > known) fresh.set(job.id, job)
  }
  const stop = stream.listen(job => {
    take(job)
    bell.ring()
  })
  const dueAt = (job: Job) => {
    const last = lastSent.get(job.id)
    return !last || last.state !== publicState(job) ? 0 : last.at + PROGRESS_MS
  }
  let readAt = 0
  let spokeAt = now()
  try {
    while (!signal.aborted) {
      if (now() >= readAt) {
        for (const job of await stream.read(told)) take(job)
        readAt = now() + POLL_MS
      }
      for (const job of [...fresh.values()].filter(waiting => dueAt(waiting) <= now())) {
        fresh.delete(job.id)
        remember(told, job)
        lastSent.set(job.id, { state: publicState(job), at: now() })
        if (isOver(job)) lastSent.delete(job.id)
        const { id, data } = await stream.event(job)
        spokeAt = now()
        yield `event: job\nid: ${id}\ndata: ${data}\n\n`
        if (signal.aborted || stream.endsWith(job)) return
      }
      if (now() - spokeAt >= HEARTBEAT_MS) {
        spokeAt = now()
        yield ': still here\n\n'
      }
      const next = Math.min(readAt, spokeAt + HEARTBEAT_MS, ...[...fresh.values()].map(dueAt))
      await bell.wait(Math.max(0, next - now()))
    }
  } finally {
    stop()
  }
}

function remember(told: Told, job: Job): void {
  told.delete(job.id)
  told.set(job.id, job.revision)
  const oldest = told.keys().next()
  if (told.size > TOLD_MAX && !oldest.done) told.delete(oldest.value)
}

/** Rings at most once per wait; a ring that nobody waited for is not lost. */
function createBell(signal: AbortSignal) {
  let rung = false
  let wake: () => void = () => undefined
  const ring = () => {
    rung = true
    wake()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    async wait(ms: number) {
      if (!rung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        const timer = setTimeout(resolve, ms)
        await promise
        clearTimeout(timer)
      }
      rung = false
    },
  }
}
