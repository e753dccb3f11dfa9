/** The crash suite of the engine over both databases; here at every few moments, in memory at every one. */
import { crashCases } from '@safelight/core/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { crashHarnessOn } from '../chaos/jobs.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'

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
    const make = () => crashHarnessOn(driver)
    for (const { name: title, run } of crashCases(make, {
      stride,
      separate,
      races: { runs: 4 },
      simulations: { runs: 10 },
    }))
      test(title, run)
  })
}
