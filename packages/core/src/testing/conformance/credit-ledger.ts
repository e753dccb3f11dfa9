/** What every `CreditLedger` promises: no credit appears, vanishes or is counted twice, whoever repeats or races. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { refusesCursors, tryToSpoil } from './job-steps.ts'
import { ledgerProperties } from './ledger-properties.ts'
import { raceChecks } from './ledger-races.ts'
import {
  chargeOf,
  checkChain,
  entriesOf,
  grantOf,
  sumOf,
  type LedgerChecks,
  type LedgerHarness,
} from './ledger-steps.ts'
import { type Case, type Make, type PropertyOptions, suite } from './suite.ts'

/** The suite of `CreditLedger`. */
export function creditLedgerCases(make: Make<LedgerHarness>, options: PropertyOptions = {}): Case[] {
  const checks = { ...grantChecks, ...chargeChecks, ...refundChecks, ...raceChecks, ...entryChecks }
  return suite(make, { ...checks, ...ledgerProperties(options) })
}

const NOT_AMOUNTS = [0, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]

const grantChecks: LedgerChecks = {
  async 'a grant arrives once, however often it is sent'({ ledger, newUser }) {
    const grant = grantOf(await newUser(), 700)
    assert.deepEqual(await ledger.grant(grant), { outcome: 'granted', balance: 700 })
    assert.deepEqual(await ledger.grant(grant), { outcome: 'replayed', balance: 700 })
    assert.equal(await ledger.balance(grant.userId), 700)
    const [entry, ...others] = await entriesOf(ledger, grant.userId)
    assert.deepEqual(others, [])
    assert.deepEqual(
      [entry?.kind, entry?.delta, entry?.balanceAfter, entry?.description, entry?.jobId],
      ['grant', 700, 700, grant.description, null],
    )
  },

  async 'a grant makes the account of somebody without one'({ ledger }) {
    const userId = randomUUID()
    assert.equal(await ledger.balance(userId), 0)
    assert.deepEqual(await ledger.grant(grantOf(userId, 5)), { outcome: 'granted', balance: 5 })
  },

  async 'the same key with another amount or user is a conflict'({ ledger, newUser }) {
    const grant = grantOf(await newUser(), 700)
    await ledger.grant(grant)
    assert.deepEqual(await ledger.grant({ ...grant, amount: 701 }), { outcome: 'conflict', balance: 700 })
    const other = await newUser(3)
    assert.deepEqual(await ledger.grant({ ...grant, userId: other }), { outcome: 'conflict', balance: 3 })
    assert.equal(await ledger.balance(grant.userId), 700)
    assert.equal(await ledger.balance(other), 3)
  },

  async 'what is no amount is granted to nobody'({ ledger, newUser }) {
    const userId = await newUser(10)
    for (const amount of NOT_AMOUNTS) {
      assert.equal((await ledger.grant(grantOf(userId, amount))).outcome, 'invalid', String(amount))
    }
    assert.equal(await ledger.balance(userId), 10)
  },
}

