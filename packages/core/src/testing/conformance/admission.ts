/** Admission: replay, limits, kill switch, model, capacity, balance, in this order, and nothing left behind by a refusal. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Admission, Database } from '../../contracts.ts'
import { admissionOf, admitted, fusedOf, jobOf, settlementOf, type DatabaseChecks } from './fused-steps.ts'
import { tryToSpoil } from './job-steps.ts'
import { checkBooks, entriesOf, grantOf } from './ledger-steps.ts'
import { newAddress } from './samples.ts'
import { withSettings } from './settings.ts'

const LIMITS = { userPerMinute: 10, ipPerMinute: 20, windowSeconds: 60 }

/** How many requests the user may still make, without making one. */
async function remaining({ limiter }: Database, userId: string): Promise<number | undefined> {
  const [state] = await limiter.peek([
    { key: `user:${userId}`, name: 'user', max: LIMITS.userPerMinute, windowSeconds: 60 },
  ])
  return state?.remaining
}

/** Uses the user's limit up by requests that nobody can take. */
async function exhaust(database: Database, userId: string): Promise<void> {
  for (let hits = 0; hits < LIMITS.userPerMinute; hits++) {
    await fusedOf(database).admit(admissionOf(userId, {}, { hasCapacity: false }))
  }
}

async function assertNothingHappened(database: Database, { job }: Admission, balance: number): Promise<void> {
  assert.equal(await database.jobs.find(job.id), null)
  if (job.idempotencyKey !== null) assert.equal(await database.jobs.findByKey(job.userId, job.idempotencyKey), null)
  assert.equal(await database.ledger.balance(job.userId), balance)
}

const admittedChecks: DatabaseChecks = {
  async 'an admitted job is charged, can be found, and waits to be worked on'({ database, newUser }) {
    const ip = newAddress()
    const userId = await newUser(3000)
    const admission = admissionOf(userId, { idempotencyKey: 'k', requestId: 'r', count: 2, price: 1000 }, { ip })
    const answer = await fusedOf(database).admit(admission)
    const job = jobOf(answer)
    assert.deepEqual([answer.outcome, answer.balance, job.state], ['admitted', 2000, 'charged'])
    for (const [field, value] of Object.entries(admission.job))
      assert.deepEqual(job[field as keyof typeof job], value, field)
    assert.deepEqual(answer.limits.map(({ name, max, remaining: left }) => [name, max, left]), [['user', 10, 9], ['ip', 20, 19]]) // prettier-ignore
    assert.deepEqual(await database.jobs.find(job.id), job)
    assert.deepEqual(await database.jobs.findByKey(userId, 'k'), job)
    const [entry] = await entriesOf(database.ledger, userId)
    assert.deepEqual([entry?.kind, entry?.delta, entry?.jobId], ['charge', -1000, job.id])
    assert.equal(await checkBooks(database.ledger, userId), 2000)
    const claimed = await database.jobs.due({ limit: 1000, leaseSeconds: 60 })
    assert(claimed.some(({ id }) => id === job.id))
  },

  async 'without an address only the user is limited'({ database, newUser }) {
    const answer = await fusedOf(database).admit(admissionOf(await newUser(3000)))
    assert.deepEqual(answer.limits.map(({ name }) => name), ['user']) // prettier-ignore
  },

  async 'the last credit can be spent, and not one more'({ database, newUser }) {
    const { admit } = fusedOf(database)
    assert.equal((await admit(admissionOf(await newUser(500)))).outcome, 'admitted')
    const short = admissionOf(await newUser(499), { idempotencyKey: 'k' })
    const refused = await admit(short)
    assert.deepEqual([refused.outcome, refused.balance], ['insufficient_credits', 499])
    await assertNothingHappened(database, short, 499)
  },

  async 'what costs nothing is admitted without a charge'({ database, newUser }) {
    const job = await admitted(database, await newUser(), { price: 0 })
    assert.deepEqual(await entriesOf(database.ledger, job.userId), [])
    const refunding = await database.jobs.move(job, 'refunding', { ending: 'failed' })
    const ended = await fusedOf(database).settle(settlementOf(refunding!, 'failed'))
    assert.deepEqual([ended?.state, ended?.refundedCredits], ['failed', 0])
    assert.deepEqual(await entriesOf(database.ledger, job.userId), [])
  },

  async 'the charge of an admission is refunded under the id of its job'({ database, newUser }) {
    const job = await admitted(database, await newUser(3000))
    const refund = await database.ledger.refund({ reference: job.id, reason: 'Sorry' })
    assert.deepEqual(refund, { outcome: 'refunded', refunded: 500, balance: 3000 })
  },

  async 'what is handed out, and what was handed in, is a copy'({ database, newUser }) {
    const admission = admissionOf(await newUser(3000))
    const job = jobOf(await fusedOf(database).admit(admission))
    const before = structuredClone(job)
    admission.job.input.prompt = 'changed'
    tryToSpoil(() => (job.input.prompt = 'changed'))
    assert.deepEqual(await database.jobs.find(before.id), before)
  },
}

