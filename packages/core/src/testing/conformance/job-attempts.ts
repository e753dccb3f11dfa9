/** Hand-overs: written before the call, answered once, and never lost, however late. */
import assert from 'node:assert/strict'
import { accepted, begunJob, chargedJob, createdJob, mustMove, REFUSED, UNKNOWN, type JobChecks } from './job-steps.ts'
import { newAttempt, newJob } from './samples.ts'
import { tally, together } from './suite.ts'

const beginChecks: JobChecks = {
  async 'an attempt is written with the move to `submitting`'({ jobs, newUser }) {
    const charged = await chargedJob(jobs, await newUser())
    const attempt = newAttempt({ endpoint: 'vendor/model/v1.1', number: 1 })
    const job = await jobs.begin(charged, attempt, 30)
    const { account: _account, lane: _lane, ...shown } = attempt
    assert(job?.attempt)
    assert.equal(job.state, 'submitting')
    assert.equal(job.version, charged.version + 1)
    assert.equal(job.revision, charged.revision + 1)
    assert(job.attempt.startedAt >= job.createdAt)
    assert.deepEqual(job.attempt, { ...shown, startedAt: job.attempt.startedAt, acceptedAt: null })
    const written = { jobId: job.id, outcome: 'open', operation: null, refusal: null, cancelAskedAt: null }
    assert.deepEqual(await jobs.attempts(job.id), [{ ...job.attempt, ...written }])
    assert.deepEqual(await jobs.find(job.id), job)
  },

  async 'an attempt begins only from `charged`'({ jobs, newUser }) {
    const created = await createdJob(jobs, newJob(await newUser()))
    assert.equal(await jobs.begin(created, newAttempt(), 30), null)
    const { job: submitting } = await begunJob(jobs, created.userId)
    assert.equal(await jobs.begin(submitting, newAttempt({ number: 2 }), 30), null)
    const { job: running, attempt } = await begunJob(jobs, created.userId)
    const answered = await jobs.record(attempt.id, accepted('op'))
    assert.equal(await jobs.begin(answered.job, newAttempt({ number: 2 }), 30), null)
    assert.equal((await jobs.attempts(created.id)).length, 0)
    assert.equal((await jobs.attempts(submitting.id)).length, 1)
    assert.equal((await jobs.attempts(running.id)).length, 1)
  },

  async 'of 20 who begin at once one does, and one attempt is written'({ jobs, newUser }) {
    const charged = await chargedJob(jobs, await newUser())
    const begun = await together(20, () => jobs.begin(charged, newAttempt(), 30))
    const winners = begun.filter(each => each !== null)
    assert.equal(winners.length, 1)
    const attempts = await jobs.attempts(charged.id)
    assert.deepEqual(
      attempts.map(({ id }) => id),
      [winners[0]?.attempt?.id],
    )
  },

  async 'a new attempt does not inherit what the one before was told'({ jobs, newUser }) {
    const { attempt } = await begunJob(jobs, await newUser())
    const { job: running } = await jobs.record(attempt.id, accepted('first'))
    const charged = await mustMove(jobs, running, 'charged')
    const job = await jobs.begin(charged, newAttempt({ number: 2 }), 30)
    assert(job)
    assert.deepEqual([job.operation, job.outputs, job.runUntil, job.troubles], [null, null, null, null])
  },

  async 'attempts are listed oldest first, and only those of the job'({ jobs, newUser }) {
    const { job, attempt: first } = await begunJob(jobs, await newUser())
    await begunJob(jobs, job.userId)
    const { job: charged } = await jobs.record(first.id, REFUSED)
    const second = newAttempt({ number: 2 })
    await jobs.begin(charged, second, 30)
    const attempts = await jobs.attempts(job.id)
    assert.deepEqual(attempts.map(({ id, number }) => [id, number]), [[first.id, 1], [second.id, 2]]) // prettier-ignore
  },
}

