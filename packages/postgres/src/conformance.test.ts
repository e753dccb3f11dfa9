import { afterAll, beforeAll, describe, test } from 'vitest'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { portCases } from './testing/port-cases.ts'

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

    for (const [port, cases] of Object.entries(portCases(() => driver, { runs: 5 })))
      describe(port, () => {
        for (const each of cases) test(each.name, each.run)
      })
  })
}
