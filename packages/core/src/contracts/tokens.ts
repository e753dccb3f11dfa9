/** API keys of providers, and who may use one now. */
import type { Lane } from './models.ts'
import type { FailureKind, Scope } from './providers.ts'

/** One API key of a provider. The secret lives in this process only; everyone else knows the label. */
export interface Token {
  provider: string
  label: string
  secret: string
  /** The provider account it belongs to; its own label where none is named. */
  account: string
  /** No new submits; looks go on. */
  draining: boolean
  /** Open attempts at most, per provider account and lane; null where nobody knows. */
  maxOpen: number | null
}

/** A token that could submit this job, in the order we would like to use them. */
export interface Candidate {
  provider: string
  endpoint: string
  token: string
  account: string
  maxOpen: number | null
}

export interface TokenPool {
  /**
   * Chooses the first candidate that is neither disabled, resting nor full, least busy first within a provider, and
   * binds it to `attemptId`. A token is busy because open attempts name it: there is nothing to return.
   */
  acquire(request: {
    attemptId: string
    jobId: string
    model: string
    lane: Lane
    candidates: readonly Candidate[]
  }): Promise<Acquired>
  /** What an answer said about a token, its account or its model. Never fails a job. */
  report(event: TokenEvent): Promise<void>
}
export type Acquired =
  | { status: 'token'; candidate: Candidate }
  /** All are resting or full; worth asking again then. */
  | { status: 'wait'; waitSeconds: number }
  /** None could serve it, now or later: no candidates, or all disabled. */
  | { status: 'none' }

export interface TokenEvent {
  provider: string
  token: string
  account: string
  lane: Lane
  model: string
  outcome: 'accepted' | 'refused' | 'ended'
  refusal?: { kind: FailureKind; scope: Scope; retryAfterSeconds?: number }
  attemptId: string
}
