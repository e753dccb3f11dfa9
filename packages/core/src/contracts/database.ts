/** The ports that live in a database together. */
import type { ErrorCode, LimitState } from '../errors.ts'
import type { EndState, Job, JobStore, NewJob } from './jobs.ts'
import type { MediaLibrary, StoredFile } from './media.ts'
import type { Lane } from './models.ts'
import type { CreditLedger, RateLimiter, Settings } from './money.ts'
import type { Journal, Users } from './people.ts'
import type { Acquired, Candidate, TokenPool } from './tokens.ts'
import type { Upkeep } from './upkeep.ts'

/** What admission needs to know; everything else is in the database. */
export interface Admission {
  job: NewJob
  ip: string | null
  /** Some route has a token that could ever serve it. */
  hasCapacity: boolean
}
export type Admitted =
  | { outcome: 'admitted' | 'replayed'; job: Job; balance: number; limits: LimitState[] }
  | {
      outcome:
        | Extract<
            ErrorCode,
            | 'idempotency_conflict'
            | 'rate_limited'
            | 'closed'
            | 'model_disabled'
            | 'no_capacity'
            | 'insufficient_credits'
          >
        | 'no_account'
      balance: number
      retryAfterSeconds: number
      limits: LimitState[]
    }

export type Begun =
  | { status: 'begun'; job: Job; candidate: Candidate }
  | { status: 'lost' }
  | Exclude<Acquired, { status: 'token' }>

/** How a job ends: the files that were delivered, and the rest refunded. */
export interface Settlement {
  /** In `storing` or `refunding`; the compare-and-set is part of it. */
  job: Job
  ending: EndState
  files: { id: string; index: number; file: StoredFile }[]
  reason: string
}

/** Which webhook deliveries have been dealt with. Kept for a day at least. */
export interface Deliveries {
  seen(provider: string, deliveryId: string): Promise<boolean>
  /** After the delivery took effect; remembering twice is fine. */
  remember(provider: string, deliveryId: string): Promise<void>
}

/**
 * The ports that live in a database together. Where `admit`, `begin` and `settle` are offered each is one round trip and
 * one transaction; without them, or when the app replaces one of the ports, the engine uses the single ports. A database
 * that lasts has upkeep as well.
 */
export interface Database extends Partial<Upkeep> {
  jobs: JobStore
  ledger: CreditLedger
  limiter: RateLimiter
  tokens: TokenPool
  settings: Settings
  library: MediaLibrary
  users: Users
  journal: Journal
  deliveries: Deliveries
  /** Order of refusal: replay, limits, kill switch, model, capacity, balance. Only a 429 and a replay write nothing. */
  admit?(admission: Admission): Promise<Admitted>
  begin?(request: {
    job: Job
    attemptId: string
    number: number
    lane: Lane
    candidates: readonly Candidate[]
    wakeInSeconds: number
  }): Promise<Begun>
  /** Media rows, refund of what was not delivered, end state: once. Null when the job had moved. */
  settle?(settlement: Settlement): Promise<Job | null>
  /** Answers, with a schema this code knows; throws with a plain sentence otherwise. */
  check(): Promise<void>
  close(): Promise<void>
}
