/**
 * Which token submits next. A refusal makes something rest: a token, one model of a token, a provider account, one lane
 * of it, or a model of the provider. Nothing here decides the fate of a job.
 */
import type { Acquired, Candidate, FailureKind, Instant, Lane, TokenEvent, TokenPool } from '../contracts.ts'
import type { Clock, Direct } from './direct.ts'

/** The part that rests, and for how long: `seconds`, doubled each time in a row, `most` at last. */
type Rule = { on: 'token' | 'pair' | 'account' | 'lane' | 'model'; seconds: number; most: number }
const RULES: Partial<Record<FailureKind, Rule>> = {
  auth: { on: 'token', seconds: 60, most: Infinity },
  permission: { on: 'pair', seconds: 600, most: 600 },
  credits_exhausted: { on: 'account', seconds: 60, most: 3600 },
  rate_limited: { on: 'lane', seconds: 5, most: 60 },
  concurrency: { on: 'lane', seconds: 1, most: 1 },
  model_unavailable: { on: 'model', seconds: 30, most: 600 },
  unreachable: { on: 'lane', seconds: 2, most: 60 },
  provider_error: { on: 'lane', seconds: 2, most: 60 },
}
/** A second 401 in a row: the key is dead. */
const AUTH_STRIKES = 2
/** A binding whose attempt was never written is forgotten after this: its process died in between. */
const UNWRITTEN_SECONDS = 60
/** How long a cap learned from a refusal for concurrency holds. */
const CAP_SECONDS = 60
/** When a full pool is worth asking again. */
const FULL_SECONDS = 1

type Use = Pick<TokenEvent, 'provider' | 'token' | 'account' | 'lane' | 'model'>
const keysOf = ({ provider, token, account, lane, model }: Use) => ({
  token: JSON.stringify(['token', provider, token]),
  pair: JSON.stringify(['pair', provider, token, model]),
  account: JSON.stringify(['account', provider, account]),
  lane: JSON.stringify(['lane', provider, account, lane]),
  model: JSON.stringify(['model', provider, model]),
})

/** `isOpen`: whether an attempt still keeps its token busy; undefined for one that was never written. */
export function memoryTokens(now: Clock, isOpen: (attemptId: string) => boolean | undefined): Direct<TokenPool> {
  const bindings = new Map<string, Candidate & { lane: Lane; at: Instant; accepted: boolean }>()
  const rests = new Map<string, { until: Instant; strikes: number }>()
  const caps = new Map<string, { max: number; until: Instant }>()

  function forgetEnded(at: Instant): void {
    for (const [attemptId, binding] of bindings) {
      const open = isOpen(attemptId) ?? (binding.accepted || binding.at > at - UNWRITTEN_SECONDS * 1000)
      if (!open) bindings.delete(attemptId)
    }
  }
  const openOn = (use: Pick<Use, 'provider' | 'account' | 'lane'>) =>
    [...bindings.values()].filter(
      bound => bound.provider === use.provider && bound.account === use.account && bound.lane === use.lane,
    ).length
  const busy = ({ provider, token }: Candidate) =>
    [...bindings.values()].filter(bound => bound.provider === provider && bound.token === token).length

  /** Seconds until it may submit: 0 is now, Infinity never. */
  function waitSeconds(use: Use & { maxOpen: number | null }, at: Instant): number {
    const until = Math.max(...Object.values(keysOf(use)).map(key => rests.get(key)?.until ?? 0))
    if (until > at) return Math.ceil((until - at) / 1000)
    const learned = caps.get(keysOf(use).lane)
    const max = Math.min(use.maxOpen ?? Infinity, learned && learned.until > at ? learned.max : Infinity)
    return openOn(use) < max ? 0 : FULL_SECONDS
  }

  function rest({ attemptId: _attemptId, outcome: _outcome, refusal, ...use }: TokenEvent, at: Instant): void {
    const rule = refusal && refusal.scope !== 'request' ? RULES[refusal.kind] : undefined
    if (!refusal || !rule) return
    const key = keysOf(use)[rule.on]
    const before = rests.get(key) ?? { until: 0, strikes: 0 }
    // Calls that were on the wire together and are refused together count once.
    const strikes = before.strikes + (rule.on === 'lane' && before.until > at ? 0 : 1)
    const dead = refusal.kind === 'auth' && strikes >= AUTH_STRIKES
    const growing = Math.min(rule.most, rule.seconds * 2 ** (strikes - 1))
    const seconds = dead ? Infinity : (refusal.retryAfterSeconds ?? growing)
    rests.set(key, { until: Math.max(before.until, at + seconds * 1000), strikes })
    if (refusal.kind === 'concurrency') {
      caps.set(keysOf(use).lane, { max: Math.max(1, openOn(use)), until: at + CAP_SECONDS * 1000 })
    }
  }

  return {
    acquire({ attemptId, model, lane, candidates }): Acquired {
      const at = now()
      forgetEnded(at)
      const providers = [...new Set(candidates.map(({ provider }) => provider))]
      const inOrder = providers.flatMap(provider =>
        candidates.filter(each => each.provider === provider).toSorted((a, b) => busy(a) - busy(b)),
      )
      const waits = inOrder.map(candidate => waitSeconds({ ...candidate, model, lane }, at))
      const candidate = inOrder[waits.indexOf(0)]
      if (candidate) {
        bindings.set(attemptId, { ...candidate, lane, at, accepted: false })
        return { status: 'token', candidate }
      }
      const soonest = Math.min(Infinity, ...waits)
      return soonest === Infinity ? { status: 'none' } : { status: 'wait', waitSeconds: soonest }
    },
    report(event) {
      const binding = bindings.get(event.attemptId)
      if (event.outcome === 'accepted') {
        if (binding) binding.accepted = true
        for (const key of Object.values(keysOf(event))) if ((rests.get(key)?.until ?? 0) <= now()) rests.delete(key)
        return
      }
      bindings.delete(event.attemptId)
      rest(event, now())
    },
  }
}
