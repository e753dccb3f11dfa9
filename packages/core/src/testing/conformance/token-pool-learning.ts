/** What is learned from answers: whether a key works, how many submits fit into a minute, and whether an account is well. */
import assert from 'node:assert/strict'
import type { Candidate } from '../../contracts.ts'
import {
  accept,
  ask,
  assertWaits,
  candidatesOf,
  type Checks,
  eventOf,
  HOUR_SECONDS,
  known,
  refuse,
  take,
  type TokenPoolHarness,
} from './token-pool-steps.ts'
import { tally, together } from './suite.ts'

export const trialChecks: Checks = {
  async 'of several tokens one that was never accepted gets one call at a time'({ tokens }) {
    const candidates = candidatesOf(2)
    const [one, other] = [await take(tokens, ask(candidates)), await take(tokens, ask(candidates))]
    assert.notEqual(one.candidate.token, other.candidate.token)
    assertWaits(await tokens.acquire(ask(candidates)), 10)
    await tokens.report({ ...eventOf(one.request, one.candidate), outcome: 'accepted' })
    for (let count = 0; count < 3; count++) {
      assert.deepEqual((await take(tokens, ask(candidates))).candidate, one.candidate)
    }
  },

  async 'a new token is waited for: nobody goes on to a later provider meanwhile'({ tokens }) {
    const [first, second] = [candidatesOf(1), candidatesOf(1)]
    const request = () => ask([...first, ...second])
    const { request: one, candidate } = await take(tokens, request())
    assertWaits(await tokens.acquire(request()), 10)
    await tokens.report({ ...eventOf(one, candidate), outcome: 'refused', refusal: { kind: 'auth', scope: 'token' } })
    assert.deepEqual((await take(tokens, request())).candidate, second[0])
  },

  async 'a call that has no answer for long keeps nobody waiting'({ tokens, advance }) {
    const candidates = candidatesOf(2)
    await take(tokens, ask(candidates))
    await take(tokens, ask(candidates))
    await advance(60)
    await take(tokens, ask(candidates))
  },

  async 'a key that is dead from the beginning costs two calls'({ tokens, advance }) {
    const candidates = candidatesOf(3)
    const dead = candidates[0]!.token
    const taken: string[] = []
    for (let round = 0; round < 12; round++) {
      const requests = Array.from({ length: 5 }, () => ask(candidates))
      const acquired = await Promise.all(requests.map(request => tokens.acquire(request)))
      for (const [index, each] of acquired.entries()) {
        if (each.status !== 'token') continue
        taken.push(each.candidate.token)
        const event = eventOf(requests[index]!, each.candidate)
        const auth = { kind: 'auth', scope: 'token' } as const
        await tokens.report(
          each.candidate.token === dead
            ? { ...event, outcome: 'refused', refusal: auth }
            : { ...event, outcome: 'accepted' },
        )
      }
      await advance(20)
    }
    assert.equal(tally(taken)[dead], 2)
    assert(taken.length > 30, `${taken.length} submits`)
  },

  async 'a check of the key speaks at once, for and against it'({ tokens }) {
    const candidates = await known(tokens, candidatesOf(1))
    const checked = { ...eventOf(ask(candidates), candidates[0]!), outcome: 'checked' } as const
    await tokens.report({ ...checked, refusal: { kind: 'auth', scope: 'token' } })
    assert.deepEqual(await tokens.acquire(ask(candidates)), { status: 'none' })
    await tokens.report(checked)
    await take(tokens, ask(candidates))
  },
}

export const rateChecks: Checks = {
  async 'a configured rate is kept in every minute, and used'({ tokens, advance }) {
    const candidates = candidatesOf(1, { perMinute: 10 })
    const submits = await submitsOf({ tokens, advance }, candidates, 180)
    assert(submits.length >= 24, `${submits.length} submits in three minutes`)
    for (const start of submits) {
      const within = submits.filter(at => at >= start && at < start + 60)
      // What is kept out of step by our own clock is less than one submit.
      assert(within.length <= 11, `${within.length} within a minute`)
    }
  },

  async 'a rate that was met is kept from then on'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    for (let count = 0; count < 12; count++) await accept(tokens, ask(candidates))
    await refuse(tokens, ask(candidates), { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 1 })
    await advance(90)
    const submits = await submitsOf({ tokens, advance }, candidates, 55)
    assert(submits.length >= 8 && submits.length <= 13, `${submits.length} submits`)
  },

  async 'refusals of calls that were on the wire together count once'({ tokens }) {
    const candidates = candidatesOf(1)
    const requests = Array.from({ length: 8 }, () => ask(candidates))
    for (const request of requests) await take(tokens, request)
    for (const request of requests) {
      const refusal = { kind: 'rate_limited', scope: 'account' } as const
      await tokens.report({ ...eventOf(request, candidates[0]!), outcome: 'refused', refusal })
    }
    assertWaits(await tokens.acquire(ask(candidates)), 5)
  },

  async 'whoever has to wait is given a turn of their own'({ tokens }) {
    const candidates = candidatesOf(1, { perMinute: 6 })
    const acquired = await together(12, () => tokens.acquire(ask(candidates)))
    const turns = acquired.flatMap(each => (each.status === 'wait' ? [each.waitSeconds] : [])).toSorted((a, b) => a - b)
    assert(turns.length >= 8)
    assert(turns[3]! - turns[0]! > 15, `turns after ${turns.join(', ')} s`)
  },
}

