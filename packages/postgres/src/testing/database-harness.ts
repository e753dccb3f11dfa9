/** What the conformance suites want of a database: its ports, users, and a clock that can be moved. */
import type { DatabaseHarness } from '@safelight/core/testing'
import { randomUUID } from 'node:crypto'
import { postgres } from '../database.ts'
import type { SqlDriver } from '../driver.ts'
import { newUser } from './engines.ts'
import { letTimePass } from './harness.ts'

/** A harness for one case after another on the same database. */
export async function harnessOn(driver: SqlDriver): Promise<DatabaseHarness> {
  // Jobs that an earlier case left open must not become due in a later one.
  await driver.query(
    `update public.generation_jobs set wake_at = now() + interval '100 years' where finished_at is null`,
  )
  const database = postgres(driver)
  return {
    database,
    async newUser(balance = 0) {
      const userId = await newUser(driver)
      const gift = { userId, amount: balance, key: randomUUID(), description: 'To begin with' }
      if (balance > 0) await database.ledger.grant(gift)
      return userId
    },
    advance: seconds => letTimePass(driver, seconds),
    close: async () => undefined,
  }
}
