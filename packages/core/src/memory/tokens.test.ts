import { expect, test } from 'vitest'
import type { Acquired, Candidate, TokenEvent } from '../contracts.ts'
import { memoryTokens } from './tokens.ts'

const candidate = { provider: 'p', endpoint: 'e', token: 't', account: 'a', maxOpen: null }
const use = { provider: 'p', token: 't', account: 'a', lane: 'image', model: 'm' } as const

function pool() {
  const clock = { now: 1_000_000 }
  const starting: Pick<Candidate, 'perMinute'> = {}
  const tokens = memoryTokens(
    () => clock.now,
    () => undefined,
  )
  let attempts = 0
  return {
    clock,
    starting,
    acquire: (): Acquired =>
      tokens.acquire({
        attemptId: `attempt-${attempts++}`,
        jobId: 'j',
        model: 'm',
        lane: 'image',
        candidates: [{ ...candidate, ...starting }],
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
    const restsFrom = clock.now
    for (let answer = acquire(); answer.status === 'wait'; answer = acquire()) clock.now += answer.waitSeconds * 1000
    report({ outcome: 'ended' })
    return Math.round((clock.now - restsFrom) / 1000)
  })
}

test('without a stated time each rest in a row is twice as long, up to a bound', () => {
  expect(rests(pool(), { kind: 'model_unavailable', scope: 'model' }, 7)).toEqual([30, 60, 120, 240, 480, 600, 600])
  expect(rests(pool(), { kind: 'credits_exhausted', scope: 'account' }, 8)).toEqual([
    60, 120, 240, 480, 960, 1920, 3600, 3600,
  ])
  expect(rests(pool(), { kind: 'permission', scope: 'token' }, 3)).toEqual([600, 600, 600])
})

test('an acceptance ends the row', () => {
  const its = pool()
  const refusal = { kind: 'credits_exhausted', scope: 'account' } as const
  expect(rests(its, refusal, 2)).toEqual([60, 120])
  its.acquire()
  its.report({ outcome: 'accepted' })
  expect(rests(its, refusal, 2)).toEqual([60, 120])
})

test('a later refusal never shortens a rest', () => {
  const its = pool()
  its.report({ outcome: 'refused', refusal: { kind: 'rate_limited', scope: 'account', retryAfterSeconds: 90 } })
  its.clock.now += 1000
  its.report({ outcome: 'refused', refusal: { kind: 'concurrency', scope: 'account' } })
  expect(its.acquire()).toEqual({ status: 'wait', waitSeconds: 89 })
})

test('a submit counts a little longer than a minute: the next one may have a shorter way', () => {
  const { clock, acquire, starting } = pool()
  starting.perMinute = 3
  for (let times = 0; times < 3; times++) expect(acquire().status).toBe('token')
  clock.now += 60_900
  expect(acquire().status).toBe('wait')
  clock.now += 100
  expect(acquire().status).toBe('token')
})