const chargeChecks: LedgerChecks = {
  async 'a charge takes the amount and writes it down'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    assert.deepEqual(await ledger.charge(charge), { outcome: 'charged', balance: 2500 })
    assert.equal(await ledger.balance(charge.userId), 2500)
    const [entry] = await entriesOf(ledger, charge.userId)
    assert(entry && Number.isInteger(entry.createdAt))
    assert.deepEqual(
      [entry.kind, entry.delta, entry.balanceAfter, entry.description, entry.jobId],
      ['charge', -500, 2500, charge.description, charge.reference],
    )
  },

  async 'the same charge again takes nothing'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    await ledger.charge(charge)
    assert.deepEqual(await ledger.charge(charge), { outcome: 'replayed', balance: 2500 })
    assert.equal((await entriesOf(ledger, charge.userId)).filter(({ kind }) => kind === 'charge').length, 1)
  },

  async 'another charge under the same reference is a conflict'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    await ledger.charge(charge)
    assert.deepEqual(await ledger.charge({ ...charge, amount: 400 }), { outcome: 'conflict', balance: 2500 })
    const other = await newUser(1000)
    assert.deepEqual(await ledger.charge({ ...charge, userId: other }), { outcome: 'conflict', balance: 1000 })
    assert.equal(await ledger.balance(charge.userId), 2500)
    assert.equal(await ledger.balance(other), 1000)
  },

  async 'the last credit can be spent, and not one more'({ ledger, newUser }) {
    const userId = await newUser(500)
    const short = chargeOf(userId, 501)
    assert.deepEqual(await ledger.charge(short), { outcome: 'insufficient_credits', balance: 500 })
    assert.deepEqual(await ledger.charge(chargeOf(userId, 500)), { outcome: 'charged', balance: 0 })
    assert.deepEqual(await ledger.charge(chargeOf(userId, 1)), { outcome: 'insufficient_credits', balance: 0 })
  },

  async 'a charge that failed for lack of credits may come again'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(100), 500)
    assert.equal((await ledger.charge(charge)).outcome, 'insufficient_credits')
    await ledger.grant(grantOf(charge.userId, 400))
    assert.deepEqual(await ledger.charge(charge), { outcome: 'charged', balance: 0 })
  },

  async 'somebody without an account is charged nothing'({ ledger }) {
    const charge = chargeOf(randomUUID(), 500)
    assert.deepEqual(await ledger.charge(charge), { outcome: 'no_account', balance: 0 })
    assert.equal(await ledger.balance(charge.userId), 0)
    assert.deepEqual(await entriesOf(ledger, charge.userId), [])
  },

  async 'what is no amount is charged to nobody'({ ledger, newUser }) {
    const userId = await newUser(10)
    for (const amount of NOT_AMOUNTS) {
      assert.equal((await ledger.charge(chargeOf(userId, amount))).outcome, 'invalid', String(amount))
    }
    assert.equal(await ledger.balance(userId), 10)
  },
}

const refundChecks: LedgerChecks = {
  async 'a refund gives the whole charge back, once'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    await ledger.charge(charge)
    const refund = { reference: charge.reference, reason: 'It failed' }
    assert.deepEqual(await ledger.refund(refund), { outcome: 'refunded', refunded: 500, balance: 3000 })
    assert.deepEqual(await ledger.refund(refund), { outcome: 'replayed', refunded: 500, balance: 3000 })
    assert.deepEqual(await ledger.refund({ ...refund, amount: 100 }), {
      outcome: 'replayed',
      refunded: 500,
      balance: 3000,
    })
    const [entry] = await entriesOf(ledger, charge.userId)
    assert.deepEqual(
      [entry?.kind, entry?.delta, entry?.balanceAfter, entry?.description, entry?.jobId],
      ['refund', 500, 3000, 'It failed', charge.reference],
    )
  },

  async 'a part of a charge is refunded once, and the rest stays taken'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 1500)
    await ledger.charge(charge)
    const refund = { reference: charge.reference, amount: 500, reason: 'One of three is missing' }
    assert.deepEqual(await ledger.refund(refund), { outcome: 'refunded', refunded: 500, balance: 2000 })
    assert.deepEqual(await ledger.refund(refund), { outcome: 'replayed', refunded: 500, balance: 2000 })
    const rest = await ledger.refund({ reference: charge.reference, reason: 'The rest' })
    assert.deepEqual(rest, { outcome: 'replayed', refunded: 500, balance: 2000 })
  },

  async 'no refund gives more than was charged, or takes anything'({ ledger, newUser }) {
    for (const amount of [501, 100_000, -1, -500, 0.5, Number.NaN]) {
      const charge = chargeOf(await newUser(3000), 500)
      await ledger.charge(charge)
      await ledger.refund({ reference: charge.reference, amount, reason: 'Odd' }).catch(() => null)
      const balance = await ledger.balance(charge.userId)
      assert(balance >= 2500 && balance <= 3000, `a refund of ${amount} left ${balance}`)
      const entries = await entriesOf(ledger, charge.userId)
      assert.equal(sumOf(entries), balance)
      assert(entries.every(({ delta }) => Number.isInteger(delta) && delta !== 0))
    }
  },

  async 'a refund before its charge closes the reference: the late charge takes nothing'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    const refund = { reference: charge.reference, reason: 'Canceled' }
    assert.deepEqual(await ledger.refund(refund), { outcome: 'nothing_charged', refunded: 0, balance: null })
    assert.deepEqual(await ledger.charge(charge), { outcome: 'refunded', balance: 3000 })
    assert.deepEqual(await ledger.charge(charge), { outcome: 'refunded', balance: 3000 })
    const again = await ledger.refund(refund)
    assert.equal(again.refunded, 0)
    assert.notEqual(again.outcome, 'refunded')
    assert.equal(await ledger.balance(charge.userId), 3000)
    assert.deepEqual(
      (await entriesOf(ledger, charge.userId)).filter(({ jobId }) => jobId !== null),
      [],
    )
  },

  async 'a charge after its refund takes nothing'({ ledger, newUser }) {
    const charge = chargeOf(await newUser(3000), 500)
    await ledger.charge(charge)
    await ledger.refund({ reference: charge.reference, reason: 'It failed' })
    assert.deepEqual(await ledger.charge(charge), { outcome: 'refunded', balance: 3000 })
    assert.equal(await ledger.balance(charge.userId), 3000)
  },

  async 'a refund of one reference leaves others alone'({ ledger, newUser }) {
    const first = chargeOf(await newUser(3000), 500)
    const second = chargeOf(first.userId, 700)
    await ledger.charge(first)
    await ledger.charge(second)
    await ledger.refund({ reference: first.reference, reason: 'It failed' })
    assert.deepEqual(await ledger.charge(second), { outcome: 'replayed', balance: 2300 })
    const refund = await ledger.refund({ reference: second.reference, reason: 'It failed' })
    assert.deepEqual(refund, { outcome: 'refunded', refunded: 700, balance: 3000 })
  },
}

