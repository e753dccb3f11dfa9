/** Nobody acts on a job as it used to be. */
import assert from 'node:assert/strict'
import type { Job, JobState, JobStore } from '../../contracts.ts'
import { accepted, begunJob, chargedJob, createdJob, mustMove, REFUSED, tryTo, type JobChecks } from './job-steps.ts'
import { property } from './random.ts'
import { newAttempt, newJob } from './samples.ts'
import type { PropertyOptions } from './suite.ts'

export function staleChecks(options: PropertyOptions): JobChecks {
  return {
    async 'a move from an old version is lost and changes nothing'({ jobs, newUser }) {
      const created = await createdJob(jobs, newJob(await newUser()))
      const charged = await mustMove(jobs, created, 'charged')
      assert.equal(await jobs.move(created, 'refunding', { ending: 'failed' }), null)
      assert.deepEqual(await jobs.find(created.id), charged)
    },

    async 'a move of a job that is not there is lost'({ jobs, newUser }) {
      const job = await createdJob(jobs, newJob(await newUser()))
      assert.equal(await jobs.move({ ...job, id: newJob(job.userId).id }, 'charged'), null)
    },

    async 'the version alone is not enough: the state counts too'({ jobs, newUser }) {
      const charged = await chargedJob(jobs, await newUser())
      assert.equal(await jobs.move({ ...charged, state: 'created' }, 'refunding'), null)
      assert.deepEqual(await jobs.find(charged.id), charged)
    },

    async 'a job that went away and came back is not the same (ABA)'({ jobs, newUser }) {
      const first = await chargedJob(jobs, await newUser())
      const attempt = newAttempt()
      await jobs.begin(first, attempt, 30)
      const { job: again } = await jobs.record(attempt.id, REFUSED)
      assert.equal(again.state, first.state)
      assert.equal(await jobs.move(first, 'refunding'), null)
      assert.equal(await jobs.begin(first, newAttempt({ number: 2 }), 30), null)
      assert.equal(await jobs.note(first, { wakeInSeconds: 0, operation: 'stale' }), null)
      assert.deepEqual(await jobs.find(first.id), again)
      assert.equal((await jobs.attempts(first.id)).length, 1)
    },

    async 'an end never changes'({ jobs, newUser }) {
      for (const ending of ['failed', 'canceled', 'succeeded'] as const) {
        const { job, attempt } = await begunJob(jobs, await newUser())
        const outputs = [{ url: 'https://files.example/0.png' }]
        if (ending === 'succeeded') await jobs.record(attempt.id, accepted('op', { outputs }))
        else await mustMove(jobs, job, 'refunding')
        const before = await jobs.find(job.id)
        assert(before)
        const ended = await mustMove(jobs, before, ending)
        const progress = { fraction: 1, stage: 'x', queuePosition: null }
        for (const to of ['refunding', 'charged', 'failed', 'succeeded'] as const) {
          assert.equal(await tryTo(jobs.move(ended, to)), null)
        }
        assert.equal(await tryTo(jobs.note(ended, { wakeInSeconds: 0, progress })), null)
        assert.equal(await tryTo(jobs.begin(ended, newAttempt(), 30)), null)
        assert.deepEqual(await jobs.find(ended.id), ended)
      }
    },

    async 'random walks of many hands, fresh and stale: only what starts from the present lands'({ jobs, newUser }) {
      const userId = await newUser()
      await property(options, async random => {
        let present = await chargedJob(jobs, userId)
        const seen: [Job, ...Job[]] = [present]
        for (let step = 0; step < 25; step++) {
          const from = random.chance(0.5) ? present : random.pick(seen)
          const next = await act(jobs, from, random.pick(['next', 'next', 'note', 'refuse']))
          const fresh = from.version === present.version && !ENDED.has(present.state)
          assert.equal(next !== null, fresh, `from version ${from.version} (${from.state}) at ${present.version}`)
          if (next) present = next
          if (next) seen.push(next)
          assert.deepEqual(await jobs.find(present.id), present)
        }
      })
    },
  }
}

const ENDED: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'canceled'])
const FORWARD = {
  created: 'charged',
  submitting: 'running',
  running: 'storing',
  storing: 'succeeded',
  refunding: 'failed',
  succeeded: 'refunding',
  failed: 'refunding',
  canceled: 'refunding',
} as const satisfies Record<Exclude<JobState, 'charged'>, JobState>

/** One step along the state table, or one beyond its end. */
function act(jobs: JobStore, job: Job, wish: 'next' | 'note' | 'refuse'): Promise<Job | null> {
  if (wish === 'note') return tryTo(jobs.note(job, { wakeInSeconds: 0, operation: { looked: job.version } }))
  if (job.state === 'charged' && wish === 'next') return jobs.begin(job, newAttempt(), 30)
  const next =
    job.state === 'charged' || (wish === 'refuse' && !ENDED.has(job.state)) ? 'refunding' : FORWARD[job.state]
  return next === 'refunding' && job.state === 'refunding' ? jobs.move(job, 'failed') : tryTo(jobs.move(job, next))
}
