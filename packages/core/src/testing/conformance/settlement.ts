/** Settlement: what was delivered is recorded, the rest is given back, and it happens once. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database, Job } from '../../contracts.ts'
import { admitted, fusedOf, settlementOf, storingJob, type DatabaseChecks } from './fused-steps.ts'
import { tryToSpoil } from './job-steps.ts'
import { checkBooks, entriesOf } from './ledger-steps.ts'
import { newFile } from './samples.ts'
import { withSettings } from './settings.ts'
import { together } from './suite.ts'

async function refundingJob(database: Database, userId: string): Promise<Job> {
  const failure = { code: 'timed_out', message: 'It took too long.', paid: 'unknown' } as const
  const job = await database.jobs.move(await admitted(database, userId), 'refunding', { ending: 'failed', failure })
  assert(job)
  return job
}

const endChecks: DatabaseChecks = {
  async 'a success records its files and gives nothing back'({ database, newUser }) {
    const userId = await newUser(3000)
    const job = await storingJob(database, userId, 2)
    const settlement = settlementOf(job, 'succeeded', 2)
    const ended = await fusedOf(database).settle(settlement)
    assert(ended)
    assert.deepEqual([ended.state, ended.version, ended.revision], ['succeeded', job.version + 1, job.revision + 1])
    assert.deepEqual([ended.refundedCredits, ended.finishedAt !== null], [0, true])
    assert.deepEqual(ended.media, settlement.files.map(({ file }) => file)) // prettier-ignore
    assert.deepEqual(await database.jobs.find(job.id), ended)
    assert.equal(await checkBooks(database.ledger, userId), 2000)
    const rows = await database.library.ofJobs([job.id])
    assert.deepEqual(rows.map(({ id, index, userId: owner, kind }) => [id, index, owner, kind]), settlement.files.map(({ id, index }) => [id, index, userId, 'image'])) // prettier-ignore
    for (const [index, row] of rows.entries()) {
      for (const [field, value] of Object.entries(settlement.files[index]!.file)) {
        assert.deepEqual(row[field as keyof typeof row], value, field)
      }
    }
  },

  async 'files are kept as long as the settings say'({ database, newUser }) {
    const job = await storingJob(database, await newUser(3000))
    const ended = await withSettings(database.settings, { retentionDays: 3 }, async () =>
      fusedOf(database).settle(settlementOf(job, 'succeeded', 1)),
    )
    const [row] = await database.library.ofJobs([job.id])
    assert(ended?.finishedAt && row?.expiresAt)
    const days = (row.expiresAt - ended.finishedAt) / 86_400_000
    assert(Math.abs(days - 3) < 0.01, `${days} days`)
  },

  async 'a part is paid for as a part'({ database, newUser }) {
    for (const delivered of [1, 2, 3]) {
      const userId = await newUser(3000)
      const job = await storingJob(database, userId, 4)
      const ended = await fusedOf(database).settle(settlementOf(job, 'succeeded', delivered))
      assert.deepEqual(
        [ended?.state, ended?.refundedCredits, ended?.media.length],
        ['succeeded', 500 * (4 - delivered), delivered],
      )
      assert.equal(await checkBooks(database.ledger, userId), 3000 - 500 * delivered)
      const [entry] = await entriesOf(database.ledger, userId)
      assert.deepEqual([entry?.kind, entry?.delta, entry?.jobId], ['refund', 500 * (4 - delivered), job.id])
    }
  },

  async 'files that came out of order count as what they are'({ database, newUser }) {
    const userId = await newUser(3000)
    const job = await storingJob(database, userId, 3)
    const { files, ...settlement } = settlementOf(job, 'succeeded', 3)
    const ended = await fusedOf(database).settle({ ...settlement, files: [files[2]!, files[0]!] })
    assert.equal(ended?.refundedCredits, 500)
    assert.deepEqual((await database.library.ofJobs([job.id])).map(({ index }) => index), [0, 2]) // prettier-ignore
  },

  async 'a failure and a cancel give everything back, and say why'({ database, newUser }) {
    for (const ending of ['failed', 'canceled'] as const) {
      const userId = await newUser(3000)
      const job = await refundingJob(database, userId)
      const ended = await fusedOf(database).settle(settlementOf(job, ending))
      assert.deepEqual([ended?.state, ended?.refundedCredits, ended?.media], [ending, 500, []])
      assert.deepEqual(ended?.failure, job.failure)
      assert(ended?.finishedAt)
      assert.deepEqual(await database.jobs.find(job.id), ended)
      assert.equal(await checkBooks(database.ledger, userId), 3000)
      const [entry] = await entriesOf(database.ledger, userId)
      assert.deepEqual([entry?.kind, entry?.description], ['refund', `It ${ending}`])
    }
  },

  async 'what is handed out is a copy'({ database, newUser }) {
    const job = await storingJob(database, await newUser(3000))
    const ended = await fusedOf(database).settle(settlementOf(job, 'succeeded', 1))
    const before = structuredClone(ended!)
    tryToSpoil(() => ended!.media.pop())
    assert.deepEqual(await database.jobs.find(job.id), before)
  },
}

const onceChecks: DatabaseChecks = {
  async 'a job that moved is not settled, and nothing of it is written'({ database, newUser }) {
    const { settle } = fusedOf(database)
    const userId = await newUser(3000)
    const stale = await storingJob(database, userId, 2)
    const refunding = await database.jobs.move(stale, 'refunding', { ending: 'failed' })
    assert.equal(await settle(settlementOf(stale, 'succeeded', 1)), null)
    assert.deepEqual(await database.jobs.find(stale.id), refunding)
    assert.deepEqual(await database.library.ofJobs([stale.id]), [])
    assert.equal(await checkBooks(database.ledger, userId), 2000)
  },

  async 'a job is settled once'({ database, newUser }) {
    const { settle } = fusedOf(database)
    const userId = await newUser(3000)
    const ended = await settle(settlementOf(await refundingJob(database, userId), 'failed'))
    for (const ending of ['failed', 'succeeded', 'canceled'] as const) {
      assert.equal(await settle(settlementOf(ended!, ending, 1)).catch(() => null), null)
    }
    assert.deepEqual(await database.jobs.find(ended!.id), ended)
    assert.deepEqual(await database.library.ofJobs([ended!.id]), [])
    assert.equal(await checkBooks(database.ledger, userId), 3000)
  },

  async 'only what is being stored or refunded can be settled'({ database, newUser }) {
    const userId = await newUser(3000)
    const charged = await admitted(database, userId)
    assert.equal(
      await fusedOf(database)
        .settle(settlementOf(charged, 'failed'))
        .catch(() => null),
      null,
    )
    assert.deepEqual(await database.jobs.find(charged.id), charged)
    assert.equal(await checkBooks(database.ledger, userId), 2500)
  },

  async 'a charge that was refunded by hand is not refunded again'({ database, newUser }) {
    const userId = await newUser(3000)
    const job = await refundingJob(database, userId)
    await database.ledger.refund({ reference: job.id, amount: 200, reason: 'By hand' })
    const ended = await fusedOf(database).settle(settlementOf(job, 'failed'))
    assert.deepEqual([ended?.state, ended?.refundedCredits], ['failed', 200])
    assert.equal(await checkBooks(database.ledger, userId), 2700)
  },

  async 'a success can still be refunded by hand'({ database, newUser }) {
    const userId = await newUser(3000)
    const job = await storingJob(database, userId)
    await fusedOf(database).settle(settlementOf(job, 'succeeded', 1))
    const refund = await database.ledger.refund({ reference: job.id, reason: 'A poor picture' })
    assert.deepEqual(refund, { outcome: 'refunded', refunded: 500, balance: 3000 })
  },

  async 'an output that has its row already keeps it'({ database, newUser }) {
    const userId = await newUser(3000)
    const job = await storingJob(database, userId)
    const file = newFile(job)
    const about = { userId, kind: 'image', jobId: job.id, index: 0, file, expiresAt: null } as const
    const row = await database.library.add({ id: randomUUID(), ...about })
    const ended = await fusedOf(database).settle(settlementOf(job, 'succeeded', 1))
    assert.equal(ended?.refundedCredits, 0)
    assert.deepEqual(await database.library.ofJobs([job.id]), [row])
  },

  async 'of 30 settlements and refunds at once one end comes, and one refund at most'({ database, newUser }) {
    for (let round = 0; round < 4; round++) {
      const userId = await newUser(3000)
      const job = round % 2 ? await storingJob(database, userId, 2) : await refundingJob(database, userId)
      const settled = await together(30, async index => {
        if (index % 5 === 4) {
          await database.ledger.refund({ reference: job.id, reason: 'By hand' })
          return null
        }
        const ending = round % 2 ? 'succeeded' : index % 2 ? 'failed' : 'canceled'
        return fusedOf(database).settle(settlementOf(job, ending, round % 2 ? 1 + (index % 2) : 0))
      })
      const winners = settled.filter(each => each !== null)
      assert.equal(winners.length, 1)
      assert.deepEqual(await database.jobs.find(job.id), winners[0])
      assert.equal((await database.library.ofJobs([job.id])).length, winners[0]?.media.length)
      await checkBooks(database.ledger, userId)
      const refunds = (await entriesOf(database.ledger, userId)).filter(({ kind }) => kind === 'refund')
      assert.equal(refunds.length, 1)
    }
  },
}

export const settlementChecks: DatabaseChecks = { ...endChecks, ...onceChecks }
