/** From an event of the port to the beliefs that it changes. */
import type { FailureKind, TokenEvent } from '../contracts.ts'
import { type Heard, type LaneState, laneAfter, type Standing, standingAfter } from './reducer.ts'
import type { Rules } from './rules.ts'

export interface Known {
  lane: LaneState
  /** All lanes of the provider account. */
  account: Standing
  token: Standing
  /** One model of the token. */
  pair: Standing
  /** The model at this provider, whoever asks. */
  model: Standing
}
export type Subject = keyof Known
/** What was so when the event came. */
export type Facts = Pick<Heard, 'at' | 'sentAt' | 'sent' | 'accepted' | 'open' | 'openAccepted' | 'starting'>

const SUBJECTS: Record<FailureKind, Subject | null> = {
  auth: 'token',
  permission: 'pair',
  credits_exhausted: 'account',
  model_unavailable: 'model',
  rate_limited: 'lane',
  concurrency: 'lane',
  provider_error: 'lane',
  unreachable: 'lane',
  invalid_input: null,
  content_policy: null,
  no_output: null,
  canceled: null,
}

/** The beliefs that are different after the event: mostly none. */
export function learn(known: Known, event: TokenEvent, facts: Facts, rules: Rules): Partial<Known> {
  const { outcome, refusal } = event
  if (outcome === 'ended') return {}
  const retryAfterMs = Math.min(rules.retryAfterMost, Math.max(0, (refusal?.retryAfterSeconds ?? 0) * 1000))
  const heard: Heard = { ...facts, outcome, retryAfterMs, ...(refusal && { kind: refusal.kind }) }
  const changes: Partial<Known> = {}
  for (const subject of subjectsOf(event, known)) {
    if (subject === 'lane') {
      const after = laneAfter(known.lane, heard, rules)
      if (after !== known.lane) changes.lane = after
    } else {
      const after = standingAfter(known[subject], heard, rules)
      if (after !== known[subject]) changes[subject] = after
    }
  }
  return changes
}

/** A refusal is about one thing; an acceptance is good news for whatever was in doubt. */
function subjectsOf({ outcome, refusal }: TokenEvent, known: Known): Subject[] {
  if (refusal) {
    const subject = refusal.scope === 'request' ? null : SUBJECTS[refusal.kind]
    return subject ? [subject] : []
  }
  if (outcome === 'checked') return ['token', ...inDoubt(known, ['account'])]
  return ['lane', 'token', ...inDoubt(known, ['account', 'pair', 'model'])]
}

function inDoubt(known: Known, subjects: readonly Exclude<Subject, 'lane'>[]): Subject[] {
  return subjects.filter(subject => known[subject].strikes > 0)
}
