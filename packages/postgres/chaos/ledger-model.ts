/** The ledger against a model of a few lines: whatever is done in whatever order, every balance is the sum of its entries. */
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { postgres } from '../src/database.ts'
import type { SqlDriver } from '../src/driver.ts'
import { newUser } from '../src/testing/engines.ts'

type Step =
  | { do: 'grant'; user: number; key: number; amount: number }
  | { do: 'charge'; user: number; reference: number; amount: number }
  | { do: 'refund'; reference: number; amount: number | undefined }

const anyUser = fc.nat({ max: 1 })
const anyReference = fc.nat({ max: 3 })
const anyAmount = fc.constantFrom(1, 100, 500, 1000)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('grant' as const), user: anyUser, key: anyReference, amount: anyAmount }),
  fc.record({ do: fc.constant('charge' as const), user: anyUser, reference: anyReference, amount: anyAmount }),
  fc.record({
    do: fc.constant('refund' as const),
    reference: anyReference,
    amount: fc.option(anyAmount, { nil: undefined }),
  }),
)

interface Reference {
  user?: number
  charged: number
  refunded: number
  closed: boolean
}

/** The rules, without SQL. */
function model() {
  const balances = [0, 0]
  const grants = new Map<number, { user: number; amount: number }>()
  const known = new Map<number, Reference>()
  const entries = [0, 0]
  const post = (user: number, delta: number) => {
    balances[user]! += delta
    entries[user]! += 1
  }
  return {
    balances,
    entries,
    apply(step: Step): string {
      if (step.do === 'grant') {
        const earlier = grants.get(step.key)
        if (earlier) return earlier.user === step.user && earlier.amount === step.amount ? 'replayed' : 'conflict'
        grants.set(step.key, step)
        post(step.user, step.amount)
        return 'granted'
      }
      const reference = known.get(step.reference)
      if (step.do === 'charge') {
        if (reference?.user !== undefined && (reference.user !== step.user || reference.charged !== step.amount))
          return 'conflict'
        if (reference) return reference.closed ? 'refunded' : 'replayed'
        if (balances[step.user]! < step.amount) return 'insufficient_credits'
        known.set(step.reference, { user: step.user, charged: step.amount, refunded: 0, closed: false })
        post(step.user, -step.amount)
        return 'charged'
      }
      if (reference?.user === undefined) {
        known.set(step.reference, { charged: 0, refunded: 0, closed: true })
        return 'nothing_charged'
      }
      if (reference.closed) return 'replayed'
      reference.refunded = Math.min(reference.charged, step.amount ?? reference.charged)
      reference.closed = true
      post(reference.user, reference.refunded)
      return 'refunded'
    },
  }
}

/** Throws with the seed, and with the shortest sequence that shows it, where the SQL and the model differ. */
export async function compareWithModel(driver: SqlDriver, options: { runs: number; seed?: number }): Promise<void> {
  const { ledger } = postgres(driver)
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 30 }), async sequence => {
    const run = randomUUID()
    const ids = [await newUser(driver), await newUser(driver)]
    const expected = model()
    for (const step of sequence) {
      const outcome = await apply(step)
      assert.equal(outcome, expected.apply(step), JSON.stringify(step))
    }
    for (const [user, userId] of ids.entries())
      await checkBooks(driver, userId, expected.balances[user]!, expected.entries[user]!)

    async function apply(step: Step): Promise<string> {
      if (step.do === 'grant') {
        const grant = { userId: ids[step.user]!, amount: step.amount, key: `${run}:${step.key}`, description: 'Grant' }
        return (await ledger.grant(grant)).outcome
      }
      const reference = `${run}:${step.reference}`
      if (step.do === 'refund') {
        const amount = step.amount === undefined ? {} : { amount: step.amount }
        return (await ledger.refund({ reference, ...amount, reason: 'Refund' })).outcome
      }
      const charge = {
        userId: ids[step.user]!,
        amount: step.amount,
        reference,
        description: 'Charge',
        kind: 'image',
      } as const
      return (await ledger.charge(charge)).outcome
    }
  })
  await fc.assert(property, { numRuns: options.runs, ...(options.seed === undefined ? {} : { seed: options.seed }) })
}

async function checkBooks(driver: SqlDriver, userId: string, balance: number, entries: number): Promise<void> {
  const [books] = await driver.query(
    `select a.balance::integer, a.seq::integer, count(l.*)::integer as entries, coalesce(sum(l.delta), 0)::integer as sum,
            coalesce(bool_and(l.balance_after = l.running), true) as chained
       from public.credit_accounts a
       left join (select *, sum(delta) over (partition by user_id order by seq) as running from public.credit_ledger) l using (user_id)
      where a.user_id = $1 group by a.user_id`,
    [userId],
  )
  assert.deepEqual(books, { balance, seq: entries, entries, sum: balance, chained: true })
}
