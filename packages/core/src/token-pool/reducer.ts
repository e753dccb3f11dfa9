/**
 * What the pool believes, and how each answer of a provider changes it. Pure: `(state, event) → state`, in memory and
 * over SQL alike; the state is JSON. A state that comes back as the same object has not changed.
 *
 *   lane       (provider account, lane): how many submits in a minute, how many open at once, paused, in good health?
 *   standing   a token, a (token, model), a provider account, or a model: may it be used, and from when on?
 *
 * A limit is learned by hold and probe. The first refusal teaches it. Then it is held for a while, and while it is what
 * keeps us waiting a little more is tried: refused, it stands and is held twice as long; accepted, it grows. A refusal
 * out of the blue lowers it. Calls that were on the wire together and are refused together count once.
 */
import type { FailureKind, Instant } from '../contracts.ts'
import type { Rules } from './rules.ts'

export interface Belief {
  /** Null as long as nothing was learned: what was configured counts, if anything was. */
  value: number | null
  /** More than `value`, while that is being tried. */
  trying: number | null
  triedAt: Instant
  heldUntil: Instant
  holdMs: number
  /** How much more is tried next, as a share. */
  step: number
  /** The most that was true, fading; null until the first try for more has failed. */
  peak: number | null
}

export interface LaneState {
  /** Submits in a window. */
  rate: Belief
  /** Attempts open at once. */
  open: Belief
  /** Submits at once, whatever the rate. */
  burst: number
  /** Rate limits in a row. */
  strikes: number
  refusedAt: Instant
  pausedUntil: Instant
  /** 1 is good. */
  health: number
  failedAt: Instant
  brokenUntil: Instant
  breakMs: number
}

export interface Standing {
  status: 'active' | 'resting' | 'suspect' | 'disabled' | 'exhausted'
  /** Was accepted before. */
  proven: boolean
  strikes: number
  refusedAt: Instant
  restingUntil: Instant
}

/** An answer, with what was known when it came. */
export interface Heard {
  outcome: 'accepted' | 'refused' | 'checked'
  kind?: FailureKind
  retryAfterMs: number
  at: Instant
  /** When the call went out. */
  sentAt: Instant
  /** On the lane, this call included as far as it is open: submits within the last window … */
  sent: number
  /** … those of them that were accepted … */
  accepted: number
  /** … and attempts that are open, and how many of those were accepted. */
  open: number
  openAccepted: number
  starting: Starting
}

/** What counts until something is learned; null is no limit. */
export interface Starting {
  perMinute: number | null
  maxOpen: number | null
}

const NEVER = 0

export function newLane(rules: Rules): LaneState {
  const belief = { value: null, trying: null, triedAt: NEVER, heldUntil: NEVER, holdMs: rules.hold, step: rules.stepLeast, peak: null } // prettier-ignore
  const trouble = { strikes: 0, refusedAt: NEVER, pausedUntil: NEVER }
  return {
    rate: belief,
    open: belief,
    burst: 3,
    ...trouble,
    health: 1,
    failedAt: NEVER,
    brokenUntil: NEVER,
    breakMs: 0,
  }
}
export const newStanding: Standing = { status: 'active', proven: false, strikes: 0, refusedAt: NEVER, restingUntil: NEVER } // prettier-ignore

/** The limit in force; null where there is none. */
export function limitOf({ trying, value }: Belief, starting: number | null): number | null {
  return trying ?? value ?? starting
}

// ------------------------------------------------------------------------------------------------ a limit

/** What differs between the two limits. */
interface Kind {
  belief: Belief
  /** The configured value. */
  starting: number | null
  /** What we had going: submits within a window, or attempts open. */
  used: number
  /** How much of it the provider surely has. */
  taken: number
  /** How long more has to go well before it is believed. */
  settleMs: number
  /** From a low, tries much more at once: what is too much of a rate is one refusal, of attempts it is all of them. */
  leaps: boolean
}

