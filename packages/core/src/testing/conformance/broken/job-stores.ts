import { randomUUID } from 'node:crypto'
import type { Job, JobStore } from '../../../contracts.ts'
import type { JobStoreHarness } from '../job-steps.ts'
import { type Broken, pause } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: JobStore) => Partial<JobStore>,
): Broken<JobStoreHarness> {
  return { name, caughtBy, breaks: harness => ({ ...harness, jobs: { ...harness.jobs, ...mistake(harness.jobs) } }) }
}

/** The job as it is, in place of the job as the caller knew it. */
async function present(good: JobStore, job: Job): Promise<Job> {
  return (await good.find(job.id)) ?? job
}

export const brokenJobStores: readonly Broken<JobStoreHarness>[] = [
  broken('compares the state alone', 'a job that went away and came back is not the same (ABA)', good => ({
    async move(job, to, patch) {
      const now = await present(good, job)
      return now.state === job.state ? good.move(now, to, patch) : null
    },
  })),

  broken('compares first and writes later', 'of 20 who move a job at once one does', good => ({
    async move(job, to, patch) {
      if ((await present(good, job)).version !== job.version) return null
      await pause()
      return good.move(await present(good, job), to, patch)
    },
  })),

  broken(
    'looks for the key first and inserts later',
    'of 20 at once under one key one is created and 19 are replayed',
    good => {
      const ids = new Map<string, string>()
      return {
        async create(job) {
          const key = job.idempotencyKey === null ? null : `${job.userId} ${job.idempotencyKey}`
          const known = key === null ? null : await good.find(ids.get(key) ?? randomUUID())
          if (known)
            return known.requestHash === job.requestHash ? { outcome: 'replayed', job: known } : { outcome: 'conflict' }
          await pause()
          if (key !== null) ids.set(key, job.id)
          return good.create({ ...job, idempotencyKey: null })
        },
      }
    },
  ),

  broken(
    'takes any job with this id for the same',
    "an id that is somebody else's, or another request's, is a conflict",
    good => ({
      async create(job) {
        const known = await good.find(job.id)
        return known ? { outcome: 'replayed', job: known } : good.create(job)
      },
    }),
  ),

  broken(
    'drops an answer that comes late',
    'an acceptance after the job went on is kept as late and moves nothing',
    good => ({
      async record(attemptId, answer) {
        const before = await good.record(attemptId, { outcome: 'unknown', wakeInSeconds: 0 })
        const waits = before.job.state === 'submitting' && before.job.attempt?.id === attemptId
        return waits ? good.record(attemptId, answer) : before
      },
    }),
  ),

  broken(
    'lets a late answer bring the job back',
    'an acceptance after the job went on is kept as late and moves nothing',
    good => ({
      async record(attemptId, answer) {
        const recorded = await good.record(attemptId, answer)
        if (recorded.attempt.outcome !== 'late') return recorded
        const job = await good.move(recorded.job, 'running')
        return job ? { ...recorded, moved: true, job } : recorded
      },
    }),
  ),

  broken(
    'forgets which attempt a job stands on',
    'an answer to an earlier attempt does not move a job that stands on another',
    good => ({
      async record(attemptId, answer) {
        const recorded = await good.record(attemptId, answer)
        const mistaken = recorded.attempt.outcome === 'late' && recorded.job.state === 'submitting'
        const job = mistaken ? await good.move(recorded.job, 'running') : null
        return job ? { ...recorded, moved: true, job } : recorded
      },
    }),
  ),

  broken(
    'believes a refusal of somebody who was too slow',
    'a refusal that names a version counts only while the job has it',
    good => ({
      record(attemptId, answer) {
        return good.record(attemptId, answer.outcome === 'refused' ? { ...answer, version: undefined! } : answer)
      },
    }),
  ),

  broken(
    'takes not knowing for an answer',
    'not knowing marks the attempt, leaves the job, and is replaced by what turns out',
    good => {
      const unknown = new Set<string>()
      return {
        async record(attemptId, answer) {
          if (unknown.has(attemptId)) return good.record(attemptId, { outcome: 'unknown', wakeInSeconds: 0 })
          if (answer.outcome === 'unknown') unknown.add(attemptId)
          return good.record(attemptId, answer)
        },
      }
    },
  ),

  broken(
    'writes the attempt before it looks at the job',
    'of 20 who begin at once one does, and one attempt is written',
    good => {
      const lost = new Map<string, string[]>()
      return {
        async begin(job, attempt, wakeInSeconds) {
          const begun = await good.begin(job, attempt, wakeInSeconds)
          if (!begun) lost.set(job.id, [...(lost.get(job.id) ?? []), attempt.id])
          return begun
        },
        async attempts(jobId) {
          const kept = await good.attempts(jobId)
          const orphans = (lost.get(jobId) ?? []).flatMap(id => kept.slice(0, 1).map(attempt => ({ ...attempt, id })))
          return [...kept, ...orphans]
        },
      }
    },
  ),

  broken('serves whoever waited longest', 'a user with a hundred jobs does not keep others waiting', good => ({
    async due({ limit, leaseSeconds }) {
      const waiting = await good.due({ limit: 1000, leaseSeconds: 0 })
      const chosen = waiting.toSorted((a, b) => a.wakeAt - b.wakeAt || a.createdAt - b.createdAt)
      const byUser = Map.groupBy(chosen, ({ userId }) => userId)
      const claimed = [...byUser.values()].flat().slice(0, limit)
      for (const job of claimed) await good.note(job, { wakeInSeconds: leaseSeconds })
      return claimed
    },
  })),

  broken('claims in two steps', 'of many who claim at once nobody gets a job that somebody else got', good => ({
    async due({ limit, leaseSeconds }) {
      const waiting = await good.due({ limit, leaseSeconds: 0 })
      await pause()
      for (const job of waiting) await good.note(job, { wakeInSeconds: leaseSeconds })
      return waiting
    },
  })),

  broken('lets news of an earlier state in', 'news of a job that has moved since are ignored', good => ({
    note: async (job, news) => good.note(await present(good, job), news),
  })),

  broken('moves what has ended', 'an end never changes', good => {
    const reopened = new Map<string, Job>()
    return {
      find: async id => reopened.get(id) ?? good.find(id),
      async move(job, to, patch) {
        const moved = await good.move(job, to, patch)
        if (!moved && job.finishedAt !== null) reopened.set(job.id, { ...job, state: to, version: job.version + 1 })
        return moved ?? reopened.get(job.id) ?? null
      },
    }
  }),

  broken('pages by counting', 'jobs that move between two pages hide none', good => ({
    async list({ cursor, ...query }) {
      const start = Number(cursor ?? 0)
      const { items } = await good.list({ ...query, limit: 1000 })
      const end = start + query.limit
      return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null }
    },
  })),

  broken(
    'needs a token only until it has an answer',
    'the tokens that jobs at a provider began with, each once',
    good => ({
      async tokensInUse(limit) {
        const { items } = await good.list({ states: ['submitting'], limit: 1000 })
        const inUse = new Map(items.map(({ attempt }) => [attempt!.token, attempt!]))
        return [...inUse.values()].slice(0, limit)
      },
    }),
  ),

  broken('hands out its own rows', 'what is handed out, and what was handed in, is a copy', good => {
    const rows = new Map<string, Job>()
    return {
      async find(id) {
        const job = await good.find(id)
        const row = rows.get(id)
        if (job && row?.version !== job.version) rows.set(id, job)
        return rows.get(id) ?? null
      },
    }
  }),
]
