/** Random histories, checked against the simplest ledger there could be. */
import assert from 'node:assert/strict'
import type { CreditLedger } from '../../contracts.ts'
import { chargeOf, checkBooks, entriesOf, grantOf, type LedgerChecks } from './ledger-steps.ts'
import { property, type Random } from './random.ts'
import { type PropertyOptions, together } from './suite.ts'

/** What is known of one reference: who was charged how much, and what came back. */
interface Known {
  reference: string
  userId: string
  charged: number | null
  refunded: number | null
}

export function ledgerProperties(options: PropertyOptions): LedgerChecks {
  return {
    async 'random histories: every answer and every balance is the one that was due'({ ledger, newUser }) {
      await property(options, async random => {
        const users: [string, string] = [await newUser(), await newUser()]
        const balances = new Map(users.map(userId => [userId, 0]))
        const known: Known[] = []
        for (let step = 0; step < 40; step++) await act({ ledger, random, users, balances, known })
        for (const userId of users) assert.equal(await checkBooks(ledger, userId), balances.get(userId))
      })
    },

    async 'random crowds: whatever lands, the books are right and no reference is charged or refunded twice'({
      ledger,
      newUser,
    }) {
      await property(options, async random => {
        const userId = await newUser(random.integer(0, 2000))
        const charges = Array.from({ length: 6 }, () => chargeOf(userId, random.integer(1, 600)))
        await together(40, async () => {
          const chosen = random.pick(charges as [(typeof charges)[0]])
          if (random.chance(0.6)) return ledger.charge(chosen)
          const amount = random.chance(0.3) ? { amount: random.integer(1, chosen.amount) } : {}
          return ledger.refund({ reference: chosen.reference, reason: 'Random', ...amount })
        })
        await checkBooks(ledger, userId)
        await checkReferences(ledger, userId)
      })
    },
  }
}

interface World {
  ledger: CreditLedger
  random: Random
  users: [string, string]
  balances: Map<string, number>
  known: Known[]
}

async function act({ ledger, random, users, balances, known }: World): Promise<void> {
  const userId = random.pick(users)
  const balance = balances.get(userId) ?? 0
  const chosen = known.length > 0 && random.chance(0.6) ? known[random.integer(0, known.length - 1)] : undefined
  const earlier = chosen ?? { ...chargeOf(userId, 0), charged: null, refunded: null }
  if (!chosen) known.push(earlier)
  const wish = random.pick(['grant', 'charge', 'charge', 'refund'])
  if (wish === 'grant') {
    const grant = grantOf(userId, random.integer(1, 500))
    balances.set(userId, balance + grant.amount)
    assert.deepEqual(await ledger.grant(grant), { outcome: 'granted', balance: balance + grant.amount })
  } else if (wish === 'charge') {
    await charge({ ledger, balances }, earlier, userId, earlier.charged ?? random.integer(1, 300))
  } else {
    await refund({ ledger, balances }, earlier, random.chance(0.3) ? random.integer(1, 400) : undefined)
  }
}

async function charge(
  { ledger, balances }: Pick<World, 'ledger' | 'balances'>,
  known: Known,
  userId: string,
  amount: number,
): Promise<void> {
  // prettier-ignore
  const balance = balances.get(userId) ?? 0
  const { outcome } = await ledger.charge({ ...chargeOf(userId, amount), reference: known.reference })
  if (known.charged !== null && known.userId !== userId) assert.equal(outcome, 'conflict')
  else if (known.refunded !== null) assert.equal(outcome, 'refunded')
  else if (known.charged !== null) assert.equal(outcome, 'replayed')
  else if (balance < amount) assert.equal(outcome, 'insufficient_credits')
  else {
    assert.equal(outcome, 'charged')
    Object.assign(known, { userId, charged: amount })
    balances.set(userId, balance - amount)
  }
  assert.equal(await ledger.balance(userId), balances.get(userId))
}

async function refund(
  { ledger, balances }: Pick<World, 'ledger' | 'balances'>,
  known: Known,
  amount: number | undefined,
): Promise<void> {
  // prettier-ignore
  const { reference, charged, refunded, userId } = known
  const answer = await ledger.refund({ reference, reason: 'Random', ...(amount === undefined ? {} : { amount }) })
  if (charged === null) {
    assert.equal(answer.refunded, 0)
    assert.notEqual(answer.outcome, 'refunded')
    known.refunded = 0
    return
  }
  const due = refunded ?? Math.min(charged, amount ?? charged)
  assert.equal(answer.outcome, refunded === null ? 'refunded' : 'replayed')
  assert.equal(answer.refunded, due)
  if (refunded === null) balances.set(userId, (balances.get(userId) ?? 0) + due)
  known.refunded = due
  assert.equal(answer.balance, balances.get(userId))
}

async function checkReferences(ledger: CreditLedger, userId: string): Promise<void> {
  const byReference = Object.groupBy(await entriesOf(ledger, userId), ({ jobId }) => jobId ?? 'none')
  for (const [reference, entries = []] of Object.entries(byReference)) {
    if (reference === 'none') continue
    const charges = entries.filter(({ kind }) => kind === 'charge')
    const refunds = entries.filter(({ kind }) => kind === 'refund')
    assert.equal(charges.length, 1, 'a refund without its charge, or two charges')
    assert(refunds.length <= 1, 'two refunds')
    assert((refunds[0]?.delta ?? 0) <= -charges[0]!.delta, 'more came back than was taken')
  }
}
