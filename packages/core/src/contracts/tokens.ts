/** API keys of providers, and who may use one now. */
import type { Lane } from './models.ts'
import type { FailureKind, Scope } from './providers.ts'
import type { Instant } from './values.ts'

/** One API key of a provider. The secret lives in this process only; everyone else knows the label. */
export interface Token {
  provider: string
  label: string
  secret: string
  /** The provider account it belongs to; its own label where none is named. */
  account: string
  /** No new submits; looks go on. */
  draining: boolean
  /** Open attempts at most, per provider account and lane, before more is learned; null: as the provider declares. */
  maxOpen: number | null
  /** Submits in any 60 seconds, in the same way. */
  perMinute?: number | null
}

/** A token that could submit this job, in the order we would like to use them. */
export interface Candidate {
  provider: string
  endpoint: string
  token: string
  account: string
  /** Starting values of the provider account in this lane: what counts until something is learned. */
  maxOpen: number | null
  perMinute?: number | null
}

export interface TokenPool {
  /**
   * Chooses the first candidate that is neither disabled, resting nor full, the one with the most room first within a
   * provider, and binds it to `attemptId`. A token is busy because open attempts name it: there is nothing to return.
   * Of several tokens one that was never accepted yet gets one call at a time.
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
  /** What is believed now, for people who look after it. No secrets. */
  snapshot?(): Promise<PoolSnapshot>
}
export type Acquired =
  | { status: 'token'; candidate: Candidate }
  /** All are resting or full; worth asking again then. */
  | { status: 'wait'; waitSeconds: number }
  /** None could serve it, now or later: no candidates, or all disabled. */
  | { status: 'none' }

export interface PoolSnapshot {
  lanes: LaneSnapshot[]
  tokens: TokenSnapshot[]
}
/** One lane of a provider account: limits that are configured or were learned, null where none is known. */
export interface LaneSnapshot {
  provider: string
  account: string
  lane: Lane
  /** Attempts open now. */
  open: number
  perMinute: number | null
  maxOpen: number | null
  /** 1 is good; near 0 nearly everything fails there. */
  health: number
  /** Null where it does not rest. */
  restingUntil: Instant | null
}
/**
 * A token (its label); one model of a token; a model of the provider whoever asks (`token` null); or a whole provider
 * account (`token` and `model` null). What nobody has used yet is not listed. Draining is known to the process alone.
 */
export interface TokenSnapshot {
  provider: string
  account: string | null
  token: string | null
  model: string | null
  state: 'active' | 'resting' | 'suspect' | 'disabled' | 'exhausted'
  restingUntil: Instant | null
}

export interface TokenEvent {
  provider: string
  token: string
  account: string
  lane: Lane
  model: string
  /** `checked`: the key was asked about, outside of any attempt; it is good unless a refusal says otherwise. */
  outcome: 'accepted' | 'refused' | 'ended' | 'checked'
  refusal?: { kind: FailureKind; scope: Scope; retryAfterSeconds?: number }
  attemptId: string
}