const entryChecks: LedgerChecks = {
  async 'entries come newest first and page by page, each once'({ ledger, newUser }) {
    const userId = await newUser()
    for (let amount = 1; amount <= 11; amount++) await ledger.grant(grantOf(userId, amount))
    const all = await entriesOf(ledger, userId)
    assert.deepEqual(
      all.map(({ delta }) => delta),
      [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    )
    assert.equal(new Set(all.map(({ id }) => id)).size, 11)
    checkChain(all)
    for (const limit of [1, 3, 10, 11, 12])
      assert.deepEqual(await entriesOf(ledger, userId, limit), all, `limit ${limit}`)
    assert.equal((await ledger.entries({ userId, limit: 11 })).nextCursor, null)
    assert.deepEqual(await ledger.entries({ userId: randomUUID(), limit: 10 }), { items: [], nextCursor: null })
  },

  async 'entries written between two pages move nothing'({ ledger, newUser }) {
    const userId = await newUser()
    for (let amount = 1; amount <= 4; amount++) await ledger.grant(grantOf(userId, amount))
    const { items, nextCursor } = await ledger.entries({ userId, limit: 2 })
    await ledger.grant(grantOf(userId, 99))
    assert(nextCursor !== null)
    const next = await ledger.entries({ userId, limit: 2, cursor: nextCursor })
    assert.deepEqual(
      [...items, ...next.items].map(({ delta }) => delta),
      [4, 3, 2, 1],
    )
  },

  async 'a cursor that is none of its own is refused'({ ledger, newUser }) {
    const userId = await newUser(10)
    await refusesCursors(cursor => ledger.entries({ userId, limit: 1, cursor }))
  },

  async 'entries are copies'({ ledger, newUser }) {
    const userId = await newUser(10)
    const before = await entriesOf(ledger, userId)
    const { items } = await ledger.entries({ userId, limit: 10 })
    tryToSpoil(() => (items[0]!.delta = 1_000_000))
    tryToSpoil(() => items.pop())
    assert.deepEqual(await entriesOf(ledger, userId), before)
    assert.equal(await ledger.balance(userId), 10)
  },
}
