/** What every `RateLimiter` promises: never more than `max` in any window, all buckets or none, and nothing for a refusal. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Limit, RateLimiter } from '../../contracts.ts'
import { tryToSpoil } from './job-steps.ts'
import { property } from './random.ts'
import { type Case, type Harness, type Make, type PropertyOptions, suite, tally, together } from './suite.ts'

export interface RateLimiterHarness extends Harness {
  limiter: RateLimiter
}

/** The suite of `RateLimiter`. */
export function rateLimiterCases(make: Make<RateLimiterHarness>, options: PropertyOptions = {}): Case[] {
  return suite(make, { ...takeChecks, ...windowChecks(options), ...crowdChecks })
}

type Checks = Record<string, (harness: RateLimiterHarness) => Promise<void>>

function limitOf(max: number, change: Partial<Limit> = {}): Limit {
  return { key: `user:${randomUUID()}`, name: 'user', max, windowSeconds: 600, ...change }
}

const takeChecks: Checks = {
  async 'as many pass as there is room for, and each says how many are left'({ limiter }) {
    const limit = limitOf(3)
    for (const remaining of [2, 1, 0]) {
      const { allowed, limits, retryAfterSeconds } = await limiter.take([limit])
      assert.deepEqual(
        [allowed, limits[0]?.remaining, retryAfterSeconds],
        [true, remaining, remaining === 0 ? retryAfterSeconds : 0],
      )
    }
    const refused = await limiter.take([limit])
    assert.equal(refused.allowed, false)
    assert(refused.retryAfterSeconds > 0 && refused.retryAfterSeconds <= 600)
    const [state] = refused.limits
    assert.deepEqual([state?.name, state?.max, state?.windowSeconds, state?.remaining], ['user', 3, 600, 0])
    assert(state && state.resetsInSeconds > 0 && state.resetsInSeconds <= 600)
  },

  async 'a bucket says how long until one more than now has room'({ limiter, advance }) {
    const limit = limitOf(3)
    assert.equal((await limiter.peek([limit]))[0]?.resetsInSeconds, 0)
    await limiter.take([limit])
    await advance(200)
    const { limits } = await limiter.take([limit])
    for (const state of [limits[0], (await limiter.peek([limit]))[0]]) {
      assert.equal(state?.remaining, 1)
      // Of a real clock some seconds have gone by as well.
      assert(state.resetsInSeconds > 370 && state.resetsInSeconds <= 400, `${state.resetsInSeconds} s`)
    }
  },

  async 'one full bucket refuses, and the others lose nothing'({ limiter }) {
    const [full, roomy] = [limitOf(1), limitOf(5, { name: 'ip' })]
    await limiter.take([full])
    for (const limits of [
      [full, roomy],
      [roomy, full],
    ]) {
      // prettier-ignore
      const refused = await limiter.take(limits)
      assert.equal(refused.allowed, false)
      assert.equal(refused.limits.find(({ name }) => name === 'ip')?.remaining, 5)
    }
    assert.equal((await limiter.peek([roomy]))[0]?.remaining, 5)
  },

  async 'states come in the order of the limits'({ limiter }) {
    const limits = [
      limitOf(3, { key: `z:${randomUUID()}`, name: 'z' }),
      limitOf(9, { key: `a:${randomUUID()}`, name: 'a' }),
    ]
    const taken = await limiter.take(limits)
    assert.deepEqual(taken.limits.map(({ name, remaining }) => [name, remaining]), [['z', 2], ['a', 8]]) // prettier-ignore
    const seen = await limiter.peek(limits)
    assert.deepEqual(seen.map(({ name, remaining }) => [name, remaining]), [['z', 2], ['a', 8]]) // prettier-ignore
  },

  async 'looking takes nothing'({ limiter }) {
    const limit = limitOf(2)
    for (let looks = 0; looks < 5; looks++) {
      const [state] = await limiter.peek([limit])
      assert.deepEqual([state?.name, state?.max, state?.windowSeconds, state?.remaining], ['user', 2, 600, 2])
    }
    await limiter.take([limit])
    assert.equal((await limiter.peek([limit]))[0]?.remaining, 1)
    assert.equal((await limiter.take([limit])).allowed, true)
  },

  async 'without limits everything passes'({ limiter }) {
    assert.deepEqual(await limiter.take([]), { allowed: true, retryAfterSeconds: 0, limits: [] })
    assert.deepEqual(await limiter.peek([]), [])
  },

  async 'a limit of none lets nothing through'({ limiter }) {
    const refused = await limiter.take([limitOf(0)])
    assert.equal(refused.allowed, false)
    assert(refused.retryAfterSeconds > 0)
    assert.equal(refused.limits[0]?.remaining, 0)
  },

  async 'a changed limit counts at once, with the hits there are'({ limiter }) {
    const limit = limitOf(3)
    for (let hits = 0; hits < 3; hits++) await limiter.take([limit])
    assert.equal((await limiter.take([{ ...limit, max: 5 }])).allowed, true)
    assert.equal((await limiter.take([limit])).allowed, false)
    const [state] = await limiter.peek([{ ...limit, max: 2 }])
    assert.equal(state?.remaining, 0)
    assert.equal((await limiter.take([{ ...limit, max: 5 }])).allowed, true)
    assert.equal((await limiter.take([{ ...limit, max: 5 }])).allowed, false)
  },

  async 'what is handed out is a copy'({ limiter }) {
    const limit = limitOf(1)
    const { limits } = await limiter.take([limit])
    tryToSpoil(() => (limits[0]!.remaining = 100))
    assert.equal((await limiter.take([limit])).allowed, false)
  },
}