const replayChecks: DatabaseChecks = {
  async 'the same key and request is the same job: nothing charged, nothing counted'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const admission = admissionOf(await newUser(3000), { idempotencyKey: 'k' })
    const job = jobOf(await admit(admission))
    for (const id of [job.id, randomUUID()]) {
      const again = await admit({ ...admission, job: { ...admission.job, id } })
      assert.deepEqual([again.outcome, again.balance, jobOf(again)], ['replayed', 2500, job])
      assert.equal(again.limits[0]?.remaining, 9)
    }
    assert.equal(await remaining(database, job.userId), 9)
    assert.equal(await checkBooks(database.ledger, job.userId), 2500)
  },

  async 'a replay comes before every refusal, also after the end of its job'({ database, newUser }) {
    const { admit, settle } = fusedOf(database)
    const userId = await newUser(500)
    const admission = admissionOf(userId, { idempotencyKey: 'k' })
    const job = jobOf(await admit(admission))
    const refunding = await database.jobs.move(job, 'refunding', { ending: 'failed' })
    const ended = await settle(settlementOf(refunding!, 'failed'))
    await database.ledger.charge({ userId, amount: 500, reference: randomUUID(), description: 'spent', kind: 'image' })
    await exhaust(database, userId)
    await withSettings(database.settings, { appEnabled: false, disabledModels: [job.model] }, async () => {
      const again = await admit({ ...admission, hasCapacity: false })
      assert.deepEqual([again.outcome, jobOf(again)], ['replayed', ended])
    })
  },

  async 'another request under the key, or under the id, is a conflict that charges nobody'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const job = jobOf(await admit(admissionOf(await newUser(3000), { idempotencyKey: 'k' })))
    const other = admissionOf(job.userId, { idempotencyKey: 'k' })
    assert.deepEqual([(await admit(other)).outcome, (await admit(other)).balance], ['idempotency_conflict', 2500])
    assert.equal(await database.jobs.find(other.job.id), null)
    const stranger = admissionOf(await newUser(3000), { id: job.id, requestHash: job.requestHash })
    assert.equal((await admit(stranger)).outcome, 'idempotency_conflict')
    assert.equal(await database.ledger.balance(stranger.job.userId), 3000)
    assert.equal((await admit(admissionOf(job.userId, { id: job.id }))).outcome, 'idempotency_conflict')
    assert.deepEqual(await database.jobs.find(job.id), job)
    assert.equal(await checkBooks(database.ledger, job.userId), 2500)
  },

  async 'a key belongs to its user'({ database, newUser }) {
    const first = await admitted(database, await newUser(3000), { idempotencyKey: 'k', requestHash: 'same' })
    const second = await admitted(database, await newUser(3000), { idempotencyKey: 'k', requestHash: 'same' })
    assert.notEqual(first.id, second.id)
  },

  async 'an id that was charged or closed before makes no job'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const userId = await newUser(3000)
    const charged = admissionOf(userId)
    const charge = { userId, amount: 500, reference: charged.job.id, description: 'x', kind: 'image' } as const
    await database.ledger.charge(charge)
    assert.equal((await admit(charged)).outcome, 'idempotency_conflict')
    await assertNothingHappened(database, charged, 2500)
    const closed = admissionOf(userId)
    await database.ledger.refund({ reference: closed.job.id, reason: 'Canceled before it came' })
    assert.equal((await admit(closed)).outcome, 'idempotency_conflict')
    await assertNothingHappened(database, closed, 2500)
  },
}