const answerChecks: JobChecks = {
  async 'an acceptance moves the job to `running`'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const answer = accepted('operation-1')
    const recorded = await jobs.record(attempt.id, answer)
    assert.equal(recorded.moved, true)
    assert.equal(recorded.job.state, 'running')
    assert.equal(recorded.job.version, job.version + 1)
    assert.equal(recorded.job.revision, job.revision + 1)
    assert.equal(recorded.job.operation, 'operation-1')
    assert.equal(recorded.job.outputs, null)
    assert.equal(recorded.job.runUntil, 'runUntil' in answer && answer.runUntil)
    assert.equal(recorded.attempt.outcome, 'accepted')
    assert.equal(recorded.attempt.operation, 'operation-1')
    assert(recorded.attempt.acceptedAt !== null && recorded.attempt.acceptedAt >= recorded.attempt.startedAt)
    assert.equal(recorded.job.attempt?.acceptedAt, recorded.attempt.acceptedAt)
    assert.deepEqual(await jobs.find(job.id), recorded.job)
    assert.deepEqual(await jobs.attempts(job.id), [recorded.attempt])
  },

  async 'an acceptance that brings outputs moves the job to `storing`'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const outputs = [{ url: 'https://files.example/0.png' }]
    const recorded = await jobs.record(attempt.id, accepted('op', { outputs }))
    assert.equal(recorded.moved, true)
    assert.equal(recorded.job.state, 'storing')
    assert.deepEqual((await jobs.find(job.id))?.outputs, outputs)
  },

  async 'a refusal moves the job back to `charged`'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const recorded = await jobs.record(attempt.id, REFUSED)
    assert.equal(recorded.moved, true)
    assert.equal(recorded.job.state, 'charged')
    assert.equal(recorded.job.version, job.version + 1)
    assert.equal(recorded.attempt.outcome, 'refused')
    assert.deepEqual(recorded.attempt.refusal, REFUSED.refusal)
    assert.deepEqual(await jobs.find(job.id), recorded.job)
  },

  async 'a refusal that names a version counts only while the job has it'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const asking = await mustMove(jobs, job, 'submitting')
    const stale = await jobs.record(attempt.id, { ...REFUSED, version: job.version })
    assert.deepEqual([stale.moved, stale.job, stale.attempt.outcome], [false, asking, 'open'])
    const taken = await jobs.record(attempt.id, accepted('taken by then'))
    assert.deepEqual([taken.moved, taken.job.state], [true, 'running'])
    const { job: other, attempt: another } = await begunJob(jobs, await newUser())
    const refused = await jobs.record(another.id, { ...REFUSED, version: other.version })
    assert.deepEqual([refused.moved, refused.job.state, refused.attempt.outcome], [true, 'charged', 'refused'])
  },

  async 'not knowing marks the attempt, leaves the job, and is replaced by what turns out'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const unknown = await jobs.record(attempt.id, UNKNOWN)
    assert.deepEqual([unknown.moved, unknown.job.state, unknown.job.version], [false, 'submitting', job.version])
    assert.equal(unknown.attempt.outcome, 'unknown')
    const adopted = await jobs.record(attempt.id, accepted('found by a webhook'))
    assert.deepEqual([adopted.moved, adopted.job.state, adopted.attempt.outcome], [true, 'running', 'accepted'])
    const doubt = await jobs.record(attempt.id, UNKNOWN)
    assert.deepEqual([doubt.moved, doubt.job.state, doubt.attempt.outcome], [false, 'running', 'accepted'])
  },

  async 'an acceptance after the job went on is kept as late and moves nothing'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    await jobs.record(attempt.id, UNKNOWN)
    const refunding = await mustMove(jobs, job, 'refunding', { ending: 'canceled' })
    const recorded = await jobs.record(attempt.id, accepted('paid for nothing'))
    assert.equal(recorded.moved, false)
    assert.deepEqual(recorded.job, refunding)
    assert.deepEqual([recorded.attempt.outcome, recorded.attempt.operation], ['late', 'paid for nothing'])
    assert.deepEqual(await jobs.find(job.id), refunding)
    assert.deepEqual(await jobs.attempts(job.id), [recorded.attempt])
  },

  async 'an answer after the end of the job is kept too'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const ended = await mustMove(jobs, await mustMove(jobs, job, 'refunding'), 'failed')
    const recorded = await jobs.record(attempt.id, accepted('too late'))
    assert.deepEqual([recorded.moved, recorded.attempt.outcome], [false, 'late'])
    assert.deepEqual(await jobs.find(job.id), ended)
  },

  async 'a refusal after the job went on is kept and moves nothing'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const refunding = await mustMove(jobs, job, 'refunding')
    const recorded = await jobs.record(attempt.id, REFUSED)
    assert.deepEqual([recorded.moved, recorded.attempt.outcome], [false, 'refused'])
    assert.deepEqual(recorded.attempt.refusal, REFUSED.refusal)
    assert.deepEqual(await jobs.find(job.id), refunding)
  },

  async 'an answer to an earlier attempt does not move a job that stands on another'({ jobs, newUser }) {
    const { job, attempt: first } = await begunJob(jobs, await newUser())
    const charged = await mustMove(jobs, job, 'charged')
    const second = await jobs.begin(charged, newAttempt({ number: 2 }), 30)
    const recorded = await jobs.record(first.id, accepted('of the first'))
    assert.deepEqual([recorded.moved, recorded.attempt.outcome], [false, 'late'])
    assert.deepEqual(await jobs.find(job.id), second)
    const refusal = await jobs.record(first.id, REFUSED)
    assert.deepEqual([refusal.moved, refusal.attempt.outcome], [false, 'late'])
    assert.deepEqual(await jobs.find(job.id), second)
  },

  async 'the first acceptance or refusal counts'({ jobs, newUser }) {
    for (const [first, second] of [
      [accepted('a'), REFUSED],
      [accepted('a'), accepted('b')],
      [REFUSED, accepted('b')],
    ] as const) {
      // prettier-ignore
      const { job, attempt } = await begunJob(jobs, await newUser())
      const before = await jobs.record(attempt.id, first)
      const after = await jobs.record(attempt.id, second)
      assert.deepEqual(after, { moved: false, job: before.job, attempt: before.attempt })
      assert.deepEqual(await jobs.find(job.id), before.job)
    }
  },

  async 'of 20 acceptances at once one moves the job, and its operation is the one that stays'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const recorded = await together(20, index => jobs.record(attempt.id, accepted(`op-${index}`)))
    assert.deepEqual(tally(recorded.map(({ moved }) => String(moved))), { true: 1, false: 19 })
    const winner = recorded.find(({ moved }) => moved)
    assert.deepEqual(await jobs.find(job.id), winner?.job)
    assert.equal((await jobs.attempts(job.id))[0]?.operation, winner?.job.operation)
  },

  async 'an acceptance that races a cancel either moves the job or is late, never both or neither'({ jobs, newUser }) {
    const userId = await newUser()
    for (let round = 0; round < 20; round++) {
      const { job, attempt } = await begunJob(jobs, userId)
      const answer = () => jobs.record(attempt.id, accepted('op'))
      const early = round % 2 ? answer() : null
      const cancel = jobs.move(job, 'refunding', { ending: 'canceled' })
      const [canceled, recorded] = await Promise.all([cancel, early ?? answer()])
      assert.equal(recorded.moved, canceled === null)
      const [kept] = await jobs.attempts(job.id)
      assert.equal(kept?.outcome, recorded.moved ? 'accepted' : 'late')
      assert.equal((await jobs.find(job.id))?.state, recorded.moved ? 'running' : 'refunding')
    }
  },

  async 'an answer to an attempt nobody made is an error'({ jobs }) {
    await assert.rejects(jobs.record(newAttempt().id, accepted('op')))
  },

  async 'the provider is asked to stop once'({ jobs, newUser }) {
    const { job, attempt } = await begunJob(jobs, await newUser())
    const asked = await together(20, () => jobs.askCancel(attempt.id))
    assert.deepEqual(tally(asked.map(String)), { true: 1, false: 19 })
    const [kept] = await jobs.attempts(job.id)
    assert(kept && kept.cancelAskedAt !== null && kept.cancelAskedAt >= kept.startedAt)
    assert.equal(kept.outcome, 'open')
    assert.deepEqual(await jobs.find(job.id), job)
  },
}

export const attemptChecks: JobChecks = { ...beginChecks, ...answerChecks }
