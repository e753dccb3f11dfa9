import { describe, expect, test } from 'vitest'
import type { TokenEvent } from '../contracts.ts'
import { type Facts, type Known, learn } from './learn.ts'
import { newLane, newStanding } from './reducer.ts'
import { rulesOf } from './rules.ts'

const rules = rulesOf()
const MINUTE = 60_000
const START = 1_000_000_000

/** Hears one thing after another, each a second after the one before unless it says otherwise. */
function believer(starting: Partial<Facts['starting']> = {}) {
  let known: Known = { lane: newLane(rules), account: newStanding, token: newStanding, pair: newStanding, model: newStanding } // prettier-ignore
  let now = START
  const use = { provider: 'p', token: 't', account: 'a', lane: 'image', model: 'm', attemptId: 'x' } as const
  const hear = (event: Pick<TokenEvent, 'outcome' | 'refusal'>, facts: Partial<Facts> = {}) => {
    now += 1000
    const none = { sent: 0, accepted: 0, open: 0, openAccepted: 0 }
    const heard = { at: now, sentAt: now - 500, ...none, starting: { perMinute: null, maxOpen: null, ...starting }, ...facts } // prettier-ignore
    const changes = learn(known, { ...use, ...event }, heard, rules)
    known = { ...known, ...changes }
    return changes
  }
  return {
    pass: (ms: number) => void (now += ms),
    now: () => now,
    known: () => known,
    accepted: (facts?: Partial<Facts>) => hear({ outcome: 'accepted' }, facts),
    refused: (refusal: NonNullable<TokenEvent['refusal']>, facts?: Partial<Facts>) =>
      hear({ outcome: 'refused', refusal }, facts),
    checked: (refusal?: TokenEvent['refusal']) => hear({ outcome: 'checked', ...(refusal && { refusal }) }),
  }
}

const LIMITED = { kind: 'rate_limited', scope: 'account' } as const
const CROWDED = { kind: 'concurrency', scope: 'account' } as const
const FAILED = { kind: 'provider_error', scope: 'provider' } as const
const UNAUTHORIZED = { kind: 'auth', scope: 'token' } as const

