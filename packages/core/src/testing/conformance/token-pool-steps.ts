/** What the checks of a `TokenPool` do with one. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Acquired, Candidate, TokenEvent, TokenPool } from '../../contracts.ts'
import { newCandidate } from './samples.ts'
import type { Harness } from './suite.ts'

export interface TokenPoolHarness extends Harness {
  tokens: TokenPool
}

export type Checks = Record<string, (harness: TokenPoolHarness) => Promise<void>>
export type Request = Parameters<TokenPool['acquire']>[0]

/** A provider nobody else uses: what its accounts and models learn stays in one case. */
export function candidatesOf(count: number, change: Partial<Candidate> = {}): Candidate[] {
  const provider = `conformance-${randomUUID()}`
  return Array.from({ length: count }, () => newCandidate({ provider, ...change }))
}

export function ask(candidates: readonly Candidate[], change: Partial<Request> = {}): Request {
  return { attemptId: randomUUID(), jobId: randomUUID(), model: 'one', lane: 'image', candidates, ...change }
}

export function eventOf({ attemptId, model, lane }: Request, { provider, token, account }: Candidate): TokenEvent {
  return { attemptId, model, lane, provider, token, account, outcome: 'ended' }
}

/** Acquires, and answers with the request and the candidate; fails where there was none. */
export async function take(tokens: TokenPool, request: Request): Promise<{ request: Request; candidate: Candidate }> {
  const acquired = await tokens.acquire(request)
  assert(acquired.status === 'token', `expected a token, got ${JSON.stringify(acquired)}`)
  return { request, candidate: acquired.candidate }
}

/** Acquires a token and has the provider refuse it. */
export async function refuse(
  tokens: TokenPool,
  request: Request,
  refusal: NonNullable<TokenEvent['refusal']>,
): Promise<Candidate> {
  const { candidate } = await take(tokens, request)
  await tokens.report({ ...eventOf(request, candidate), outcome: 'refused', refusal })
  return candidate
}

/** The provider took it. */
export async function accept(tokens: TokenPool, request: Request): Promise<Candidate> {
  const { candidate } = await take(tokens, request)
  await tokens.report({ ...eventOf(request, candidate), outcome: 'accepted' })
  return candidate
}

/** Tokens that have been accepted before: nobody waits to see whether they work. */
export async function known(
  tokens: TokenPool,
  candidates: Candidate[],
  lane: Request['lane'] = 'image',
): Promise<Candidate[]> {
  for (const candidate of candidates) {
    await tokens.report({ ...eventOf(ask(candidates, { lane }), candidate), outcome: 'accepted' })
  }
  return candidates
}

export function assertWaits(acquired: Acquired, atMostSeconds: number): void {
  assert(acquired.status === 'wait', `expected to wait, got ${JSON.stringify(acquired)}`)
  assert(acquired.waitSeconds > 0 && acquired.waitSeconds <= atMostSeconds, `${acquired.waitSeconds} s`)
}

export const HOUR_SECONDS = 3600
