/** What reconciliation and the search for anomalies promise: everything here is planted, and has to be found. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Anomaly } from '@safelight/core'
import { newUser } from './engines.ts'
import {
  admittedJob,
  charge,
  type Found,
  forgedEntry,
  problemsOf,
  rewriteEntry,
  sorted,
  type UpkeepStage,
  userWith,
} from './upkeep-steps.ts'

type Check = (stage: UpkeepStage) => Promise<void>

const bookChecks: Record<string, Check> = {
  async 'books that are right are not complained about, however often they are read'(stage) {
    const { database } = stage
    const userId = await userWith(stage, 5000)
    for (let round = 0; round < 3; round++) {
      const reference = await charge(stage, userId, 500)
      await charge(stage, userId, 300)
      await database.ledger.refund({ reference, reason: 'Failed' })
      assert.deepEqual(await problemsOf(stage, userId), [])
    }
    const { summary } = await database.reconcileCreditLedger({ whole: true })
    assert.deepEqual(await problemsOf(stage, userId, { whole: true }), [])
    assert(summary.entriesChecked >= 10 && summary.accountsChecked >= 1)
    assert(summary.discrepancyRate >= 0 && summary.discrepancyRate <= 1)
  },

  async 'a balance that changed by itself is in every report, until it is mended and somebody closes it'(stage) {
    const { database, driver } = stage
    const userId = await userWith(stage, 5000)
    assert.deepEqual(await problemsOf(stage, userId), [])
    await driver.query(`update public.credit_accounts set balance = 9000 where user_id = $1`, [userId])
    for (let run = 0; run < 3; run++) assert.deepEqual(await problemsOf(stage, userId), [['balance', 5000, 9000]])
    const { summary, discrepancies } = await database.reconcileCreditLedger()
    assert(summary.discrepancyRate > 0 && summary.discrepancies >= 1 && summary.accountsAffected >= 1)
    const { id } = discrepancies.find(found => found.userId === userId)!
    await driver.query(`update public.credit_accounts set balance = 5000 where user_id = $1`, [userId])
    assert.deepEqual(await problemsOf(stage, userId), [['balance', 5000, 9000]])
    await assert.rejects(database.closeDiscrepancy(id, ' '), { code: 'invalid_input' })
    assert.equal(await database.closeDiscrepancy(id, 'Put back'), true)
    assert.equal(await database.closeDiscrepancy(id, 'Twice'), false)
    assert.equal(await database.closeDiscrepancy('none', 'Nothing'), false)
    assert.deepEqual(await problemsOf(stage, userId), [])
    // The same again is not what was closed.
    await driver.query(`update public.credit_accounts set balance = 9000 where user_id = $1`, [userId])
    assert.deepEqual(await problemsOf(stage, userId), [['balance', 5000, 9000]])
  },

  async 'credits from nowhere show also when they are spent before anybody looks'(stage) {
    const userId = await userWith(stage, 5000)
    await stage.driver.query(`update public.credit_accounts set balance = 9000 where user_id = $1`, [userId])
    await charge(stage, userId, 8000)
    assert.deepEqual(await problemsOf(stage, userId), [['chain', -3000, 1000]])
    await charge(stage, userId, 500)
    assert.deepEqual(await problemsOf(stage, userId), [['chain', -3000, 1000]])
  },

  async 'an account that was set back, and one that stands still, are not where their entries left them'(stage) {
    const [back, still] = [await userWith(stage, 5000), await userWith(stage, 5000)]
    await charge(stage, back, 500)
    assert.deepEqual(await problemsOf(stage, back), [])
    await stage.driver.query('update public.credit_accounts set balance = 5000, seq = 1 where user_id = $1', [back])
    await stage.driver.query(forgedEntry(still, 2, -500, 4500))
    const expected = [['balance', 4500, 5000], ['position', 2, 1]] // prettier-ignore
    assert.deepEqual(await problemsOf(stage, back), expected)
    assert.deepEqual(await problemsOf(stage, still), expected)
  },

  async 'an entry too many, and entries without an account'(stage) {
    const userId = await userWith(stage, 5000)
    await stage.driver.query(forgedEntry(userId, 7, 10, 5010))
    const gap = [['balance', 5010, 5000], ['position', 7, 1], ['sequence', 2, 7]] // prettier-ignore
    assert.deepEqual(await problemsOf(stage, userId), gap)
    const nobody = randomUUID()
    await stage.driver.query(forgedEntry(nobody, 1, 10, 10))
    assert.deepEqual(await problemsOf(stage, nobody), [['account_missing', 10, null]])
  },

  async 'a balance without any entry'(stage) {
    for (const whole of [true, false]) {
      const userId = randomUUID()
      await stage.driver.query('insert into public.credit_accounts (user_id, balance) values ($1, 10)', [userId])
      assert.deepEqual(await problemsOf(stage, userId, { whole }), [['balance', 0, 10]])
    }
  },

  async 'what was rewritten long after it was read is found by reading the whole, and told until it is closed'(stage) {
    const userId = await userWith(stage, 5000)
    await charge(stage, userId, 500)
    await charge(stage, userId, 500)
    assert.deepEqual(await problemsOf(stage, userId), [])
    await rewriteEntry(stage, userId, 2, 'delta = -400')
    assert.deepEqual(await problemsOf(stage, userId), [])
    assert.deepEqual(await problemsOf(stage, userId, { whole: true }), [['chain', 4600, 4500]])
    const { discrepancies } = await stage.database.reconcileCreditLedger()
    const { id } = discrepancies.find(found => found.userId === userId)!
    assert.equal(await stage.database.closeDiscrepancy(id, 'A test'), true)
    // Entries cannot be mended: once somebody has seen it that is that.
    assert.deepEqual(await problemsOf(stage, userId, { whole: true }), [])
    await rewriteEntry(stage, userId, 2, 'delta = -300')
    assert.deepEqual(await problemsOf(stage, userId, { whole: true }), [['chain', 4700, 4500]])
  },

  async 'a refund of more than was charged, or of nothing'(stage) {
    const userId = await userWith(stage, 5000)
    const reference = await charge(stage, userId, 500)
    const post = (amount: number, of: string) =>
      stage.driver.query(`select safelight.post_entry($1, 'refund', $2, $3, null, 'Too much', '{}')`, [
        userId,
        amount,
        of,
      ])
    await post(501, reference)
    assert.deepEqual(await problemsOf(stage, userId), [['refund', 500, 501]])
    await post(10, randomUUID())
    assert.deepEqual(await problemsOf(stage, userId), [['refund', 0, 10], ['refund', 500, 501]]) // prettier-ignore
    assert.deepEqual(await problemsOf(stage, userId, { whole: true }), [['refund', 0, 10], ['refund', 500, 501]]) // prettier-ignore
  },

  async 'a job that failed and kept what it cost'(stage) {
    const userId = await userWith(stage, 5000)
    const failed = `state = 'failed', finished_at = clock_timestamp()`
    const id = await admittedJob(stage, userId, failed)
    const refunded = await admittedJob(stage, userId, failed)
    await stage.database.ledger.refund({ reference: refunded, reason: 'Failed' })
    await admittedJob(stage, userId, `state = 'succeeded', finished_at = clock_timestamp()`)
    assert.deepEqual(await problemsOf(stage, userId), [['no_refund', 500, 0]])
    const { discrepancies } = await stage.database.reconcileCreditLedger()
    assert.equal(discrepancies.find(found => found.userId === userId)?.reference, id)
  },

  async 'in steps of any size every account is looked at'({ driver, ...rest }) {
    const stage = { driver, ...rest }
    const users = [await userWith(stage, 10), await userWith(stage, 10), await userWith(stage, 10)]
    await rest.database.reconcileCreditLedger()
    await driver.query('update public.credit_accounts set balance = 11 where user_id = any ($1)', [users])
    for (const whole of [false, true]) {
      let checked = 0
      for (let after: string | null = null, more = true; more;) {
        const step: { after: string; more: boolean; summary: { accounts_checked: number } } = await driver.call(
          'reconcile_credit_ledger',
          { whole, after, limit: 2 },
        )
        checked += step.summary.accounts_checked
        ;({ after, more } = step)
      }
      const [{ accounts } = {}] = await driver.query('select count(*)::integer as accounts from public.credit_accounts')
      assert.equal(checked, accounts)
      for (const userId of users) assert.deepEqual(await problemsOf(stage, userId, { whole }), [['balance', 10, 11]])
    }
  },
}

const anomalyChecks: Record<string, Check> = {
  async 'an ordinary user is no anomaly'(stage) {
    const userId = await userWith(stage, 50_000)
    for (let n = 0; n < 5; n++) await charge(stage, userId, 500)
    await charge(stage, userId, 4999)
    for (let n = 0; n < 2; n++)
      await stage.database.ledger.refund({ reference: await charge(stage, userId, 500), reason: 'Failed' })
    await admittedJob(stage, userId, `state = 'running', run_until = now() + interval '1 minute'`)
    assert.deepEqual(await anomaliesOf(stage, userId), [])
  },

  async 'frozen and drifting balances, looked through before or not'(stage) {
    const [frozen, drifting, known] = [
      await userWith(stage, 100),
      await userWith(stage, 100),
      await userWith(stage, 100),
    ]
    await stage.driver.query(forgedEntry(frozen, 2, -10, 90))
    await stage.driver.query('update public.credit_accounts set balance = 101 where user_id = $1', [drifting])
    const both = [['drifting_balance', 90, 100], ['frozen_balance', 2, 1]] // prettier-ignore
    assert.deepEqual(await anomaliesOf(stage, frozen), both)
    assert.deepEqual(await anomaliesOf(stage, drifting), [['drifting_balance', 100, 101]])
    await stage.database.reconcileCreditLedger()
    await stage.driver.query('update public.credit_accounts set balance = 99 where user_id = $1', [known])
    assert.deepEqual(await anomaliesOf(stage, known), [['drifting_balance', 100, 99]])
  },

  async 'three refunds in an hour, a grant without a reason, ten times the usual'(stage) {
    const userId = await userWith(stage, 50_000)
    for (let n = 0; n < 3; n++)
      await stage.database.ledger.refund({ reference: await charge(stage, userId, 500), reason: 'Failed' })
    assert.deepEqual(await anomaliesOf(stage, userId), [['many_refunds', 2, 3]])
    const giver = await newUser(stage.driver)
    const gift = { userId: giver, amount: 7000, key: randomUUID(), description: ' ' }
    await stage.database.ledger.grant(gift)
    assert.deepEqual(await anomaliesOf(stage, giver), [['grant_without_reason', null, 7000]])
    const spender = await userWith(stage, 50_000)
    for (const amount of [400, 500, 600, 5000]) await charge(stage, spender, amount)
    assert.deepEqual(await anomaliesOf(stage, spender), [['unusual_spend', 500, 5000]])
  },

  async 'refunds of different hours are none'(stage) {
    const userId = await userWith(stage, 50_000)
    for (let n = 0; n < 3; n++)
      await stage.database.ledger.refund({ reference: await charge(stage, userId, 500), reason: 'Failed' })
    await rewriteEntry(stage, userId, 3, `created_at = created_at - interval '61 minutes'`)
    assert.deepEqual(await anomaliesOf(stage, userId), [])
  },

  async 'jobs that wait or run for more than twice as long as they may'(stage) {
    const userId = await userWith(stage, 50_000)
    const waits = (factor: number) =>
      `created_at = now() - ${factor} * interval '10 minutes', queue_until = now() - ${factor - 1} * interval '10 minutes'`
    const runs = (factor: number) =>
      `state = 'running', run_until = now() - ${factor - 1} * interval '100 seconds', attempt = jsonb_build_object(
         'acceptedAt', safelight.to_ms(now() - ${factor} * interval '100 seconds'))`
    await admittedJob(stage, userId, waits(1.9))
    await admittedJob(stage, userId, runs(1.9))
    assert.deepEqual(await anomaliesOf(stage, userId), [])
    await admittedJob(stage, userId, waits(2.5))
    await admittedJob(stage, userId, runs(2.5))
    assert.deepEqual(await anomaliesOf(stage, userId), [['overdue_job', 100, 250], ['overdue_job', 600, 1500]]) // prettier-ignore
    await admittedJob(stage, userId, `${runs(9)}, finished_at = now()`.replace('running', 'succeeded'))
    assert.equal((await anomaliesOf(stage, userId)).length, 2)
  },
}

async function anomaliesOf({ database }: UpkeepStage, userId: string): Promise<Found<Anomaly['kind']>[]> {
  const own = (await database.detectAnomalies()).filter(anomaly => anomaly.userId === userId)
  return sorted(own.map(({ kind, expected, found }) => [kind, expected, found]))
}

export const reconciliationChecks: Record<string, Check> = { ...bookChecks, ...anomalyChecks }
