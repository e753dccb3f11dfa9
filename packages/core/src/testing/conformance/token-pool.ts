/** What every `TokenPool` promises: no provider account over its cap, no submit to a token that rests, and no leak. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Acquired, Candidate, TokenEvent, TokenPool } from '../../contracts.ts'
import { newCandidate } from './samples.ts'
import { type Case, type Harness, type Make, suite, tally, together } from './suite.ts'

export interface TokenPoolHarness extends Harness {
  tokens: TokenPool
}

/** The suite of `TokenPool`. */
export function tokenPoolCases(make: Make<TokenPoolHarness>): Case[] {
  return suite(make, { ...choiceChecks, ...capChecks, ...restChecks })
}

type Checks = Record<string, (harness: TokenPoolHarness) => Promise<void>>
type Request = Parameters<TokenPool['acquire']>[0]

/** A provider nobody else uses: what its accounts and models learn stays in one case. */
function candidatesOf(count: number, change: Partial<Candidate> = {}): Candidate[] {
  const provider = `conformance-${randomUUID()}`
  return Array.from({ length: count }, () => newCandidate({ provider, ...change }))
}

function ask(candidates: readonly Candidate[], change: Partial<Request> = {}): Request {
  return { attemptId: randomUUID(), jobId: randomUUID(), model: 'one', lane: 'image', candidates, ...change }
}

function eventOf({ attemptId, model, lane }: Request, { provider, token, account }: Candidate): TokenEvent {
  return { attemptId, model, lane, provider, token, account, outcome: 'ended' }
}

/** Acquires, and answers with the request and the candidate; fails where there was none. */
async function take(tokens: TokenPool, request: Request): Promise<{ request: Request; candidate: Candidate }> {
  const acquired = await tokens.acquire(request)
  assert(acquired.status === 'token', `expected a token, got ${JSON.stringify(acquired)}`)
  return { request, candidate: acquired.candidate }
}

/** Acquires a token and has the provider refuse it. */
async function refuse(
  tokens: TokenPool,
  request: Request,
  refusal: NonNullable<TokenEvent['refusal']>,
): Promise<Candidate> {
  const { candidate } = await take(tokens, request)
  await tokens.report({ ...eventOf(request, candidate), outcome: 'refused', refusal })
  return candidate
}

function assertWaits(acquired: Acquired, atMostSeconds: number): void {
  assert(acquired.status === 'wait', `expected to wait, got ${JSON.stringify(acquired)}`)
  assert(acquired.waitSeconds > 0 && acquired.waitSeconds <= atMostSeconds, `${acquired.waitSeconds} s`)
}

const HOUR_SECONDS = 3600

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
    const request = () => ask([...first, ...second])
    const taken = [await take(tokens, request()), await take(tokens, request()), await take(tokens, request())]
    assert.deepEqual(taken.map(({ candidate }) => candidate), [first[0], first[0], second[0]]) // prettier-ignore
  },

  async 'the least busy token of a provider is taken'({ tokens }) {
    const candidates = candidatesOf(3)
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
    const candidates = candidatesOf(2, { maxOpen: 2, account: randomUUID() })
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

const restChecks: Checks = {
  async 'a 429 lets the lane of the provider account rest, all its tokens, as long as was said'({ tokens, advance }) {
    const account = randomUUID()
    const candidates = candidatesOf(2, { account })
    const limited = { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 40 } as const
    await refuse(tokens, ask(candidates), limited)
    assertWaits(await tokens.acquire(ask(candidates)), 40)
    await take(tokens, ask(candidates, { lane: 'video' }))
    await advance(30)
    assertWaits(await tokens.acquire(ask(candidates)), 10)
    await advance(11)
    await take(tokens, ask(candidates))
  },

  async 'a 429 of one account leaves the others alone'({ tokens }) {
    const candidates = candidatesOf(2)
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
    const candidates = candidatesOf(2)
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

  async 'a refusal for concurrency teaches the cap that was met'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    const open = [await take(tokens, ask(candidates)), await take(tokens, ask(candidates))]
    await refuse(tokens, ask(candidates), { kind: 'concurrency', scope: 'account' })
    await advance(10)
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await tokens.report(eventOf(open[0]!.request, open[0]!.candidate))
    await take(tokens, ask(candidates))
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
  },

  async 'a learned cap is tried again'({ tokens, advance }) {
    const candidates = candidatesOf(1)
    const { request, candidate } = await take(tokens, ask(candidates))
    await tokens.report({ ...eventOf(request, candidate), outcome: 'accepted' })
    await refuse(tokens, ask(candidates), { kind: 'concurrency', scope: 'account' })
    assertWaits(await tokens.acquire(ask(candidates)), HOUR_SECONDS)
    await advance(HOUR_SECONDS)
    await take(tokens, ask(candidates))
  },

  async 'an unknown attempt can be reported without harm'({ tokens }) {
    const candidates = candidatesOf(1, { maxOpen: 1 })
    await tokens.report(eventOf(ask(candidates), candidates[0]!))
    await tokens.report({ ...eventOf(ask(candidates), candidates[0]!), outcome: 'accepted' })
    const acquired = await together(2, () => tokens.acquire(ask(candidates)))
    assert.deepEqual(tally(acquired.map(({ status }) => status)), { token: 1, wait: 1 })
  },
}
