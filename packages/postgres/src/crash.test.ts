/** The crash suite of the engine over both databases; here at every few moments, in memory at every one. */
import { memoryMedia } from '@safelight/core'
import { type CrashHarness, crashCases } from '@safelight/core/testing'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES, newUser } from './testing/engines.ts'
import { letTimePass } from './testing/harness.ts'

/** Each kind of run with its own stride, so that together they stop at different moments. */
const RUNS = [
  { engine: 'pglite', stride: 31, separate: false },
  { engine: 'pglite', stride: 41, separate: true },
  { engine: 'postgres', stride: 37, separate: false },
] as const

for (const { engine: name, stride, separate } of RUNS) {
  describe(`over ${name}, with ${separate ? 'single ports' : 'fused calls'}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await ENGINES[name]()
      driver = await engine.open()
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })
    const make = async (): Promise<CrashHarness> => {
      const database = postgres(driver)
      let userId: string | undefined
      return {
        database,
        media: memoryMedia(),
        now: Date.now,
        movesRows: true,
        advance: seconds => letTimePass(driver, seconds, userId),
        async newUser(balance = 0) {
          userId = await newUser(driver)
          const grant = { userId, amount: balance, key: randomUUID(), description: 'To begin with' }
          if (balance > 0) await database.ledger.grant(grant)
          return userId
        },
        close: async () => undefined,
      }
    }
    for (const { name: title, run } of crashCases(make, {
      stride,
      separate,
      races: { runs: 4 },
      simulations: { runs: 10 },
    }))
      test(title, run)
  })
}
