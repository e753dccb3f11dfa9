/** What every `TokenPool` promises: no provider account over its cap, no submit to a token that rests, and no leak. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
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
import { type Case, type Make, suite, tally, together } from './suite.ts'
import { healthChecks, rateChecks, trialChecks } from './token-pool-learning.ts'
import { restChecks } from './token-pool-rests.ts'

/** The suite of `TokenPool`. */
export function tokenPoolCases(make: Make<TokenPoolHarness>): Case[] {
  const learning = { ...trialChecks, ...rateChecks, ...healthChecks }
  return suite(make, { ...choiceChecks, ...capChecks, ...restChecks, ...learning })
}

const choiceChecks: Checks = {
  async 'without candidates there is none'({ tokens }) {
    assert.deepEqual(await tokens.acquire(ask([])), { status: 'none' })
  },

  async 'the candidate comes back as it was given'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 7, endpoint: 'vendor/model/v1.1' })
    assert.deepEqual(await tokens.acquire(ask(candidates)), { status: 'token', candidate: candidates[0] })
  },

  async 'the first provider serves as long as it can'({ tokens }) {
    const [first, second] = [candidatesOf(1, { maxOpen: 2 }), candidatesOf(1)]
    await known(tokens, [...first, ...second])
    const request = () => ask([...first, ...second])
    const taken = [await take(tokens, request()), await take(tokens, request()), await take(tokens, request())]
    assert.deepEqual(taken.map(({ candidate }) => candidate), [first[0], first[0], second[0]]) // prettier-ignore
  },

  async 'the least busy token of a provider is taken'({ tokens }) {
    const candidates = await known(tokens, candidatesOf(3))
    const taken: string[] = []
    for (let count = 0; count < 6; count++) taken.push((await take(tokens, ask(candidates))).candidate.token)
    const expected = Object.fromEntries(candidates.map(({ token }) => [token, 2]))
    assert.deepEqual(tally(taken), expected)
  },

  async 'among equals the order given counts'({ tokens }) {
    const candidates = candidatesOf(3)
    assert.deepEqual((await take(tokens, ask(candidates))).candidate, candidates[0])
  },
}

const capChecks: Checks = {
  async 'of 30 at once exactly as many get a token as the cap allows'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 4 })
    const acquired = await together(30, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(acquired.map(({ status }) => status)), { token: 4, wait: 26 })
    for (const each of acquired) if (each.status === 'wait') assertWaits(each, HOUR_SECONDS)
  },

  async 'two tokens of one provider account share its cap'({ tokens }) {
    const candidates = await known(tokens, candidatesOf(2, { maxOpen: 2, account: randomUUID() }))
    const acquired = await together(10, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(acquired.map(({ status }) => status)), { token: 2, wait: 8 })
  },

  async 'another account, and the other lane, have room of their own'({ tokens }) {
    const candidates = candidatesOf(2, { maxOpen: 1 })
    const images = await together(4, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(images.map(({ status }) => status)), { token: 2, wait: 2 })
    const videos = await together(4, () => tokens.acquire(ask(candidates, { lane: 'video' })))
    assert.deepEqual(tally(videos.map(({ status }) => status)), { token: 2, wait: 2 })
  },

  async 'an attempt that ended makes room, also after it was accepted'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    const { request, candidate } = await take(tokens, ask(candidates))
    await tokens.report({ ...eventOf(request, candidate), outcome: 'accepted' })
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await tokens.report(eventOf(request, candidate))
    await take(tokens, ask(candidates))
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
  },

  async 'an accepted attempt keeps its place however long it runs'({ tokens, advance }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    const { request, candidate } = await take(tokens, ask(candidates))
    await tokens.report({ ...eventOf(request, candidate), outcome: 'accepted' })
    await advance(HOUR_SECONDS)
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
  },

  async 'a token is not lost with a process that died before it began'({ tokens, advance }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    await take(tokens, ask(candidates))
    await advance(HOUR_SECONDS)
    await take(tokens, ask(candidates))
  },

  async 'a refused attempt makes room at once where the refusal was about the request'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    for (const kind of ['invalid_input', 'content_policy'] as const) {
      await refuse(tokens, ask(candidates), { kind, scope: 'request' })
    }
    await take(tokens, ask(candidates))
  },

  async 'ends that are told twice make room once'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 2 })
    const { request, candidate } = await take(tokens, ask(candidates))
    await take(tokens, ask(candidates))
    for (let times = 0; times < 3; times++) await tokens.report(eventOf(request, candidate))
    const acquired = await together(3, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(acquired.map(({ status }) => status)), { token: 1, wait: 2 })
  },
}