/** An acceptance: proof of what was tried, or time to try more. */
function afterAcceptance({ belief, starting, used, taken, settleMs, leaps }: Kind, at: Instant, rules: Rules): Belief {
  const believed = belief.value ?? starting
  if (believed === null) return belief
  if (belief.trying !== null) {
    if (taken <= believed || at < belief.triedAt + settleMs) return belief
    const peak = belief.peak && Math.max(belief.peak, taken)
    const grown = { ...belief, trying: null, value: taken, peak, step: Math.min(rules.stepMost, triedStep(belief) * 2) }
    return { ...grown, holdMs: rules.hold, heldUntil: isLow(grown, rules) ? at : at + rules.hold }
  }
  const isInTheWay = used >= believed * 0.9
  if (!isInTheWay || at < belief.heldUntil) return belief
  if (belief.value === null) return { ...belief, value: believed, heldUntil: at + rules.hold }
  const step = leaps && isLow(belief, rules) ? rules.stepMost : belief.step
  return { ...belief, trying: believed + Math.max(1, Math.floor(believed * step)), triedAt: at }
}

/** A refusal because of this limit. */
function afterRefusal({ belief, starting, taken }: Kind, at: Instant, rules: Rules): Belief {
  const believed = belief.value ?? starting
  if (belief.trying !== null && believed !== null) {
    const value = Math.max(believed, Math.min(taken, Math.floor((believed + belief.trying) / 2)))
    const peak = Math.max(value, (belief.peak ?? 0) * rules.fading)
    const holdMs = Math.min(
      belief.holdMs * 2,
      isLow({ ...belief, value, peak }, rules) ? rules.holdLow : rules.holdMost,
    )
    const step = Math.max(rules.stepLeast, triedStep(belief) / 2)
    return { ...belief, value, trying: null, peak, step, holdMs, heldUntil: at + holdMs }
  }
  const value = believed === null ? taken : lowered(believed, taken, rules)
  return { ...belief, value: Math.max(1, value), holdMs: rules.hold, heldUntil: at + rules.hold }
}

function lowered(believed: number, taken: number, rules: Rules): number {
  return Math.floor(Math.max(believed / 2, Math.min(believed * (1 - rules.cut), taken)))
}

function triedStep({ trying, value }: Belief): number {
  return (trying ?? 0) / (value ?? 1) - 1
}

function isLow({ value, peak }: Belief, rules: Rules): boolean {
  return peak === null || (value ?? 0) < peak * rules.low
}

function rateOf(lane: LaneState, { starting, sent, accepted, outcome }: Heard, rules: Rules): Kind {
  const taken = outcome === 'accepted' ? sent : accepted
  return { belief: lane.rate, starting: starting.perMinute, used: sent, taken, settleMs: rules.window, leaps: true }
}

function opennessOf(lane: LaneState, { starting, open, openAccepted }: Heard): Kind {
  return { belief: lane.open, starting: starting.maxOpen, used: open, taken: openAccepted, settleMs: 0, leaps: false }
}

// ------------------------------------------------------------------------------------------------ a lane

export function laneAfter(lane: LaneState, heard: Heard, rules: Rules): LaneState {
  const { outcome, kind } = heard
  if (outcome === 'accepted') return afterAccepted(lane, heard, rules)
  if (kind === 'rate_limited') return afterTooMany(lane, heard, rules)
  if (kind === 'concurrency') return afterTooManyOpen(lane, heard, rules)
  return afterTrouble(lane, heard, rules)
}

function afterAccepted(lane: LaneState, heard: Heard, rules: Rules): LaneState {
  const { at, sentAt } = heard
  const next = { ...lane }
  next.rate = afterAcceptance(rateOf(lane, heard, rules), at, rules)
  next.open = afterAcceptance(opennessOf(lane, heard), at, rules)
  if (sentAt > lane.refusedAt) next.strikes = 0
  if (lane.health < 1 && sentAt > lane.failedAt) {
    const health = lane.health + (1 - lane.health) * rules.healing
    next.health = health > 0.95 ? 1 : health
    next.brokenUntil = NEVER
    if (next.health === 1) next.breakMs = 0
  }
  return changed(lane, next)
}