/** Of a pool that never tells anybody to wait. */
const SUBMITS_MAX = 200

/** Seconds at which there was a token, for whoever comes back as often as they are told to. */
async function submitsOf(
  { tokens, advance }: Pick<TokenPoolHarness, 'tokens' | 'advance'>,
  candidates: Candidate[],
  seconds: number,
): Promise<number[]> {
  const submits: number[] = []
  for (let at = 0; at < seconds && submits.length < SUBMITS_MAX;) {
    const request = ask(candidates)
    const acquired = await tokens.acquire(request)
    if (acquired.status === 'token') {
      submits.push(at)
      await tokens.report(eventOf(request, acquired.candidate))
      continue
    }
    assert(acquired.status === 'wait' && acquired.waitSeconds > 0)
    await advance(acquired.waitSeconds)
    at += acquired.waitSeconds
  }
  return submits
}

const FAILED = { kind: 'provider_error', scope: 'provider' } as const

export const healthChecks: Checks = {
  async 'an account where everything fails rests, as long as another one works'({ tokens, advance }) {
    const candidates = await known(tokens, candidatesOf(2))
    const [bad, good] = candidates
    for (let count = 0; count < 6; count++) {
      await refuse(tokens, ask([bad!]), FAILED)
      await advance(1)
    }
    for (let count = 0; count < 4; count++) assert.deepEqual(await accept(tokens, ask(candidates)), good)
    assertWaits(await tokens.acquire(ask([bad!, { ...good!, maxOpen: 4 }])), 10)
    await advance(HOUR_SECONDS)
    await refuse(tokens, ask([bad!]), FAILED)
    assert.deepEqual(await accept(tokens, ask(candidates)), good)
  },

  async 'the last one is never given up, and gets one call at a time'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    for (let count = 0; count < 12; count++) {
      await refuse(tokens, ask(candidates), FAILED)
      await advance(1)
    }
    await take(tokens, ask(candidates))
    assertWaits(await tokens.acquire(ask(candidates)), 10)
  },

  async 'an account that works again is used again'({ tokens, advance }) {
    const candidates = await known(tokens, candidatesOf(2))
    const [back] = candidates
    for (let count = 0; count < 6; count++) {
      await refuse(tokens, ask([back!]), FAILED)
      await advance(1)
    }
    await advance(HOUR_SECONDS)
    for (let count = 0; count < 30; count++) {
      const request = ask([back!])
      await accept(tokens, request)
      await tokens.report(eventOf(request, back!))
    }
    const taken = [await take(tokens, ask(candidates)), await take(tokens, ask(candidates))]
    assert(taken.some(({ candidate }) => candidate.token === back!.token))
  },

  async 'what is believed can be looked at'({ tokens }) {
    if (!tokens.snapshot) return
    const candidates = candidatesOf(2, { perMinute: 30, maxOpen: 4 })
    const [one, dead] = candidates
    await accept(tokens, ask([one!]))
    await refuse(tokens, ask([dead!]), { kind: 'auth', scope: 'token' })
    const { lanes, tokens: standings } = await tokens.snapshot()
    const lane = lanes.find(({ account }) => account === one!.account)
    assert.deepEqual(lane, { provider: one!.provider, account: one!.account, lane: 'image', open: 1, perMinute: 30, maxOpen: 4, health: 1, restingUntil: null }) // prettier-ignore
    const states = candidates.map(({ token }) => standings.find(standing => standing.token === token)?.state)
    assert.deepEqual(states, ['active', 'suspect'])
  },
}
