/** Admissions that come at once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { admissionOf, fusedOf, jobOf, type DatabaseChecks } from './fused-steps.ts'
import { checkBooks } from './ledger-steps.ts'
import { newAddress } from './samples.ts'
import { tally, together } from './suite.ts'

export const admissionRaceChecks: DatabaseChecks = {
  async '60 at once of a new user: 6 admitted, 4 without credits, 50 over the limit'({ database, newUser }) {
    const userId = await newUser(3000)
    const ip = newAddress()
    const answers = await together(60, () => fusedOf(database).admit(admissionOf(userId, {}, { ip })))
    const outcomes = tally(answers.map(({ outcome }) => outcome))
    assert.deepEqual(outcomes, { admitted: 6, insufficient_credits: 4, rate_limited: 50 })
    assert.equal(await checkBooks(database.ledger, userId), 0)
    assert.equal((await database.jobs.list({ userId, limit: 100 })).items.length, 6)
    for (const answer of answers) {
      if (answer.outcome === 'rate_limited') assert(answer.retryAfterSeconds > 0)
      if (answer.outcome === 'admitted') assert.equal(answer.balance % 500, 0)
    }
  },

  async '20 at once under one key: one admitted, 19 replayed, charged once, counted once'({ database, newUser }) {
    const admission = admissionOf(await newUser(3000), { idempotencyKey: 'k' })
    const answers = await together(20, index => {
      const job = { ...admission.job, id: index % 2 ? admission.job.id : randomUUID() }
      return fusedOf(database).admit({ ...admission, job })
    })
    assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { admitted: 1, replayed: 19 })
    assert.equal(new Set(answers.map(answer => jobOf(answer).id)).size, 1)
    assert.equal(await checkBooks(database.ledger, admission.job.userId), 2500)
    const { limits } = await fusedOf(database).admit(admission)
    assert.equal(limits[0]?.remaining, 9)
  },

  async 'two requests at once under one key: one wins, the other is a conflict'({ database, newUser }) {
    const userId = await newUser(3000)
    const requests = [admissionOf(userId, { idempotencyKey: 'k' }), admissionOf(userId, { idempotencyKey: 'k' })]
    const answers = await together(10, index => fusedOf(database).admit(requests[index % 2]!))
    const outcomes = tally(answers.map(({ outcome }) => outcome))
    assert.equal(outcomes['admitted'], 1)
    assert.equal((outcomes['replayed'] ?? 0) + 1, 5)
    assert.equal((outcomes['idempotency_conflict'] ?? 0) + (outcomes['rate_limited'] ?? 0), 5)
    assert.equal(await checkBooks(database.ledger, userId), 2500)
  },

  async 'users who share an address share its limit, exactly'({ database, newUser }) {
    const users = await together(3, () => newUser(30_000))
    const ip = newAddress()
    const answers = await together(45, index => fusedOf(database).admit(admissionOf(users[index % 3]!, {}, { ip })))
    assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { admitted: 20, rate_limited: 25 })
    let taken = 0
    for (const userId of users) taken += 30_000 - (await checkBooks(database.ledger, userId))
    assert.equal(taken, 20 * 500)
  },

  async 'two accounts worth one job each admit one each'({ database, newUser }) {
    const users = await together(2, () => newUser(500))
    const answers = await together(16, index => fusedOf(database).admit(admissionOf(users[index % 2]!)))
    assert.deepEqual(tally(answers.map(({ outcome }) => outcome)), { admitted: 2, insufficient_credits: 14 })
    for (const userId of users) assert.equal(await checkBooks(database.ledger, userId), 0)
  },

  async 'an admission that races a refund of its id leaves nothing taken'({ database, newUser }) {
    const userId = await newUser(3000)
    for (let round = 0; round < 8; round++) {
      const admission = admissionOf(userId)
      const refund = { reference: admission.job.id, reason: 'Canceled' }
      const early = round % 2 ? database.ledger.refund(refund) : null
      const [answer] = await Promise.all([fusedOf(database).admit(admission), early ?? database.ledger.refund(refund)])
      assert(answer.outcome === 'admitted' || answer.outcome === 'idempotency_conflict', answer.outcome)
      assert.equal(await checkBooks(database.ledger, userId), 3000)
      assert.equal((await database.jobs.find(admission.job.id)) !== null, answer.outcome === 'admitted')
    }
  },
}
