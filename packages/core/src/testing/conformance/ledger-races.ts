/** Many at once on one account or one reference. */
import assert from 'node:assert/strict'
import { chargeOf, checkChain, entriesOf, grantOf, type LedgerChecks } from './ledger-steps.ts'
import { tally, together } from './suite.ts'

export const raceChecks: LedgerChecks = {
  async 'of 30 grants, charges and refunds at once under one key one happens'({ ledger, newUser }) {
    const userId = await newUser()
    const grant = grantOf(userId, 3000)
    const granted = await together(30, () => ledger.grant(grant))
    assert.deepEqual(tally(granted.map(({ outcome }) => outcome)), { granted: 1, replayed: 29 })
    const charge = chargeOf(userId, 500)
    const charged = await together(30, () => ledger.charge(charge))
    assert.deepEqual(tally(charged.map(({ outcome }) => outcome)), { charged: 1, replayed: 29 })
    assert.equal(await ledger.balance(userId), 2500)
    const refunds = await together(30, () => ledger.refund({ reference: charge.reference, reason: 'It failed' }))
    assert.deepEqual(tally(refunds.map(({ outcome }) => outcome)), { refunded: 1, replayed: 29 })
    assert(refunds.every(({ refunded }) => refunded === 500))
    assert.equal(await ledger.balance(userId), 3000)
    assert.equal((await entriesOf(ledger, userId)).length, 3)
  },

  async 'of 40 charges at once exactly as many land as there are credits for'({ ledger, newUser }) {
    const userId = await newUser(3000)
    const charged = await together(40, () => ledger.charge(chargeOf(userId, 250)))
    assert.deepEqual(tally(charged.map(({ outcome }) => outcome)), { charged: 12, insufficient_credits: 28 })
    assert.equal(await ledger.balance(userId), 0)
    checkChain(await entriesOf(ledger, userId))
  },

  async 'a charge that races its refund leaves nothing taken'({ ledger, newUser }) {
    const userId = await newUser(3000)
    for (let round = 0; round < 20; round++) {
      const charge = chargeOf(userId, 500)
      const refund = { reference: charge.reference, reason: 'Canceled' }
      const early = round % 2 ? ledger.refund(refund) : null
      const [charged, refunded] = await Promise.all([ledger.charge(charge), early ?? ledger.refund(refund)])
      const expected = charged.outcome === 'charged' ? ['charged', 'refunded'] : ['refunded', 'nothing_charged']
      assert.deepEqual([charged.outcome, refunded.outcome], expected)
      assert.equal(await ledger.balance(userId), 3000)
    }
    checkChain(await entriesOf(ledger, userId))
  },

  async 'of a whole and a partial refund at once one happens'({ ledger, newUser }) {
    const userId = await newUser(3000)
    for (let round = 0; round < 5; round++) {
      const { reference } = chargeOf(userId, 0)
      await ledger.charge({ ...chargeOf(userId, 300), reference })
      const before = await ledger.balance(userId)
      const refunds = await together(10, index =>
        ledger.refund({ reference, reason: 'One of two', ...(index % 2 ? { amount: 100 } : {}) }),
      )
      assert.deepEqual(tally(refunds.map(({ outcome }) => outcome)), { refunded: 1, replayed: 9 })
      const [given] = new Set(refunds.map(({ refunded }) => refunded))
      assert(refunds.every(({ refunded }) => refunded === given))
      assert(given === 100 || given === 300)
      assert.equal(await ledger.balance(userId), before + given)
    }
  },
}
