/** The rows behind jobs and attempts, and the few ways in which one becomes another. Rows are replaced, never changed. */
import type { Attempt, Job, JobState, NewJob } from '../contracts.ts'
import { type Clock, named } from './direct.ts'

export interface JobTable {
  now: Clock
  /** In the order they were made; never removed. */
  jobs: Map<string, Job>
  attempts: Map<string, Attempt>
  /** When the provider was done with an attempt, by its id. */
  ranUntil: Map<string, number>
  put: (job: Job) => Job
  findByKey: (userId: string, idempotencyKey: string) => Job | undefined
  /** After this the key may name another job: a request that was refused leaves it free. */
  freeKey: (job: Job) => void
  /** What creating this job would answer where it, or its key, is known already. */
  earlier: (job: NewJob) => { outcome: 'replayed'; job: Job } | { outcome: 'conflict' } | undefined
  insert: (job: NewJob, state: JobState) => Job
  /** The job as it is now, where nobody has moved it and it can still move. */
  unmoved: (job: Job) => Job | undefined
  moved: (job: Job, to: JobState, change: Partial<Job>, wakeInSeconds?: number) => Job
}

/** What belongs to one attempt and must not be taken for the next one's. */
export const FRESH = { operation: null, outputs: null, runUntil: null, troubles: null }
const EMPTY = { attempt: null, progress: null, failure: null, ending: null, refundedCredits: 0, finishedAt: null }
const FIRST = { version: 1, revision: 1 }

export function isEnded(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'canceled'
}

export function jobTable(now: Clock): JobTable {
  const jobs = new Map<string, Job>()
  const idsByKey = new Map<string, string>()
  const ranUntil = new Map<string, number>()

  const place = (userId: string, idempotencyKey: string) => JSON.stringify([userId, idempotencyKey])
  const findByKey = (userId: string, key: string) => jobs.get(idsByKey.get(place(userId, key)) ?? '')
  function put(job: Job): Job {
    jobs.set(job.id, job)
    return job
  }

  return {
    now,
    jobs,
    attempts: new Map(),
    ranUntil,
    put,
    findByKey,
    freeKey({ userId, idempotencyKey }) {
      if (idempotencyKey !== null) idsByKey.delete(place(userId, idempotencyKey))
    },
    earlier({ id, userId, idempotencyKey, requestHash }) {
      const job = jobs.get(id) ?? (idempotencyKey === null ? undefined : findByKey(userId, idempotencyKey))
      if (!job) return undefined
      const same = job.userId === userId && job.requestHash === requestHash
      return same ? { outcome: 'replayed', job } : { outcome: 'conflict' }
    },
    insert(job, state) {
      if (job.idempotencyKey !== null) idsByKey.set(place(job.userId, job.idempotencyKey), job.id)
      const at = now()
      return put({ ...job, ...EMPTY, ...FRESH, ...FIRST, media: [], state, createdAt: at, wakeAt: at })
    },
    unmoved({ id, state, version }) {
      const job = jobs.get(id)
      return job?.state === state && job.version === version && !isEnded(state) ? job : undefined
    },
    moved(job, to, change, wakeInSeconds) {
      if (job.state === 'running' && job.attempt) ranUntil.set(job.attempt.id, now())
      const counts = { version: job.version + 1, revision: job.revision + 1 }
      const wakeAt = wakeInSeconds === undefined ? job.wakeAt : now() + wakeInSeconds * 1000
      return put({ ...job, ...named(change), ...counts, state: to, wakeAt, finishedAt: isEnded(to) ? now() : null })
    },
  }
}
