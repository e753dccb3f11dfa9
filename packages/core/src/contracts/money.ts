/** Credits, limits and settings. */
import type { LimitState } from '../errors.ts'
import type { Page } from './jobs.ts'
import type { Kind } from './models.ts'
import type { Instant } from './values.ts'

export interface LedgerEntry {
  id: string
  kind: 'grant' | 'charge' | 'refund' | 'adjustment'
  /** Signed. */
  delta: number
  balanceAfter: number
  description: string
  jobId: string | null
  createdAt: Instant
}

export interface CreditLedger {
  /** Atomic and keyed by `reference`: a second charge changes nothing, a charge after its refund takes nothing. */
  charge(charge: { userId: string; amount: number; reference: string; description: string; kind: Kind }): Promise<{
    outcome: 'charged' | 'replayed' | 'conflict' | 'refunded' | 'insufficient_credits' | 'no_account' | 'invalid'
    balance: number
  }>
  /**
   * Gives back what is left of the charge under `reference`, or `amount` of it when given, and closes the reference:
   * one refund for each, ever. With nothing charged it only closes, so a late charge cannot land.
   */
  refund(refund: { reference: string; amount?: number; reason: string }): Promise<{
    outcome: 'refunded' | 'replayed' | 'nothing_charged'
    /** Credits given back under this reference in all, now or before. */
    refunded: number
    balance: number | null
  }>
  /** Idempotent by `key`; makes the account where there is none. */
  grant(grant: { userId: string; amount: number; key: string; description: string }): Promise<{
    outcome: 'granted' | 'replayed' | 'conflict' | 'invalid'
    balance: number
  }>
  balance(userId: string): Promise<number>
  entries(query: { userId: string; limit: number; cursor?: string }): Promise<Page<LedgerEntry>>
}

export interface Limit {
  /** As in `user:<id>` or `ip:<address>`. */
  key: string
  /** What people call it: `user`, `ip`, `cancel`. */
  name: string
  max: number
  windowSeconds: number
}

export interface RateLimiter {
  /** Takes one from every bucket or from none. Exact: never more than `max` in any `windowSeconds`. */
  take(limits: readonly Limit[]): Promise<{ allowed: boolean; retryAfterSeconds: number; limits: LimitState[] }>
  /** Where the caller stands; takes nothing. */
  peek(limits: readonly Limit[]): Promise<LimitState[]>
}

export interface SettingsValues {
  appEnabled: boolean
  disabledModels: string[]
  limits: { userPerMinute: number; ipPerMinute: number; windowSeconds: number }
  signupBonus: number
  retentionDays: number
  freeCancelsPerDay: number
}

export interface Settings {
  read(): Promise<SettingsValues>
  write(change: Partial<SettingsValues>): Promise<SettingsValues>
}