describe('a rate', () => {
  /** One that was met at 100 a minute. */
  function met() {
    const its = believer()
    its.refused(LIMITED, { sent: 101, accepted: 100 })
    return its
  }
  const rate = (its: ReturnType<typeof believer>) => its.known().lane.rate

  test('is not known until it is met: then it is what was accepted in the last minute', () => {
    const its = believer()
    its.accepted({ sent: 50, accepted: 50 })
    expect(rate(its).value).toBeNull()
    its.refused(LIMITED, { sent: 101, accepted: 100 })
    expect(rate(its)).toMatchObject({ value: 100, trying: null, heldUntil: its.now() + MINUTE })
  })

  test('met in the first moment is not believed to be next to nothing', () => {
    const its = believer()
    its.refused(LIMITED, { sent: 3, accepted: 2 })
    expect(rate(its).value).toBe(10)
  })

  test('is held for a minute, and only while it is in the way is more tried', () => {
    const its = met()
    its.accepted({ sent: 100, accepted: 99 })
    expect(rate(its).trying).toBeNull()
    its.pass(MINUTE)
    its.accepted({ sent: 50, accepted: 50 })
    expect(rate(its).trying).toBeNull()
    its.accepted({ sent: 95, accepted: 95 })
    expect(rate(its).trying).toBe(150)
  })

  test('grows when more went well for a whole minute', () => {
    const its = met()
    its.pass(MINUTE)
    its.accepted({ sent: 95 })
    its.pass(MINUTE / 2)
    its.accepted({ sent: 120 })
    expect(rate(its)).toMatchObject({ value: 100, trying: 150 })
    its.pass(MINUTE / 2)
    its.accepted({ sent: 147 })
    expect(rate(its)).toMatchObject({ value: 147, trying: null })
  })

  test('stands when more is refused: less is tried next time, and later, up to a quarter of an hour', () => {
    const its = met()
    const tries: [number, number][] = []
    for (let times = 0; times < 7; times++) {
      its.pass(15 * MINUTE)
      its.accepted({ sent: 100 })
      const { trying } = rate(its)
      its.refused(LIMITED, { sent: 101, accepted: 100 })
      tries.push([trying ?? 0, (rate(its).heldUntil - its.now()) / MINUTE])
      expect(rate(its).value).toBe(100)
    }
    expect(tries).toEqual([[150, 2], [125, 4], [112, 8], [106, 15], [103, 15], [103, 15], [103, 15]]) // prettier-ignore
  })

  test('falls a little when it is refused out of the blue, and to what was accepted where that is much less', () => {
    const its = met()
    its.refused(LIMITED, { sent: 101, accepted: 100 })
    expect(rate(its).value).toBe(96)
    its.refused(LIMITED, { sent: 90, accepted: 80 })
    expect(rate(its).value).toBe(80)
  })

  test('far from the limit first the burst is believed to be too large, and then at most half is taken away', () => {
    const its = met()
    its.refused(LIMITED, { sent: 12, accepted: 10 })
    expect(its.known().lane).toMatchObject({ burst: 1, rate: { value: 100 } })
    its.refused(LIMITED, { sent: 12, accepted: 10 })
    expect(rate(its).value).toBe(50)
    for (let times = 0; times < 12; times++) its.refused(LIMITED, { sent: 2, accepted: 0 })
    expect(rate(its).value).toBe(1)
  })

  test('that fell far is sought again soon, in large steps', () => {
    const its = met()
    its.pass(MINUTE)
    its.accepted({ sent: 95 })
    its.refused(LIMITED, { sent: 101, accepted: 100 })
    for (let times = 0; times < 4; times++) its.refused(LIMITED, { sent: 12, accepted: 10 })
    expect(rate(its).value).toBe(12)
    its.pass(MINUTE)
    its.accepted({ sent: 12 })
    expect(rate(its).trying).toBe(18)
    its.pass(MINUTE)
    its.accepted({ sent: 18 })
    its.accepted({ sent: 18 })
    expect(rate(its)).toMatchObject({ value: 18, trying: 27 })
  })

  test('starts from what was configured', () => {
    const its = believer({ perMinute: 60 })
    its.accepted({ sent: 20 })
    expect(rate(its).value).toBeNull()
    its.accepted({ sent: 58 })
    expect(rate(its)).toMatchObject({ value: 60, trying: null })
    its.pass(MINUTE)
    its.accepted({ sent: 58 })
    expect(rate(its).trying).toBe(90)
  })

  test('refusals of calls that were on the wire together count once, and the longest wait counts', () => {
    const its = believer()
    const sentAt = START
    its.refused(LIMITED, { sentAt, sent: 110, accepted: 100 })
    const after = its.known().lane
    expect(its.refused(LIMITED, { sentAt, sent: 110, accepted: 100 })).toEqual({})
    its.refused({ ...LIMITED, retryAfterSeconds: 30 }, { sentAt, sent: 110, accepted: 100 })
    expect(its.known().lane).toEqual({ ...after, pausedUntil: its.now() + 30_000 })
  })

  test('without a stated time each pause in a row is twice as long, up to a minute; an acceptance ends the row', () => {
    const its = believer()
    const pauses = Array.from({ length: 8 }, () => {
      its.pass(MINUTE)
      its.refused(LIMITED, { sent: 10, accepted: 9 })
      return (its.known().lane.pausedUntil - its.now()) / 1000
    })
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    its.pass(MINUTE)
    its.accepted()
    its.pass(MINUTE)
    its.refused(LIMITED, { sent: 10, accepted: 9 })
    expect(its.known().lane.pausedUntil - its.now()).toBe(1000)
  })

  test('what a provider asks for is waited for, within reason', () => {
    const its = believer()
    its.refused({ ...LIMITED, retryAfterSeconds: 45 })
    expect(its.known().lane.pausedUntil).toBe(its.now() + 45_000)
    its.refused({ ...LIMITED, retryAfterSeconds: 1e12 })
    expect(its.known().lane.pausedUntil).toBe(its.now() + 24 * 60 * MINUTE)
    const other = believer()
    other.refused({ ...LIMITED, retryAfterSeconds: -5 })
    expect(other.known().lane.pausedUntil).toBe(other.now() + 1000)
  })
})

describe('places', () => {
  const open = (its: ReturnType<typeof believer>) => its.known().lane.open

  test('are as many as were accepted when one was refused, after a short pause', () => {
    const its = believer()
    its.refused(CROWDED, { open: 7, openAccepted: 4 })
    expect(open(its).value).toBe(4)
    expect(its.known().lane.pausedUntil).toBe(its.now() + 500)
  })

  test('are found out by the last of many that were too many at once', () => {
    const its = believer()
    for (const openAccepted of [1, 2, 4, 4]) its.refused(CROWDED, { sentAt: START, open: 20, openAccepted })
    expect(open(its).value).toBe(4)
    const before = its.known().lane
    its.refused(CROWDED, { sentAt: START, at: its.now() + 1000, open: 20, openAccepted: 4 })
    expect({ ...its.known().lane, pausedUntil: 0 }).toEqual({ ...before, pausedUntil: 0 })
  })

  test('are tried one more at a time, and what is taken is there', () => {
    const its = believer({ maxOpen: 2 })
    its.accepted({ open: 2, openAccepted: 2 })
    its.pass(MINUTE)
    its.accepted({ open: 2, openAccepted: 2 })
    expect(open(its).trying).toBe(3)
    its.accepted({ open: 3, openAccepted: 2 })
    expect(open(its)).toMatchObject({ value: 2, trying: 3 })
    its.accepted({ open: 3, openAccepted: 3 })
    expect(open(its)).toMatchObject({ value: 3, trying: null })
  })

  test('that were configured are not forgotten when others were refused at the same time', () => {
    const its = believer({ maxOpen: 10 })
    its.refused(LIMITED, { sentAt: START })
    its.refused(CROWDED, { sentAt: START, open: 3, openAccepted: 2 })
    expect(open(its).value).toBe(10)
  })

  test('never fall below one', () => {
    const its = believer()
    for (let times = 0; times < 5; times++) its.refused(CROWDED)
    expect(open(its).value).toBe(1)
  })
})

