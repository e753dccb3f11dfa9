import type { Candidate, TokenEvent, TokenPool } from '../../../contracts.ts'
import type { TokenPoolHarness } from '../token-pool-steps.ts'
import { type Broken, pause } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: TokenPool) => Partial<TokenPool>,
): Broken<TokenPoolHarness> {
  return {
    name,
    caughtBy,
    breaks: harness => ({ ...harness, tokens: { ...harness.tokens, ...mistake(harness.tokens) } }),
  }
}

/** Hears another event in place of the one that was told. */
function mishearing(good: TokenPool, change: (event: TokenEvent) => TokenEvent | null): Partial<TokenPool> {
  return {
    async report(event) {
      const heard = change(event)
      if (heard) await good.report(heard)
    },
  }
}

export const brokenTokenPools: readonly Broken<TokenPoolHarness>[] = [
  broken('counts by token, not by provider account', 'two tokens of one provider account share its cap', good => ({
    async acquire(request) {
      const candidates = request.candidates.map(candidate => ({ ...candidate, account: candidate.token }))
      const acquired = await good.acquire({ ...request, candidates })
      if (acquired.status !== 'token') return acquired
      const chosen = request.candidates.find(({ token }) => token === acquired.candidate.token)
      return { status: 'token', candidate: chosen ?? acquired.candidate }
    },
  })),

  broken('knows one lane only', 'another account, and the other lane, have room of their own', good => ({
    acquire: request => good.acquire({ ...request, lane: 'image' }),
    report: event => good.report({ ...event, lane: 'image' }),
  })),

  broken(
    'never hears that an attempt has ended',
    'an attempt that ended makes room, also after it was accepted',
    good => mishearing(good, event => (event.outcome === 'ended' ? null : event)),
  ),

  broken(
    'makes room as soon as an attempt is accepted',
    'an attempt that ended makes room, also after it was accepted',
    good => mishearing(good, event => (event.outcome === 'accepted' ? { ...event, outcome: 'ended' } : event)),
  ),

  broken('counts ends', 'ends that are told twice make room once', good => {
    let spare = 0
    return {
      async acquire(request) {
        const candidates = request.candidates.map(widened)
        function widened(candidate: Candidate): Candidate {
          return candidate.maxOpen === null ? candidate : { ...candidate, maxOpen: candidate.maxOpen + spare }
        }
        const acquired = await good.acquire({ ...request, candidates })
        return acquired.status === 'token' ? { ...acquired, candidate: request.candidates[0]! } : acquired
      },
      async report(event) {
        if (event.outcome === 'ended') spare += 1
        else await good.report(event)
      },
    }
  }),

  broken(
    'does not hear a 429',
    'a 429 lets the lane of the provider account rest, all its tokens, as long as was said',
    good =>
      mishearing(good, ({ refusal, ...event }) => {
        return refusal?.kind === 'rate_limited'
          ? { ...event, outcome: 'ended' }
          : { ...event, ...(refusal && { refusal }) }
      }),
  ),

  broken(
    'rests as long as it likes',
    'a 429 lets the lane of the provider account rest, all its tokens, as long as was said',
    good =>
      mishearing(good, ({ refusal, ...event }) => {
        if (!refusal) return event
        const { retryAfterSeconds: _ignored, ...rest } = refusal
        return { ...event, refusal: rest }
      }),
  ),

  broken(
    'tries a dead key for ever',
    'after a 401 another token is taken, and after two the token is out for good',
    good =>
      mishearing(good, event => {
        if (event.refusal?.kind !== 'auth') return event
        return { ...event, account: event.token, refusal: { ...event.refusal, kind: 'permission' } }
      }),
  ),

  broken('takes a 403 for the whole key', 'a 403 is about that token and that model', good =>
    mishearing(good, event => {
      return event.refusal?.kind === 'permission' ? { ...event, refusal: { ...event.refusal, kind: 'auth' } } : event
    }),
  ),

  broken('always takes the first', 'the least busy token of a provider is taken', good => ({
    async acquire(request) {
      for (const candidate of request.candidates) {
        const acquired = await good.acquire({ ...request, candidates: [candidate] })
        if (acquired.status === 'token') return acquired
      }
      return good.acquire(request)
    },
  })),

  broken('counts first and binds later', 'of 30 at once exactly as many get a token as the cap allows', good => {
    const open = new Map<string, number>()
    return {
      async acquire(request) {
        const roomy = request.candidates.filter(
          ({ account, maxOpen }) => (open.get(account) ?? 0) < (maxOpen ?? Infinity),
        )
        await pause()
        const [candidate] = roomy
        if (!candidate) return good.acquire(request)
        open.set(candidate.account, (open.get(candidate.account) ?? 0) + 1)
        return { status: 'token', candidate }
      },
    }
  }),

  broken('paces nothing', 'a configured rate is kept in every minute, and used', good => ({
    async acquire(request) {
      const candidates = request.candidates.map(candidate => ({ ...candidate, perMinute: null }))
      const acquired = await good.acquire({ ...request, candidates })
      return acquired.status === 'token' ? { ...acquired, candidate: request.candidates[0]! } : acquired
    },
  })),

  broken(
    'lets everybody try a new key',
    'of several tokens one that was never accepted gets one call at a time',
    good => ({
      async acquire(request) {
        for (const candidate of request.candidates) {
          await good.report({ ...request, ...candidate, attemptId: crypto.randomUUID(), outcome: 'checked' })
        }
        return good.acquire(request)
      },
    }),
  ),

  broken('tells everybody to come back at once', 'whoever has to wait is given a turn of their own', good => ({
    async acquire(request) {
      const acquired = await good.acquire(request)
      return acquired.status === 'wait' ? { ...acquired, waitSeconds: Math.min(1, acquired.waitSeconds) } : acquired
    },
  })),

  broken(
    'takes a failure for a refusal of the request',
    'an account where everything fails rests, as long as another one works',
    good =>
      mishearing(good, event => {
        return event.refusal?.kind === 'provider_error'
          ? { ...event, refusal: { ...event.refusal, scope: 'request' } }
          : event
      }),
  ),
]
