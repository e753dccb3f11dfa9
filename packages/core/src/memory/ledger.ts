/** The credit ledger: a reference is charged once and refunded once, in this order or not at all. */
import type { CreditLedger } from '../contracts.ts'
import { SafelightError } from '../errors.ts'
import type { Accounts } from './accounts.ts'
import { type Direct, page } from './direct.ts'

interface Reference {
  /** Null where a refund came before any charge: the tombstone that a late charge meets. */
  userId: string | null
  charged: number
  refunded: number
  closed: boolean
}

const UNUSED: Reference = { userId: null, charged: 0, refunded: 0, closed: false }
const isAmount = (amount: number) => Number.isSafeInteger(amount) && amount > 0

export function memoryLedger({ find, balance, post }: Accounts): Direct<CreditLedger> {
  const references = new Map<string, Reference>()
  const grants = new Map<string, { userId: string; amount: number }>()

  return {
    balance,
    charge({ userId, amount, reference, description }) {
      const standing = balance(userId)
      if (!isAmount(amount)) return { outcome: 'invalid', balance: standing }
      const earlier = references.get(reference)
      if (earlier) {
        const other = earlier.userId !== null && (earlier.userId !== userId || earlier.charged !== amount)
        return { outcome: other ? 'conflict' : earlier.closed ? 'refunded' : 'replayed', balance: standing }
      }
      if (!find(userId)) return { outcome: 'no_account', balance: 0 }
      if (standing < amount) return { outcome: 'insufficient_credits', balance: standing }
      references.set(reference, { ...UNUSED, userId, charged: amount })
      const entry = { kind: 'charge', delta: -amount, description, jobId: reference } as const
      return { outcome: 'charged', balance: post(userId, entry) }
    },
    refund({ reference, amount, reason }) {
      if (amount !== undefined && !Number.isSafeInteger(amount)) {
        throw new SafelightError('invalid_input', 'Credits are whole numbers.')
      }
      const { userId, charged, refunded, closed } = references.get(reference) ?? UNUSED
      if (userId === null) {
        references.set(reference, { ...UNUSED, closed: true })
        return { outcome: 'nothing_charged', refunded: 0, balance: null }
      }
      if (closed) return { outcome: 'replayed', refunded, balance: balance(userId) }
      const back = Math.min(charged, Math.max(0, amount ?? charged))
      references.set(reference, { userId, charged, refunded: back, closed: true })
      if (back > 0) post(userId, { kind: 'refund', delta: back, description: reason, jobId: reference })
      return { outcome: 'refunded', refunded: back, balance: balance(userId) }
    },
    grant({ userId, amount, key, description }) {
      const standing = balance(userId)
      if (!isAmount(amount)) return { outcome: 'invalid', balance: standing }
      const earlier = grants.get(key)
      if (earlier) {
        const same = earlier.userId === userId && earlier.amount === amount
        return { outcome: same ? 'replayed' : 'conflict', balance: standing }
      }
      grants.set(key, { userId, amount })
      return { outcome: 'granted', balance: post(userId, { kind: 'grant', delta: amount, description, jobId: null }) }
    },
    entries: ({ userId, ...query }) => page(find(userId)?.entries ?? [], query, () => true),
  }
}
