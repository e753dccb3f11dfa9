import { expect, test } from 'vitest'
import type { Acquired, TokenEvent } from '../contracts.ts'
import { memoryTokens } from './tokens.ts'

const candidate = { provider: 'p', endpoint: 'e', token: 't', account: 'a', maxOpen: null }
const use = { provider: 'p', token: 't', account: 'a', lane: 'image', model: 'm' } as const

function pool() {
  const clock = { now: 1_000_000 }
  const tokens = memoryTokens(
    () => clock.now,
    () => undefined,
  )
  let attempts = 0
  return {
    clock,
    acquire: (): Acquired =>
      tokens.acquire({
        attemptId: `attempt-${attempts++}`,
        jobId: 'j',
        model: 'm',
        lane: 'image',
        candidates: [candidate],
      }),
    report(change: Pick<TokenEvent, 'outcome' | 'refusal'>) {
      tokens.report({ ...use, attemptId: `attempt-${attempts - 1}`, ...change })
    },
  }
}

/** How long the pool rests after each of so many refusals in a row. */
function rests(
  { clock, acquire, report }: ReturnType<typeof pool>,
  refusal: TokenEvent['refusal'],
  times: number,
): number[] {
  return Array.from({ length: times }, () => {
    expect(acquire().status).toBe('token')
    report({ outcome: 'refused', ...(refusal && { refusal }) })
    const answer = acquire()
    if (answer.status !== 'wait') return 0
    clock.now += answer.waitSeconds * 1000
    return answer.waitSeconds
  })
}

test('without a stated time each rest in a row is twice as long, up to a bound', () => {
  expect(rests(pool(), { kind: 'rate_limited', scope: 'account' }, 6)).toEqual([5, 10, 20, 40, 60, 60])
  expect(rests(pool(), { kind: 'provider_error', scope: 'provider' }, 7)).toEqual([2, 4, 8, 16, 32, 60, 60])
  expect(rests(pool(), { kind: 'model_unavailable', scope: 'model' }, 3)).toEqual([30, 60, 120])
  expect(rests(pool(), { kind: 'credits_exhausted', scope: 'account' }, 8)).toEqual([
    60, 120, 240, 480, 960, 1920, 3600, 3600,
  ])
})

test('an acceptance ends the row', () => {
  const its = pool()
  const refusal = { kind: 'rate_limited', scope: 'account' } as const
  expect(rests(its, refusal, 2)).toEqual([5, 10])
  its.acquire()
  its.report({ outcome: 'accepted' })
  expect(rests(its, refusal, 2)).toEqual([5, 10])
})

test('refusals of calls that were on the wire together count once', () => {
  const its = pool()
  const refusal = { kind: 'rate_limited', scope: 'account' } as const
  for (let calls = 0; calls < 5; calls++) its.report({ outcome: 'refused', refusal })
  expect(its.acquire()).toEqual({ status: 'wait', waitSeconds: 5 })
})

test('a later refusal never shortens a rest', () => {
  const its = pool()
  its.report({ outcome: 'refused', refusal: { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 90 } })
  its.report({ outcome: 'refused', refusal: { kind: 'provider_error', scope: 'provider' } })
  expect(its.acquire()).toEqual({ status: 'wait', waitSeconds: 90 })
})