function windowChecks(options: PropertyOptions): Checks {
  return {
    async 'after `retryAfterSeconds`, and not long before, there is room again'({ limiter, advance }) {
      const limit = limitOf(2)
      await limiter.take([limit])
      await advance(300)
      await limiter.take([limit])
      const { retryAfterSeconds } = await limiter.take([limit])
      assert(retryAfterSeconds > 200 && retryAfterSeconds <= 300, `${retryAfterSeconds} s`)
      await advance(retryAfterSeconds - 60)
      assert.equal((await limiter.take([limit])).allowed, false)
      await advance(60)
      assert.equal((await limiter.take([limit])).allowed, true)
      assert.equal((await limiter.take([limit])).allowed, false)
    },

    async 'the fullest bucket says when to come back'({ limiter, advance }) {
      const [short, long] = [limitOf(1, { windowSeconds: 100 }), limitOf(1, { windowSeconds: 1000 })]
      await limiter.take([short, long])
      const { retryAfterSeconds } = await limiter.take([short, long])
      assert(retryAfterSeconds > 900 && retryAfterSeconds <= 1000, `${retryAfterSeconds} s`)
      await advance(101)
      assert.equal((await limiter.take([short])).allowed, true)
      assert.equal((await limiter.take([short, long])).allowed, false)
    },

    async 'a refused try takes nothing and postpones nothing'({ limiter, advance }) {
      const limit = limitOf(2)
      await together(2, () => limiter.take([limit]))
      for (let tries = 0; tries < 5; tries++) {
        await advance(110)
        assert.equal((await limiter.take([limit])).allowed, false)
      }
      await advance(51)
      assert.equal((await limiter.take([limit])).allowed, true)
      assert.equal((await limiter.take([limit])).allowed, true)
    },

    async 'two bursts around the edge of a minute are one burst'({ limiter, advance }) {
      // Four rounds, a quarter of a minute further each time: one of them has the edge in its middle.
      for (let round = 0; round < 4; round++) {
        const limit = limitOf(10, { windowSeconds: 60 })
        let allowed = 0
        for (let second = 0; second < 50; second += 10) {
          for (let tries = 0; tries < 4; tries++) if ((await limiter.take([limit])).allowed) allowed += 1
          await advance(10)
        }
        assert.equal(allowed, 10)
        await advance(25)
      }
    },

    async 'random arrivals: never more than `max` in any window, and never a refusal without need'({
      limiter,
      advance,
    }) {
      await property(options, async random => {
        const limit = limitOf(random.integer(1, 6), { windowSeconds: random.integer(5, 60) })
        const hits: { before: number; after: number }[] = []
        let skipped = 0
        for (let step = 0; step < 60; step++) {
          if (random.chance(0.5)) {
            const seconds = random.integer(1, limit.windowSeconds)
            await advance(seconds)
            skipped += seconds
          }
          // A real clock runs on while we ask: all that is certain is the time before and after the answer.
          const before = skipped + performance.now() / 1000
          const { allowed, limits } = await limiter.take([limit])
          const after = skipped + performance.now() / 1000
          const surely = hits.filter(hit => after - hit.before < limit.windowSeconds).length
          const possibly = hits.filter(hit => before - hit.after < limit.windowSeconds).length
          if (allowed) {
            assert(surely < limit.max, `${surely + 1} within ${limit.windowSeconds} s where ${limit.max} may`)
            hits.push({ before, after })
          } else {
            assert(
              possibly >= limit.max,
              `refused with ${possibly} of ${limit.max} in the last ${limit.windowSeconds} s`,
            )
          }
          const taken = allowed ? 1 : 0
          const remaining = limits[0]!.remaining
          assert(
            remaining >= limit.max - possibly - taken && remaining <= limit.max - surely - taken,
            `remaining ${remaining}`,
          )
        }
      })
    },
  }
}

const crowdChecks: Checks = {
  async 'of 60 at once exactly `max` pass'({ limiter }) {
    const limit = limitOf(10)
    const taken = await together(60, () => limiter.take([limit]))
    assert.deepEqual(tally(taken.map(({ allowed }) => String(allowed))), { true: 10, false: 50 })
    const left = taken.filter(({ allowed }) => allowed).map(({ limits }) => limits[0]!.remaining)
    assert.deepEqual(
      left.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  },

  async 'of crowds that share a bucket exactly as many pass as all of them have room for'({ limiter }) {
    const shared = limitOf(20, { name: 'ip' })
    const own = [limitOf(10), limitOf(10), limitOf(10)]
    const taken = await together(60, index => {
      const mine = own[index % 3]!
      return limiter.take(index % 2 ? [mine, shared] : [shared, mine])
    })
    assert.equal(taken.filter(({ allowed }) => allowed).length, 20)
    const used = (await limiter.peek(own)).reduce((total, { remaining }) => total + 10 - remaining, 0)
    assert.equal(used, 20, 'a refusal took a hit from the bucket that had room')
  },
}
