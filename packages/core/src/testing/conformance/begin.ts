/** Begin: a token, the attempt and the move, or none of them. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Candidate } from '../../contracts.ts'
import { admitted, beginOf, begunOf, fusedOf, settlementOf, type DatabaseChecks } from './fused-steps.ts'
import { newCandidate } from './samples.ts'
import { tally, together } from './suite.ts'

/** Candidates of a provider nobody else uses. */
function candidateOf(change: Partial<Candidate> = {}): Candidate {
  return newCandidate({ provider: `conformance-${randomUUID()}`, ...change })
}

export const beginChecks: DatabaseChecks = {
  async 'a job begins with a token, an attempt and a move'({ database, newUser }) {
    const job = await admitted(database, await newUser(3000))
    const [busy, candidate] = [candidateOf({ maxOpen: 0 }), candidateOf({ endpoint: 'vendor/two' })]
    const request = beginOf(job, [busy, candidate])
    const begun = begunOf(await fusedOf(database).begin(request))
    assert.deepEqual(begun.candidate, candidate)
    assert.deepEqual(
      [begun.job.state, begun.job.version, begun.job.revision],
      ['submitting', job.version + 1, job.revision + 1],
    )
    const { startedAt } = begun.job.attempt!
    const { provider, endpoint, token } = candidate
    const attempt = { id: request.attemptId, number: 1, provider, endpoint, token, startedAt, acceptedAt: null }
    assert.deepEqual(begun.job.attempt, attempt)
    const written = { jobId: job.id, outcome: 'open', operation: null, refusal: null, cancelAskedAt: null }
    assert.deepEqual(await database.jobs.attempts(job.id), [{ ...attempt, ...written }])
    assert.deepEqual(await database.jobs.find(job.id), begun.job)
  },

  async 'a job that moved does not begin, and holds no token'({ database, newUser }) {
    const { begin } = fusedOf(database)
    const userId = await newUser(3000)
    const candidate = candidateOf({ maxOpen: 1 })
    const lost = await admitted(database, userId)
    await database.jobs.move(lost, 'refunding', { ending: 'canceled' })
    assert.deepEqual(await begin(beginOf(lost, [candidate])), { status: 'lost' })
    assert.deepEqual(await database.jobs.attempts(lost.id), [])
    begunOf(await begin(beginOf(await admitted(database, userId), [candidate])))
  },

  async 'where every token is full or resting nothing is written'({ database, newUser }) {
    const { begin } = fusedOf(database)
    const userId = await newUser(3000)
    const candidate = candidateOf({ maxOpen: 1 })
    begunOf(await begin(beginOf(await admitted(database, userId), [candidate])))
    const job = await admitted(database, userId)
    const answer = await begin(beginOf(job, [candidate]))
    assert(answer.status === 'wait' && answer.waitSeconds > 0)
    assert.deepEqual(await database.jobs.find(job.id), job)
    assert.deepEqual(await database.jobs.attempts(job.id), [])
    assert.deepEqual(await begin(beginOf(job, [])), { status: 'none' })
    assert.deepEqual(await database.jobs.find(job.id), job)
  },

  async 'of 20 who begin one job at once one does'({ database, newUser }) {
    const job = await admitted(database, await newUser(3000))
    const candidate = candidateOf()
    const begun = await together(20, () => fusedOf(database).begin(beginOf(job, [candidate])))
    assert.deepEqual(tally(begun.map(({ status }) => status)), { begun: 1, lost: 19 })
    assert.equal((await database.jobs.attempts(job.id)).length, 1)
  },

  async 'of 20 jobs that begin at once as many do as the cap allows'({ database, newUser }) {
    const users = await together(4, () => newUser(3000))
    const jobs = await together(20, index => admitted(database, users[index % 4]!))
    const account = randomUUID()
    const provider = `conformance-${randomUUID()}`
    const candidates = [1, 2].map(() => newCandidate({ provider, account, maxOpen: 3 }))
    for (const { token } of candidates) {
      const about = { provider, token, account, lane: 'image', model: jobs[0]!.model, attemptId: randomUUID() } as const
      await database.tokens.report({ ...about, outcome: 'accepted' })
    }
    const begun = await together(20, index => fusedOf(database).begin(beginOf(jobs[index]!, candidates)))
    assert.deepEqual(tally(begun.map(({ status }) => status)), { begun: 3, wait: 17 })
  },

  async 'room comes back with a refusal, and with the end of the job'({ database, newUser }) {
    const { begin, settle } = fusedOf(database)
    const userId = await newUser(3000)
    const candidate = candidateOf({ maxOpen: 1 })
    const first = begunOf(await begin(beginOf(await admitted(database, userId), [candidate])))
    const refusal = { kind: 'invalid_input', scope: 'request', paid: 'no' } as const
    await database.jobs.record(first.job.attempt!.id, { outcome: 'refused', refusal, wakeInSeconds: 0 })
    const second = begunOf(await begin(beginOf(await admitted(database, userId), [candidate])))
    const answer = { outcome: 'accepted', operation: 'op', runUntil: Date.now(), wakeInSeconds: 0 } as const
    const { job: running } = await database.jobs.record(second.job.attempt!.id, answer)
    const third = await admitted(database, userId)
    assert.equal((await begin(beginOf(third, [candidate]))).status, 'wait')
    const refunding = await database.jobs.move(running, 'refunding', { ending: 'canceled' })
    await settle(settlementOf(refunding!, 'canceled'))
    begunOf(await begin(beginOf(third, [candidate])))
  },

  async 'a token that rests is not begun with'({ database, newUser }) {
    const { begin } = fusedOf(database)
    const userId = await newUser(3000)
    const [limited, other] = [candidateOf(), candidateOf()]
    const first = begunOf(await begin(beginOf(await admitted(database, userId), [limited])))
    const refusal = { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 300 } as const
    const attemptId = first.job.attempt!.id
    const { provider, token, account } = limited
    const about = { provider, token, account, lane: 'image', model: first.job.model, attemptId } as const
    await database.tokens.report({ ...about, outcome: 'refused', refusal })
    const answer = {
      outcome: 'refused',
      refusal: { kind: 'rate_limited', scope: 'account', paid: 'no' },
      wakeInSeconds: 0,
    } as const
    const { job } = await database.jobs.record(attemptId, answer)
    assert.equal((await begin({ ...beginOf(job, [limited]), number: 2 })).status, 'wait')
    assert.deepEqual(begunOf(await begin({ ...beginOf(job, [limited, other]), number: 2 })).candidate, other)
  },
}