describe('health', () => {
  const health = (its: ReturnType<typeof believer>) => its.known().lane

  test('five failures in a row break a lane, for longer each time', () => {
    const its = believer()
    for (let times = 0; times < 4; times++) its.refused(FAILED)
    expect(health(its).brokenUntil).toBe(0)
    const breaks = Array.from({ length: 7 }, () => {
      its.refused(FAILED)
      return (health(its).brokenUntil - its.now()) / 1000
    })
    expect(breaks).toEqual([10, 20, 40, 80, 160, 300, 300])
  })

  test('failures of calls that were on the wire together count once, and so does what was accepted before', () => {
    const its = believer()
    for (let times = 0; times < 20; times++) its.refused(FAILED, { sentAt: START })
    expect(health(its)).toMatchObject({ health: 0.9, brokenUntil: 0 })
    expect(its.accepted({ sentAt: START }).lane).toBeUndefined()
  })

  test('comes back with acceptances, and when it is back it was never gone', () => {
    const its = believer()
    for (let times = 0; times < 6; times++) its.refused(FAILED)
    its.accepted()
    expect(health(its)).toMatchObject({ brokenUntil: 0, breakMs: 20_000 })
    expect(health(its).health).toBeLessThan(0.6)
    for (let times = 0; times < 30; times++) its.accepted()
    expect(health(its)).toMatchObject({ health: 1, breakMs: 0 })
  })

  test('nothing else that goes wrong is a failure of the lane', () => {
    for (const kind of ['invalid_input', 'content_policy', 'no_output', 'canceled'] as const) {
      expect(believer().refused({ kind, scope: 'provider' })).toEqual({})
    }
    expect(believer().refused({ ...FAILED, scope: 'request' })).toEqual({})
  })
})

describe('a standing', () => {
  test('a 401 makes a token suspect, and the next one a minute later is the end of it', () => {
    const its = believer()
    its.refused(UNAUTHORIZED, { sentAt: START })
    expect(its.known().token).toMatchObject({ status: 'suspect', restingUntil: its.now() + MINUTE })
    expect(its.refused(UNAUTHORIZED, { sentAt: START })).toEqual({})
    its.pass(MINUTE)
    its.refused(UNAUTHORIZED)
    expect(its.known().token.status).toBe('disabled')
  })

  test('a check is believed at once', () => {
    const its = believer()
    its.checked(UNAUTHORIZED)
    expect(its.known().token.status).toBe('disabled')
    its.checked()
    expect(its.known().token).toMatchObject({ status: 'active', strikes: 0, proven: true })
    its.refused({ kind: 'credits_exhausted', scope: 'account' })
    its.checked()
    expect(its.known().account.status).toBe('active')
  })

  test('one acceptance between two 401s, and it was a hiccup', () => {
    const its = believer()
    its.refused(UNAUTHORIZED)
    its.accepted()
    its.refused(UNAUTHORIZED)
    expect(its.known().token.status).toBe('suspect')
  })

  test('what was on the wire when it was refused does not speak for it', () => {
    const its = believer()
    its.refused(UNAUTHORIZED)
    its.accepted({ sentAt: START })
    expect(its.known().token).toMatchObject({ status: 'suspect', proven: true })
  })

  test('each refusal is about one thing', () => {
    const about = {
      auth: 'token',
      permission: 'pair',
      credits_exhausted: 'account',
      model_unavailable: 'model',
    } as const
    for (const [kind, subject] of Object.entries(about)) {
      const changes = believer().refused({ kind: kind as keyof typeof about, scope: 'token' })
      expect(Object.keys(changes)).toEqual([subject])
    }
  })

  test('spent credit is looked at again, less and less often', () => {
    const its = believer()
    const rests = Array.from({ length: 8 }, () => {
      its.pass(120 * MINUTE)
      its.refused({ kind: 'credits_exhausted', scope: 'account' })
      return (its.known().account.restingUntil - its.now()) / MINUTE
    })
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  })

  test('news that change nothing are no news', () => {
    const its = believer()
    its.accepted()
    expect(its.accepted({ sent: 5, accepted: 5, open: 2, openAccepted: 2 })).toEqual({})
  })
})

test('a state survives JSON, whatever the order of its keys', () => {
  const its = believer({ perMinute: 10 })
  its.refused(LIMITED, { sent: 10, accepted: 10 })
  its.accepted()
  const { lane, token } = its.known()
  const stored = (state: object) => JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(state).toReversed())))
  const known = { ...its.known(), lane: stored(lane), token: stored(token) }
  const use = { provider: 'p', token: 't', account: 'a', lane: 'image', model: 'm', attemptId: 'x' } as const
  const none = { sent: 0, accepted: 0, open: 0, openAccepted: 0, starting: { perMinute: 10, maxOpen: null } }
  const facts = { at: its.now() + 1, sentAt: its.now(), ...none }
  expect(learn(known, { ...use, outcome: 'accepted' }, facts, rules)).toEqual({})
})