function afterTooMany(lane: LaneState, heard: Heard, rules: Rules): LaneState {
  const { at, retryAfterMs, accepted, starting } = heard
  if (isEcho(lane.refusedAt, heard)) return paused(lane, at + retryAfterMs)
  const pauseMs = Math.min(rules.window, rules.pause * 2 ** Math.min(lane.strikes, 20))
  const next = paused({ ...lane, strikes: lane.strikes + 1, refusedAt: at }, at + Math.max(retryAfterMs, pauseMs))
  const believed = limitOf(lane.rate, starting.perMinute)
  // Far from the limit: these came too quickly, not too often.
  if (believed !== null && lane.burst > 1 && accepted < believed / 2) return { ...next, burst: 1 }
  const rate = afterRefusal(rateOf(lane, heard, rules), at, rules)
  if (believed === null && accepted < rules.rateFirst) return { ...next, rate: { ...rate, value: rules.rateFirst } }
  return { ...next, rate }
}

function afterTooManyOpen(lane: LaneState, heard: Heard, rules: Rules): LaneState {
  const { at, retryAfterMs, openAccepted, starting } = heard
  const next = paused(lane, at + Math.max(retryAfterMs, rules.pauseOpen))
  if (!isEcho(lane.refusedAt, heard)) {
    return { ...next, refusedAt: at, open: afterRefusal(opennessOf(lane, heard), at, rules) }
  }
  // Of several that were too many at once, the last to be refused knows how many were let in.
  const value = Math.max(lane.open.value ?? starting.maxOpen ?? 1, openAccepted)
  return changed(lane, { ...next, open: { ...lane.open, value } })
}

/** Nobody's limit: something is broken. After several in a row the lane rests, and comes back one call at a time. */
function afterTrouble(lane: LaneState, heard: Heard, rules: Rules): LaneState {
  const { at, retryAfterMs } = heard
  const next = paused(lane, retryAfterMs > 0 ? at + retryAfterMs : NEVER)
  if (isEcho(lane.failedAt, heard)) return next
  const health = lane.health * rules.healthAfterFailure
  if (health >= rules.healthLeast) return { ...next, health, failedAt: at }
  const breakMs = Math.min(rules.breakMost, lane.breakMs * 2 || rules.breakFirst)
  return { ...next, health, failedAt: at, breakMs, brokenUntil: at + breakMs }
}

function paused(lane: LaneState, until: Instant): LaneState {
  return until > lane.pausedUntil ? { ...lane, pausedUntil: until } : lane
}

/** On the wire when another one was refused. */
function isEcho(refusedAt: Instant, { sentAt }: Heard): boolean {
  return sentAt <= refusedAt
}

// ------------------------------------------------------------------------------------------------ a standing

type RestKind = keyof Rules['rests']

export function standingAfter(standing: Standing, heard: Heard, rules: Rules): Standing {
  const { outcome, kind, at, sentAt, retryAfterMs } = heard
  if (!kind) {
    const speaksForNow = outcome === 'checked' || sentAt > standing.refusedAt
    return changed(
      standing,
      speaksForNow ? { ...standing, ...newStanding, proven: true } : { ...standing, proven: true },
    )
  }
  if (outcome === 'refused' && isEcho(standing.refusedAt, heard)) {
    return changed(standing, { ...standing, restingUntil: Math.max(standing.restingUntil, at + retryAfterMs) })
  }
  const { first, most } = rules.rests[kind as RestKind]
  const strikes = standing.strikes + 1
  const restMs = retryAfterMs || Math.min(most, first * 2 ** Math.min(strikes - 1, 20))
  const isDead = kind === 'auth' && (strikes >= rules.authStrikes || outcome === 'checked')
  const status = isDead ? 'disabled' : STATUS[kind as RestKind]
  return { ...standing, status, strikes, refusedAt: at, restingUntil: Math.max(standing.restingUntil, at + restMs) }
}

const STATUS = {
  auth: 'suspect',
  permission: 'resting',
  credits_exhausted: 'exhausted',
  model_unavailable: 'resting',
} as const

/** The one before, where nothing is different: nobody has to write it down. */
function changed<State extends object>(before: State, after: State): State {
  return JSON.stringify(before) === JSON.stringify(after) ? before : after
}