const refusalChecks: DatabaseChecks = {
  async 'who is over the limit is told when to come back, and takes nothing'({ database, newUser, advance }) {
    const { admit } = fusedOf(database)
    const userId = await newUser(3000)
    const ip = newAddress()
    await exhaust(database, userId)
    const admission = admissionOf(userId, { idempotencyKey: 'k' }, { ip })
    const refused = await admit(admission)
    assert(refused.outcome === 'rate_limited')
    assert.equal(refused.balance, 3000)
    assert(refused.retryAfterSeconds > 0 && refused.retryAfterSeconds <= 60)
    assert.deepEqual(refused.limits.map(({ name, remaining: left }) => [name, left]), [['user', 0], ['ip', 20]]) // prettier-ignore
    await assertNothingHappened(database, admission, 3000)
    await advance(refused.retryAfterSeconds)
    assert.equal((await admit(admission)).outcome, 'admitted')
  },

  async 'a refusal says which: kill switch, model, capacity, balance'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const userId = await newUser(499)
    const admission = admissionOf(userId, {}, { hasCapacity: false })
    const outcome = async () => (await admit(admission)).outcome
    await withSettings(database.settings, { disabledModels: [admission.job.model] }, async () => {
      await withSettings(database.settings, { appEnabled: false }, async () => assert.equal(await outcome(), 'closed'))
      assert.equal(await outcome(), 'model_disabled')
    })
    await withSettings(database.settings, { disabledModels: ['another'] }, async () =>
      assert.equal(await outcome(), 'no_capacity'),
    )
    admission.hasCapacity = true
    assert.equal(await outcome(), 'insufficient_credits')
    await exhaust(database, userId)
    await withSettings(database.settings, { appEnabled: false }, async () =>
      assert.equal(await outcome(), 'rate_limited'),
    )
    await assertNothingHappened(database, admission, 499)
  },

  async 'a refusal within the limits counts, a 429 does not'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const userId = await newUser(499)
    const model = `model-${randomUUID()}`
    await withSettings(database.settings, { appEnabled: false }, async () => admit(admissionOf(userId)))
    assert.equal(await remaining(database, userId), 9)
    await withSettings(database.settings, { disabledModels: [model] }, async () =>
      admit(admissionOf(userId, { model })),
    )
    assert.equal(await remaining(database, userId), 8)
    await admit(admissionOf(userId, {}, { hasCapacity: false }))
    assert.equal(await remaining(database, userId), 7)
    await admit(admissionOf(userId))
    assert.equal(await remaining(database, userId), 6)
    const shared = newAddress()
    await exhaust(database, userId)
    for (let times = 0; times < 3; times++) await admit(admissionOf(userId, {}, { ip: shared }))
    const answer = await admit(admissionOf(await newUser(3000), {}, { ip: shared }))
    assert.equal(answer.limits.find(({ name }) => name === 'ip')?.remaining, 19)
  },

  async 'a refused request leaves its key and id free'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const admission = admissionOf(await newUser(400), { idempotencyKey: 'k' })
    assert.equal((await admit(admission)).outcome, 'insufficient_credits')
    await database.ledger.grant(grantOf(admission.job.userId, 100))
    const answer = await admit(admission)
    assert.deepEqual([answer.outcome, answer.balance], ['admitted', 0])
  },

  async 'somebody without an account is admitted to nothing'({ database }) {
    const admission = admissionOf(randomUUID())
    assert.deepEqual((await fusedOf(database).admit(admission)).outcome, 'no_account')
    await assertNothingHappened(database, admission, 0)
  },

  async 'settings act at once'({ database, newUser }) {
    const { admit } = fusedOf(database)
    const userId = await newUser(3000)
    await withSettings(database.settings, { limits: { ...LIMITS, userPerMinute: 1 } }, async () => {
      assert.equal((await admit(admissionOf(userId))).outcome, 'admitted')
      assert.equal((await admit(admissionOf(userId))).outcome, 'rate_limited')
    })
    assert.equal((await admit(admissionOf(userId))).outcome, 'admitted')
  },
}

export const admissionChecks: DatabaseChecks = { ...admittedChecks, ...replayChecks, ...refusalChecks }
