/** One lane of a provider account in one process: what is open, what was sent lately, and what is believed. */
import type { Instant, Lane, LaneSnapshot } from '../contracts.ts'
import type { Use } from '../token-pool/choose.ts'
import type { Facts } from '../token-pool/learn.ts'
import { type LaneState, limitOf, newLane, type Starting } from '../token-pool/reducer.ts'
import type { Rules } from '../token-pool/rules.ts'

/** A binding whose attempt was never written is forgotten after this: its process died in between. */
const UNWRITTEN_MS = 60_000

export interface Bound {
  token: string
  at: Instant
  accepted: boolean
}

export interface LaneBook {
  provider: string
  account: string
  lane: Lane
  state: LaneState
  starting: Starting
  pacedAt: Instant
  queuedUntil: Instant
  /** By attempt. */
  open: Map<string, Bound>
  /** Those of the last window and a little longer, oldest first; … */
  sent: Bound[]
  /** … how many of them are older than the window, and how many younger ones were accepted. */
  past: number
  accepted: number
}

export function newBook({ provider, account, lane }: Pick<LaneBook, 'provider' | 'account' | 'lane'>, rules: Rules) {
  const starting = { perMinute: null, maxOpen: null }
  const times = { pacedAt: 0, queuedUntil: 0 }
  const counts = { past: 0, accepted: 0 }
  const book: LaneBook = { provider, account, lane, state: newLane(rules), starting, ...times, ...counts, open: new Map(), sent: [] } // prettier-ignore
  return book
}

/** Forgets what has ended and what is past. `isOpen` is undefined for an attempt that was never written. */
export function tidy(
  book: LaneBook,
  isOpen: (attemptId: string) => boolean | undefined,
  at: Instant,
  rules: Rules,
): void {
  // prettier-ignore
  for (const [attemptId, { at: boundAt, accepted }] of book.open) {
    if (!(isOpen(attemptId) ?? (accepted || boundAt > at - UNWRITTEN_MS))) book.open.delete(attemptId)
  }
  for (let next = book.sent[book.past]; next && next.at <= at - rules.window; next = book.sent[book.past]) {
    book.past += 1
    book.accepted -= Number(next.accepted)
  }
  while (book.sent[0] && book.sent[0].at <= at - rules.window / rules.pace) {
    book.sent.shift()
    book.past -= 1
  }
}

/** After `tidy` at the same instant. */
export function accept(book: LaneBook, bound: Bound, at: Instant, rules: Rules): void {
  if (!bound.accepted && bound.at > at - rules.window) book.accepted += 1
  bound.accepted = true
}

export function useOf({ open, sent, pacedAt, queuedUntil }: LaneBook, token: string, at: Instant, rules: Rules): Use {
  const use = { open: open.size, sent: sent.length, pacedAt, queuedUntil }
  let [unanswered, openOfToken, unansweredOfToken] = [0, 0, 0]
  for (const bound of open.values()) {
    const waits = Number(!bound.accepted && bound.at > at - rules.trial)
    unanswered += waits
    if (bound.token !== token) continue
    openOfToken += 1
    unansweredOfToken += waits
  }
  return { ...use, unanswered, openOfToken, unansweredOfToken }
}

export function factsOf({ open, sent, past, accepted, starting }: LaneBook, sentAt: Instant, at: Instant): Facts {
  let openAccepted = 0
  for (const bound of open.values()) openAccepted += Number(bound.accepted)
  return { at, sentAt, sent: sent.length - past, accepted, open: open.size, openAccepted, starting }
}

export function snapshotOf({ provider, account, lane, state, starting, open }: LaneBook, at: Instant): LaneSnapshot {
  const restingUntil = Math.max(state.pausedUntil, state.brokenUntil)
  return {
    provider,
    account,
    lane,
    open: open.size,
    perMinute: limitOf(state.rate, starting.perMinute),
    maxOpen: limitOf(state.open, starting.maxOpen),
    health: state.health,
    restingUntil: restingUntil > at ? restingUntil : null,
  }
}
