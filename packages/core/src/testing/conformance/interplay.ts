/** Where ports of one database meet without a fused call. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { DatabaseChecks } from './fused-steps.ts'
import { accepted, begunJob, createdJob, mustMove, REFUSED } from './job-steps.ts'
import { checkBooks } from './ledger-steps.ts'
import { newAttempt, newCandidate, newFile, newJob } from './samples.ts'

export const interplayChecks: DatabaseChecks = {
  async 'the database answers'({ database }) {
    await database.check()
  },

  async 'a whole life in single steps'({ database, newUser }) {
    const { jobs, ledger, library } = database
    const userId = await newUser(3000)
    const job = await createdJob(jobs, newJob(userId, { count: 2, price: 1000 }))
    const charge = { userId, amount: job.price, reference: job.id, description: job.model, kind: job.kind }
    assert.equal((await ledger.charge(charge)).outcome, 'charged')
    const charged = await mustMove(jobs, job, 'charged')
    const first = newAttempt()
    await jobs.begin(charged, first, 30)
    const { job: again } = await jobs.record(first.id, REFUSED)
    const second = newAttempt({ number: 2 })
    await jobs.begin(again, second, 30)
    const { job: running } = await jobs.record(second.id, accepted('op'))
    const outputs = [{ url: 'https://files.example/0.png' }, { url: 'https://files.example/1.png' }]
    const storing = await mustMove(jobs, running, 'storing', { outputs })
    const file = newFile(job)
    const about = { userId, kind: 'image', jobId: job.id, index: 0, expiresAt: null } as const
    const row = await library.add({ id: randomUUID(), ...about, file })
    const { refunded } = await ledger.refund({ reference: job.id, amount: 500, reason: 'One of two is missing' })
    const ended = await mustMove(jobs, storing, 'succeeded', { media: [file], refundedCredits: refunded })
    assert.deepEqual([ended.media, ended.refundedCredits], [[file], 500])
    assert.deepEqual(await jobs.find(job.id), ended)
    assert.deepEqual(await library.ofJobs([job.id]), [row])
    assert.equal(await checkBooks(ledger, userId), 2500)
    assert.equal((await jobs.attempts(job.id)).length, 2)
  },

  async 'a cancel between job and charge stops the charge that is still on its way'({ database, newUser }) {
    const { jobs, ledger } = database
    const userId = await newUser(3000)
    const job = await createdJob(jobs, newJob(userId))
    const refunding = await mustMove(jobs, job, 'refunding', { ending: 'canceled' })
    await ledger.refund({ reference: job.id, reason: 'Canceled' })
    const charge = { userId, amount: job.price, reference: job.id, description: job.model, kind: job.kind }
    assert.equal((await ledger.charge(charge)).outcome, 'refunded')
    assert.equal(await jobs.move(job, 'charged'), null)
    await mustMove(jobs, refunding, 'canceled')
    assert.equal(await checkBooks(ledger, userId), 3000)
  },

  async 'a token bound to an attempt is free when the attempt is refused, or its job is over'({ database, newUser }) {
    const { jobs, tokens } = database
    const userId = await newUser(3000)
    const candidate = newCandidate({ provider: `conformance-${randomUUID()}`, maxOpen: 1 })
    const acquire = async (attemptId: string, jobId: string) =>
      (await tokens.acquire({ attemptId, jobId, model: 'one', lane: 'image', candidates: [candidate] })).status
    const { provider, token, account } = candidate
    const about = { provider, token, account, lane: 'image', model: 'one' } as const
    for (const ending of ['refused', 'ended'] as const) {
      const job = await mustMove(jobs, await createdJob(jobs, newJob(userId)), 'charged')
      const attempt = newAttempt({ provider, token, account })
      assert.equal(await acquire(attempt.id, job.id), 'token')
      const begun = await jobs.begin(job, attempt, 30)
      assert.equal(await acquire(randomUUID(), job.id), 'wait')
      if (ending === 'refused')
        await jobs.record(attempt.id, { ...REFUSED, refusal: { kind: 'invalid_input', scope: 'request', paid: 'no' } }) // prettier-ignore
      else await mustMove(jobs, await mustMove(jobs, begun!, 'refunding'), 'failed')
      await tokens.report({ ...about, attemptId: attempt.id, outcome: ending })
    }
    assert.equal(await acquire(randomUUID(), randomUUID()), 'token')
  },

  async 'the gallery is searched by the words of the prompt'({ database, newUser }) {
    const { jobs, library } = database
    const userId = await newUser(3000)
    const ids: Record<string, string> = {}
    for (const prompt of ['A red fox in Snow', 'a blue whale, 100% calm']) {
      const input = { prompt, size: 'square', count: 1, seed: '1' } as const
      const { id: jobId } = await createdJob(jobs, newJob(userId, { input }))
      const about = { userId, kind: 'image', jobId, index: 0, expiresAt: null } as const
      ids[prompt] = (await library.add({ id: randomUUID(), ...about, file: newFile({ id: jobId }) })).id
    }
    const search = async (words: string) =>
      (await library.list({ userId, search: words, limit: 10 })).items.map(({ id }) => id)
    const [fox, whale] = [ids['A red fox in Snow'], ids['a blue whale, 100% calm']]
    assert.deepEqual(await search('fox'), [fox])
    assert.deepEqual(await search('RED FOX'), [fox])
    assert.deepEqual(await search('snow'), [fox])
    assert.deepEqual(await search('100%'), [whale])
    for (const nothing of ['zebra', 'r_d', "' or 1=1"]) assert.deepEqual(await search(nothing), [], nothing)
    assert.deepEqual((await library.list({ userId: await newUser(), search: 'fox', limit: 10 })).items, [])
  },

  async 'a running job and its attempt agree, also after a lost answer'({ database, newUser }) {
    const { jobs } = database
    const { job, attempt } = await begunJob(jobs, await newUser(3000))
    await jobs.record(attempt.id, { outcome: 'unknown', wakeInSeconds: 0 })
    const recorded = await jobs.record(attempt.id, accepted('found'))
    const [kept] = await jobs.attempts(job.id)
    const { jobId: _jobId, outcome: _outcome, operation, refusal: _refusal, cancelAskedAt: _asked, ...current } = kept!
    assert.deepEqual([recorded.job.attempt, recorded.job.operation], [current, operation])
  },
}
