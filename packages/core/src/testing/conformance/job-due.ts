/** Who is worked on next: what is due, nobody's job twice, and nobody waiting behind somebody else's hundred. */
import assert from 'node:assert/strict'
import type { Job, JobStore } from '../../contracts.ts'
import { accepted, begunJob, chargedJob, createdJob, mustMove, type JobChecks } from './job-steps.ts'
import { newJob } from './samples.ts'
import { together } from './suite.ts'

const DAY_SECONDS = 86_400
const ALL = 1000

/** Hides whatever other cases have left waiting. */
async function quiet(jobs: JobStore): Promise<void> {
  let claimed: Job[]
  do claimed = await jobs.due({ limit: ALL, leaseSeconds: DAY_SECONDS })
  while (claimed.length > 0)
}

const idsOf = (jobs: readonly Job[]) => jobs.map(({ id }) => id)

/** Claims everything, and answers what is this user's: with time, jobs of other cases wake up too. */
async function dueOf(jobs: JobStore, userId: string, leaseSeconds = DAY_SECONDS): Promise<string[]> {
  return idsOf((await jobs.due({ limit: ALL, leaseSeconds })).filter(job => job.userId === userId))
}

export const dueChecks: JobChecks = {
  async 'a new job is due, once: a claim hides it for the time of its lease'({ jobs, newUser, advance }) {
    const userId = await newUser()
    const job = await createdJob(jobs, newJob(userId))
    assert.deepEqual(await dueOf(jobs, userId, 30), [job.id])
    await advance(20)
    assert.deepEqual(await dueOf(jobs, userId, 30), [])
    await advance(11)
    assert.deepEqual(await dueOf(jobs, userId, 30), [job.id])
  },

  async 'a claim is no move: what was read before it still moves the job'({ jobs, newUser }) {
    const userId = await newUser()
    await quiet(jobs)
    const before = await createdJob(jobs, newJob(userId))
    const [claimed] = await jobs.due({ limit: 10, leaseSeconds: 30 })
    assert.deepEqual(claimed, before)
    const after = await jobs.find(before.id)
    assert(after && after.wakeAt > before.wakeAt)
    assert.deepEqual({ ...after, wakeAt: before.wakeAt }, before)
    await mustMove(jobs, before, 'charged')
  },

  async 'moves and notes say when a job is due again'({ jobs, newUser, advance }) {
    const userId = await newUser()
    const created = await createdJob(jobs, newJob(userId))
    const charged = await mustMove(jobs, created, 'charged', { wakeInSeconds: 60 })
    await advance(50)
    assert.deepEqual(await dueOf(jobs, userId), [])
    await advance(11)
    assert.deepEqual(await dueOf(jobs, userId), [created.id])
    const noted = await jobs.note(charged, { wakeInSeconds: 60 })
    assert(noted)
    await advance(50)
    assert.deepEqual(await dueOf(jobs, userId), [])
    await advance(11)
    assert.deepEqual(await dueOf(jobs, userId), [created.id])
    await mustMove(jobs, noted, 'refunding', { wakeInSeconds: 0 })
    assert.deepEqual(await dueOf(jobs, userId), [created.id])
  },

  async 'the lease of an attempt, and the wake of its answer, are kept'({ jobs, newUser, advance }) {
    const userId = await newUser()
    const { job, attempt } = await begunJob(jobs, userId)
    assert.deepEqual(await dueOf(jobs, userId), [])
    await jobs.record(attempt.id, { ...accepted('op'), wakeInSeconds: 20 })
    assert.deepEqual(await dueOf(jobs, userId), [])
    await advance(21)
    assert.deepEqual(await dueOf(jobs, userId), [job.id])
  },

  async 'every open state is due, an ended job never'({ jobs, newUser, advance }) {
    const userId = await newUser()
    const created = await createdJob(jobs, newJob(userId))
    const charged = await chargedJob(jobs, userId)
    const { job: submitting } = await begunJob(jobs, userId)
    const { job: running, attempt } = await begunJob(jobs, userId)
    await jobs.record(attempt.id, accepted('op'))
    const { job: storing, attempt: done } = await begunJob(jobs, userId)
    await jobs.record(done.id, accepted('op', { outputs: [{ url: 'https://files.example/0.png' }] }))
    const refunding = await mustMove(jobs, await chargedJob(jobs, userId), 'refunding')
    await mustMove(jobs, await mustMove(jobs, await chargedJob(jobs, userId), 'refunding'), 'failed')
    await advance(31)
    const open = [created, charged, submitting, running, storing, refunding]
    assert.deepEqual((await dueOf(jobs, userId)).toSorted(), idsOf(open).toSorted())
  },

  async 'users take turns, the longest waiting first'({ jobs, newUser, advance }) {
    const [many, few, one] = [await newUser(), await newUser(), await newUser()]
    const made: Record<string, string[]> = {}
    for (const userId of [many, many, many, many, few, few, one]) {
      const { id } = await createdJob(jobs, newJob(userId))
      ;(made[userId] ??= []).push(id)
      await advance(1)
    }
    const [ofMany = [], ofFew = [], ofOne = []] = [made[many], made[few], made[one]]
    const claimed = (await jobs.due({ limit: ALL, leaseSeconds: DAY_SECONDS })).filter(({ userId }) => userId in made)
    assert.deepEqual(idsOf(claimed), [ofMany[0], ofFew[0], ofOne[0], ofMany[1], ofFew[1], ofMany[2], ofMany[3]])
  },

  async 'who waits longest is who woke first, not who came first'({ jobs, newUser, advance }) {
    const users = [await newUser(), await newUser()]
    const waiting: string[] = []
    for (const [userId, wakes] of [
      [users[0]!, [40, 10]],
      [users[1]!, [30, 20]],
    ] as const) {
      // prettier-ignore
      for (const wakeInSeconds of wakes) {
        const job = await createdJob(jobs, newJob(userId))
        await jobs.note(job, { wakeInSeconds })
        waiting.push(job.id)
      }
    }
    await advance(60)
    const claimed = (await jobs.due({ limit: ALL, leaseSeconds: DAY_SECONDS })).filter(({ userId }) =>
      users.includes(userId),
    )
    assert.deepEqual(idsOf(claimed), [waiting[1], waiting[3], waiting[2], waiting[0]])
  },

  async 'a user with a hundred jobs does not keep others waiting'({ jobs, newUser }) {
    const [busy, ...others] = await together(4, () => newUser())
    await quiet(jobs)
    await together(100, () => createdJob(jobs, newJob(busy!)))
    const theirs = await Promise.all(others.map(userId => createdJob(jobs, newJob(userId))))
    const claimed = await jobs.due({ limit: 4, leaseSeconds: DAY_SECONDS })
    assert.equal(claimed.length, 4)
    assert.equal(claimed.filter(({ userId }) => userId === busy).length, 1)
    assert.deepEqual(idsOf(claimed).filter(id => idsOf(theirs).includes(id)).length, 3) // prettier-ignore
  },

  async 'a limit is kept, and what it leaves is due still'({ jobs, newUser }) {
    const userId = await newUser()
    await quiet(jobs)
    const made = await together(5, () => createdJob(jobs, newJob(userId)))
    const first = await jobs.due({ limit: 2, leaseSeconds: DAY_SECONDS })
    const rest = await jobs.due({ limit: ALL, leaseSeconds: DAY_SECONDS })
    assert.deepEqual([first.length, rest.length], [2, 3])
    assert.deepEqual(idsOf([...first, ...rest]).toSorted(), idsOf(made).toSorted())
  },

  async 'of many who claim at once nobody gets a job that somebody else got'({ jobs, newUser }) {
    const users = await together(3, () => newUser())
    await quiet(jobs)
    const made = await together(30, index => createdJob(jobs, newJob(users[index % 3]!)))
    const claims = await together(10, () => jobs.due({ limit: 5, leaseSeconds: DAY_SECONDS }))
    const rest = await jobs.due({ limit: ALL, leaseSeconds: DAY_SECONDS })
    const claimed = idsOf([...claims.flat(), ...rest])
    assert.equal(new Set(claimed).size, claimed.length, 'a job was claimed twice')
    assert.deepEqual(claimed.toSorted(), idsOf(made).toSorted())
  },

  async 'news of a look are kept without a move; only progress that changed counts'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const { job: running } = await jobs.record(attempt.id, accepted('first'))
    const progress = { fraction: 0.5, stage: 'drawing', queuePosition: null, preview: 'data:,x' }
    const first = await jobs.note(running, { progress, wakeInSeconds: 5 })
    assert(first)
    assert.deepEqual(first, { ...running, progress, revision: running.revision + 1, wakeAt: first.wakeAt })
    const same = await jobs.note(running, {
      progress: { ...progress },
      troubles: { count: 1, since: 77 },
      wakeInSeconds: 5,
    })
    assert.deepEqual(same, { ...first, troubles: { count: 1, since: 77 }, wakeAt: same?.wakeAt })
    const calm = await jobs.note(running, { troubles: null, operation: { fresh: true }, wakeInSeconds: 5 })
    assert.deepEqual(calm, { ...first, troubles: null, operation: { fresh: true }, wakeAt: calm?.wakeAt })
    const further = await jobs.note(running, { progress: { ...progress, fraction: 0.75 }, wakeInSeconds: 5 })
    assert.equal(further?.revision, first.revision + 1)
    assert.deepEqual(await jobs.find(job.id), further)
  },

  async 'news of a job that has moved since are ignored'({ jobs, newUser }) {
    const { attempt } = await begunJob(jobs, await newUser())
    const { job: running } = await jobs.record(attempt.id, accepted('op'))
    const refunding = await mustMove(jobs, running, 'refunding')
    const progress = { fraction: 0.9, stage: 'drawing', queuePosition: null }
    assert.equal(await jobs.note(running, { progress, operation: 'stale', wakeInSeconds: 500 }), null)
    assert.deepEqual(await jobs.find(running.id), refunding)
  },
}
