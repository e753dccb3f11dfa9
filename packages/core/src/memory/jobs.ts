/** The job store: how jobs are made, found, moved and claimed. What happens to their attempts is in `attempts.ts`. */
import type { Job, JobProgress, JobState, JobStore } from '../contracts.ts'
import { memoryAttempts } from './attempts.ts'
import { type Direct, page } from './direct.ts'
import { isEnded, type JobTable } from './job-table.ts'

/** What a job in these states waits for can only be had with the token it began with. */
const AT_PROVIDER: ReadonlySet<JobState> = new Set<JobState>(['submitting', 'running', 'storing'])

export function memoryJobs(table: JobTable): Direct<JobStore> {
  const { now, jobs, put, findByKey, earlier, insert, unmoved, moved } = table
  return {
    ...memoryAttempts(table),
    create: job => earlier(job) ?? { outcome: 'created', job: insert(job, 'created') },
    find: id => jobs.get(id) ?? null,
    findByKey: (userId, idempotencyKey) => findByKey(userId, idempotencyKey) ?? null,
    move(from, to, { wakeInSeconds, ...patch } = {}) {
      const job = unmoved(from)
      if (!job) return null
      if (patch.idempotencyKey === null) table.freeKey(job)
      return moved(job, to, patch, wakeInSeconds)
    },
    note(from, { wakeInSeconds, ...news }) {
      const job = unmoved(from)
      if (!job) return null
      const { progress = job.progress, troubles = job.troubles, operation = job.operation } = news
      const changed = contentOf(progress) !== contentOf(job.progress)
      const revision = job.revision + (changed ? 1 : 0)
      return put({ ...job, progress, troubles, operation, revision, wakeAt: now() + wakeInSeconds * 1000 })
    },
    due({ limit, leaseSeconds }) {
      const at = now()
      const waiting = [...jobs.values()].filter(job => !isEnded(job.state) && job.wakeAt <= at)
      const byUser = Map.groupBy(waiting.toSorted(byWake), job => job.userId).values()
      const inTurn = [...byUser].flatMap(mine => mine.map((job, turn) => ({ job, turn })))
      const claimed = inTurn.toSorted((a, b) => a.turn - b.turn || byWake(a.job, b.job)).slice(0, limit)
      for (const { job } of claimed) put({ ...job, wakeAt: at + leaseSeconds * 1000 })
      return claimed.map(({ job }) => job)
    },
    list({ userId, kind, states, ...query }) {
      const matches = (job: Job) =>
        (userId === undefined || job.userId === userId) &&
        (kind === undefined || job.kind === kind) &&
        (states === undefined || states.includes(job.state))
      return page(jobs.values(), query, matches)
    },
    tokensInUse(limit) {
      const inUse = new Map<string, { provider: string; token: string }>()
      for (const { state, attempt } of jobs.values()) {
        if (!attempt || !AT_PROVIDER.has(state)) continue
        const { provider, token } = attempt
        inUse.set(JSON.stringify([provider, token]), { provider, token })
        if (inUse.size === limit) break
      }
      return [...inUse.values()]
    },
    durations(model, limit) {
      const succeeded = [...jobs.values()].filter(job => job.model === model && job.state === 'succeeded')
      const newestFirst = succeeded.toSorted((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0))
      return newestFirst.slice(0, limit).map(job => ((job.finishedAt ?? job.createdAt) - job.createdAt) / 1000)
    },
    runtimes({ model, endpoint, duration, limit }) {
      const isAlike = (job: Job) =>
        job.model === model && job.attempt?.endpoint === endpoint && (job.input.duration ?? null) === duration
      const succeeded = [...jobs.values()].filter(job => job.state === 'succeeded' && isAlike(job))
      const newestFirst = succeeded.toSorted((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0))
      return newestFirst.slice(0, limit).flatMap(job => {
        const { acceptedAt = null, id = '' } = job.attempt ?? {}
        const ranUntil = table.ranUntil.get(id)
        return acceptedAt === null || ranUntil === undefined ? [] : [(ranUntil - acceptedAt) / 1000]
      })
    },
  }
}

/** The same for the same content, in whatever order it was written. */
function contentOf(progress: JobProgress | null): string {
  return JSON.stringify(Object.entries(progress ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function byWake(a: Job, b: Job): number {
  return a.wakeAt - b.wakeAt
}
