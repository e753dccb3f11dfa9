/** What a refusal makes rest, and for how long. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
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
} from './token-pool-steps.ts'
import { newCandidate } from './samples.ts'
import { tally, together } from './suite.ts'

export const restChecks: Checks = {
  async 'a 429 lets the lane of the provider account rest, all its tokens, as long as was said'({ tokens, advance }) {
    const account = randomUUID()
    const candidates = candidatesOf(2, { account })
    const limited = { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 40 } as const
    await refuse(tokens, ask(candidates), limited)
    assertWaits(await tokens.acquire(ask(candidates)), 40)
    await take(tokens, ask(candidates, { lane: 'video' }))
    await advance(30)
    const last = await tokens.acquire(ask(candidates))
    assert(last.status === 'wait' && last.waitSeconds > 5)
    await advance(11)
    await take(tokens, ask(candidates))
  },

  async 'a 429 of one account leaves the others alone'({ tokens }) {
    const candidates = await known(tokens, candidatesOf(2))
    const limited = { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 40 } as const
    const resting = await refuse(tokens, ask(candidates), limited)
    for (let count = 0; count < 3; count++) {
      assert.notEqual((await take(tokens, ask(candidates))).candidate.token, resting.token)
    }
  },

  async 'a 429 without a time rests for a while, and not for ever'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    await refuse(tokens, ask(candidates), { kind: 'rate_limited', scope: 'account' })
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await advance(HOUR_SECONDS)
    await take(tokens, ask(candidates))
  },

  async 'the soonest of all that rest says when to come back'({ tokens }) {
    const candidates = candidatesOf(2)
    for (const retryAfterSeconds of [300, 50]) {
      await refuse(tokens, ask(candidates), { kind: 'rate_limited', scope: 'account', retryAfterSeconds })
    }
    assertWaits(await tokens.acquire(ask(candidates)), 50)
  },

  async 'after a 401 another token is taken, and after two the token is out for good'({ tokens, advance }) {
    const candidates = await known(tokens, candidatesOf(2))
    const auth = { kind: 'auth', scope: 'token' } as const
    const dead = await refuse(tokens, ask(candidates), auth)
    for (let count = 0; count < 3; count++) {
      assert.notEqual((await take(tokens, ask(candidates))).candidate.token, dead.token)
    }
    await advance(HOUR_SECONDS)
    await refuse(tokens, ask([dead]), auth)
    await advance(24 * HOUR_SECONDS)
    assert.deepEqual(await tokens.acquire(ask([dead])), { status: 'none' })
    assert.notEqual((await take(tokens, ask(candidates))).candidate.token, dead.token)
  },

  async 'two 401s about one token say nothing about another of the same account'({ tokens, advance }) {
    const candidates = candidatesOf(2, { account: randomUUID() })
    const [dead, alive] = candidates
    for (let count = 0; count < 2; count++) {
      await refuse(tokens, ask([dead!]), { kind: 'auth', scope: 'token' })
      await advance(HOUR_SECONDS)
    }
    assert.deepEqual((await take(tokens, ask(candidates))).candidate, alive)
  },

  async 'a 403 is about that token and that model'({ tokens }) {
    const candidates = candidatesOf(1)
    await refuse(tokens, ask(candidates), { kind: 'permission', scope: 'token' })
    assert.notEqual((await tokens.acquire(ask(candidates))).status, 'token')
    await take(tokens, ask(candidates, { model: 'another' }))
    const others = [...candidates, newCandidate({ provider: candidates[0]!.provider })]
    assert.deepEqual((await take(tokens, ask(others))).candidate, others[1])
  },

  async 'spent credit rests the whole provider account, and it is tried again later'({ tokens, advance }) {
    const candidates = candidatesOf(2, { account: randomUUID() })
    await refuse(tokens, ask(candidates), { kind: 'credits_exhausted', scope: 'account' })
    assert.notEqual((await tokens.acquire(ask(candidates))).status, 'token')
    assert.notEqual((await tokens.acquire(ask(candidates, { lane: 'video' }))).status, 'token')
    await advance(24 * HOUR_SECONDS)
    await take(tokens, ask(candidates))
  },

  async 'whoever is in trouble and says when to come back is left alone until then'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    await refuse(tokens, ask(candidates), { kind: 'provider_error', scope: 'provider', retryAfterSeconds: 300 })
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await advance(200)
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await advance(200)
    await take(tokens, ask(candidates))
  },

  async 'a refusal for concurrency teaches the cap that was met'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    const open = [ask(candidates), ask(candidates)]
    for (const request of open) await accept(tokens, request)
    await refuse(tokens, ask(candidates), { kind: 'concurrency', scope: 'account' })
    await advance(10)
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await tokens.report(eventOf(open[0]!, candidates[0]!))
    await take(tokens, ask(candidates))
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
  },

  async 'a learned cap is tried again, once it has held for a while and is in the way'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    const first = ask(candidates)
    await accept(tokens, first)
    await refuse(tokens, ask(candidates), { kind: 'concurrency', scope: 'account' })
    await advance(HOUR_SECONDS)
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await tokens.report(eventOf(first, candidates[0]!))
    await accept(tokens, ask(candidates))
    await take(tokens, ask(candidates))
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
  },

  async 'an unknown attempt can be reported without harm'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    await tokens.report(eventOf(ask(candidates), candidates[0]!))
    await tokens.report({ ...eventOf(ask(candidates), candidates[0]!), outcome: 'accepted' })
    const acquired = await together(2, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(acquired.map(({ status }) => status)), { token: 1, wait: 1 })
  },
}
