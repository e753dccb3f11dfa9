/**
 * Who may submit now, and who comes first. `choose_candidate` does the same over SQL, inside the transaction that
 * claims; what differs between the two, the suite of `TokenPool` finds.
 */
import type { Candidate, Instant } from '../contracts.ts'
import type { Known } from './learn.ts'
import { limitOf } from './reducer.ts'
import type { Rules } from './rules.ts'

/** How busy the lane of a candidate's provider account is. */
export interface Use {
  /** Submits within the last window, and as much longer as the pace is slower than the limit. */
  sent: number
  /** Attempts open, and those that have had no answer yet, if they went out a short while ago. */
  open: number
  unanswered: number
  openOfToken: number
  unansweredOfToken: number
  /** When the next submit is due at an even pace. */
  pacedAt: Instant
  /** When the last of those who had to wait comes back. */
  queuedUntil: Instant
}

export interface Option {
  candidate: Candidate
  known: Known
  use: Use
}

export interface Choice {
  /** Not before; Infinity where never. Now, where it may submit. */
  freeAt: Instant
  /** When whoever has to wait had better come back. */
  comeAt: Instant
  /** When the next submit is due once this one is under way; null where nothing is paced. */
  nextAt: Instant | null
  /** 0..1 */
  room: number
}

/**
 * Whoever is free: providers in the order given, and within one whoever has the most room. Where nobody is free, whose
 * turn comes first.
 */
export function choose<Any extends Option>(options: readonly Any[], now: Instant, rules: Rules): (Any & Choice) | null {
  const isAlone = new Set(options.map(({ candidate }) => `${candidate.provider} ${candidate.token}`)).size < 2
  const hasFit = options.some(({ known }) => isFit(known, now, rules))
  const providers = [...new Set(options.map(({ candidate }) => candidate.provider))]
  const placed = options.map(option => {
    const freeAt = restsUntil(option, hasFit, now, rules)
    const isAwaited = freeAt === now && !isAlone && !option.known.token.proven && option.use.unansweredOfToken > 0
    return { option, freeAt, isAwaited, place: providers.indexOf(option.candidate.provider) }
  })
  // A new token will be known to work, or not, in a moment: nobody goes on to a later provider meanwhile.
  const awaited = Math.min(...placed.filter(({ isAwaited }) => isAwaited).map(({ place }) => place))
  const choices = placed.map(({ option, freeAt, isAwaited, place }) => {
    const isHeld = isAwaited || place > awaited
    return { ...option, place, ...turnOf(option, isHeld ? Math.max(freeAt, now + rules.full) : freeAt, now, rules) }
  })
  const inOrder = choices.toSorted(
    (a, b) =>
      earlier(a.comeAt, b.comeAt) || a.place - b.place || b.room - a.room || a.use.openOfToken - b.use.openOfToken,
  )
  return inOrder[0] ?? null
}

/** Now, where nothing is in the way. */
function restsUntil(option: Option, hasFit: boolean, now: Instant, rules: Rules): Instant {
  const { known, use } = option
  const { perWindow, maxOpen, paceMs, slackMs, pacedAt } = paceOf(option, rules)
  const standings = [known.account, known.token, known.pair, known.model]
  const isFull = use.open >= (maxOpen ?? Infinity) || isBusyOnTrial(option, rules)
  return Math.max(
    now,
    ...standings.map(({ status, restingUntil }) => (status === 'disabled' ? Infinity : restingUntil)),
    known.lane.pausedUntil,
    // The last one is never given up: it goes on, one call at a time.
    hasFit ? known.lane.brokenUntil : now,
    isFull ? now + rules.full : now,
    perWindow === null ? now : pacedAt - slackMs,
    use.sent >= (perWindow ?? Infinity) ? now + paceMs : now,
  )
}

function turnOf(option: Option, freeAt: Instant, now: Instant, rules: Rules): Choice {
  const { known, use } = option
  const { perWindow, maxOpen, paceMs, pacedAt } = paceOf(option, rules)
  const turn = Math.max(freeAt, use.queuedUntil + (paceMs || rules.queueGap))
  return {
    freeAt,
    comeAt: freeAt === now ? now : Math.min(turn, freeAt + rules.queueMost),
    nextAt: perWindow === null ? null : Math.max(pacedAt, now) + paceMs,
    room: known.lane.health * (1 - Math.max(use.open / (maxOpen ?? Infinity), use.sent / (perWindow ?? Infinity))),
  }
}

function paceOf({ candidate, known: { lane }, use }: Option, rules: Rules) {
  const perWindow = limitOf(lane.rate, candidate.perMinute ?? null)
  const maxOpen = limitOf(lane.open, candidate.maxOpen)
  const paceMs = perWindow === null ? 0 : rules.window / (rules.pace * perWindow)
  const slackMs = (Math.max(lane.burst, (perWindow ?? 0) * rules.burst) - 1) * paceMs
  // After a pause they come evenly: what would have gathered until then does not come at once.
  return { perWindow, maxOpen, paceMs, slackMs, pacedAt: Math.max(use.pacedAt, lane.pausedUntil + slackMs) }
}

/** What was refused, or is in bad health, gets one call at a time. */
function isBusyOnTrial({ known: { lane, account, token }, use }: Option, rules: Rules): boolean {
  const isDoubted = account.status === 'exhausted' || lane.health < rules.healthLeast
  return (token.status === 'suspect' && use.unansweredOfToken > 0) || (isDoubted && use.unanswered > 0)
}

function isFit({ lane, account, token, pair, model }: Known, now: Instant, rules: Rules): boolean {
  const isUp = [account, token, pair, model].every(
    ({ status, restingUntil }) => status === 'active' || (status === 'resting' && restingUntil <= now),
  )
  return isUp && lane.health >= rules.healthLeast
}

/** Also of two that never come. */
function earlier(a: Instant, b: Instant): number {
  return a === b ? 0 : a < b ? -1 : 1
}
