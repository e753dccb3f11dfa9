import { afterAll, beforeAll, test } from 'vitest'
import { compareWithModel } from '../chaos/ledger-model.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'

let engine: Engine
let driver: SqlDriver
beforeAll(async () => {
  engine = await ENGINES.pglite()
  driver = await engine.open()
})
afterAll(async () => {
  await driver.close()
  await engine.close()
})

test('any sequence of grants, charges and refunds answers and adds up like the model', () =>
  compareWithModel(driver, { runs: 400 }))
