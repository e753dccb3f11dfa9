/** Credits and rate limits over SQL functions. */
import type { CreditLedger, Limit, RateLimiter } from '@safelight/core'
import { SafelightError } from '@safelight/core'
import type { SqlDriver } from './driver.ts'
import { isUuid, pageOf, placeInSequence } from './pages.ts'
import { type LedgerRow, type LimitRow, toLedgerEntry, toLimitState, wholeSeconds } from './rows.ts'

type Answer<Method extends keyof CreditLedger> = Awaited<ReturnType<CreditLedger[Method]>>

export function creditLedger(call: SqlDriver['call']): CreditLedger {
  return {
    async charge({ userId, amount, reference, description, kind }) {
      if (!isUuid(userId)) return { outcome: 'no_account', balance: 0 }
      const { outcome, balance } = await call<Answer<'charge'>>('charge_credits', {
        user_id: userId,
        amount: wholeOrNull(amount),
        reference,
        job_id: isUuid(reference) ? reference : null,
        description,
        metadata: { operation: kind },
      })
      return { outcome, balance }
    },
    async refund({ reference, amount, reason }) {
      if (amount !== undefined && !Number.isSafeInteger(amount)) {
        throw new SafelightError('invalid_input', 'Credits are whole numbers.')
      }
      return call<Answer<'refund'>>('refund_charge', { reference, amount, reason, metadata: {} })
    },
    async grant({ userId, amount, key, description }) {
      const args = { user_id: isUuid(userId) ? userId : null, amount: wholeOrNull(amount), key, description }
      return call<Answer<'grant'>>('grant_credits', args)
    },
    balance: async userId => (isUuid(userId) ? call<number>('read_balance', { user_id: userId }) : 0),
    async entries({ userId, limit, cursor }) {
      const before = placeInSequence(cursor)
      if (!isUuid(userId)) return { items: [], nextCursor: null }
      const rows = await call<LedgerRow[]>('list_ledger', { user_id: userId, limit: limit + 1, before })
      return pageOf(rows, limit, toLedgerEntry, ({ seq }) => [seq])
    },
  }
}

function wholeOrNull(amount: number): number | null {
  return Number.isSafeInteger(amount) ? amount : null
}

interface TakenRow {
  allowed: boolean
  retry_after_ms: number
  limits: LimitRow[]
}

export function rateLimiter(call: SqlDriver['call']): RateLimiter {
  const listed = (limits: readonly Limit[]) =>
    limits.map(({ key, name, max, windowSeconds }) => ({ key, name, max, windowSeconds }))
  return {
    async take(limits) {
      const taken = await call<TakenRow>('take_rate_limits', { limits: listed(limits) })
      const retryAfterSeconds = wholeSeconds(taken.retry_after_ms)
      return { allowed: taken.allowed, retryAfterSeconds, limits: taken.limits.map(toLimitState) }
    },
    async peek(limits) {
      return (await call<LimitRow[]>('peek_rate_limits', { limits: listed(limits) })).map(toLimitState)
    },
  }
}
