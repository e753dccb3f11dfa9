/** What no honest caller sends: a typed refusal, and nothing is stored or taken. */
import { SafelightError } from '@safelight/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES, newUser } from './testing/engines.ts'
import { newJob } from './testing/own-cases.ts'

const NUL = 'a\0b'
const HALF = 'a\ud800b'

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
      driver = await engine.open()
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })

    test('text, ids and numbers that cannot be stored are invalid input, wherever they come in', async () => {
      const { admit, jobs, library, users, ledger, settings } = postgres(driver)
      const userId = await newUser(driver)
      await ledger.grant({ userId, amount: 3000, key: userId, description: 'To begin with' })
      const about = { ip: null, hasCapacity: true }
      const prompt = (text: string) => ({ input: { prompt: text, size: 'square', count: 1, seed: '1' } as const })
      const calls: (() => Promise<unknown>)[] = [
        () => admit({ job: newJob(userId, prompt(NUL)), ...about }),
        () => admit({ job: newJob(userId, prompt(HALF)), ...about }),
        () => admit({ job: newJob(userId, { idempotencyKey: NUL }), ...about }),
        () => admit({ job: newJob('local'), ...about }),
        () => admit({ job: newJob(userId), ip: NUL, hasCapacity: true }),
        () => jobs.create(newJob(userId, { price: 3e9 })),
        () => jobs.findByKey(userId, NUL),
        () => jobs.list({ limit: 3, cursor: 'WyJ4IiwieSJd' }),
        () => library.list({ userId, limit: 3, search: NUL }),
        () => ledger.entries({ userId, limit: 3, cursor: 'zzz' }),
        () => users.signIn(`${NUL}@example.test`),
        () => settings.write({ limits: { userPerMinute: 0, ipPerMinute: 20, windowSeconds: 60 } }),
        () => settings.write({ limits: { userPerMinute: 1.5, ipPerMinute: 20, windowSeconds: 60 } }),
        () => settings.write({ signupBonus: -1 }),
        () => settings.write({ appEnabled: 'no' as never }),
      ]
      for (const call of calls) {
        const error: unknown = await call().catch((problem: unknown) => problem)
        expect(SafelightError.is(error, 'invalid_input'), `${call.toString()} → ${String(error)}`).toBe(true)
      }
      expect(await ledger.balance(userId)).toBe(3000)
      expect((await jobs.list({ userId, limit: 10 })).items).toEqual([])
      expect((await settings.read()).limits.userPerMinute).toBe(10)
    })

    test('nobody is found under what is no id', async () => {
      const { jobs, library, users, ledger } = postgres(driver)
      for (const id of ['', NUL, 'local', `' or 1=1 --`]) {
        expect([await jobs.find(id), await library.find(id), await users.find(id)]).toEqual([null, null, null])
        expect([await ledger.balance(id), await jobs.attempts(id), await jobs.askCancel(id)]).toEqual([0, [], false])
      }
    })

    test('limits that share a key, or would keep endless logs, are refused', async () => {
      const { limiter } = postgres(driver)
      const limit = { key: 'k', name: 'k', max: 5, windowSeconds: 60 }
      await expect(limiter.take([limit, { ...limit, name: 'other' }])).rejects.toThrow('limits have keys of their own')
      await expect(limiter.take([{ ...limit, max: 1_000_000 }])).rejects.toThrow('allow at most 10000')
      expect(await limiter.peek([limit])).toMatchObject([{ remaining: 5 }])
    })

    test('a prompt of 200 kB and every kind of letter comes back as it went', async () => {
      const { jobs } = postgres(driver)
      const prompt = `🦊 ' \\" \u2028 ${'ß'.repeat(100_000)}`
      const job = newJob(await newUser(driver), {
        input: { prompt, size: 'square', count: 1, seed: '90071992547409931234' },
      })
      await jobs.create(job)
      expect((await jobs.find(job.id))?.input).toEqual(job.input)
    })
  })
}
