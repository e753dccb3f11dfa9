/** Whole jobs under one seed after another, on PGlite: see `simulateJob` of the core's testing. */
import { memoryMedia } from '@safelight/core'
import { type CrashHarness, simulateJob } from '@safelight/core/testing'
import { randomUUID } from 'node:crypto'
import { postgres } from '../src/database.ts'
import type { SqlDriver } from '../src/driver.ts'
import { newUser } from '../src/testing/engines.ts'
import { letTimePass } from '../src/testing/harness.ts'

export interface JobsResult {
  /** How many jobs ended how. */
  ends: Map<string, number>
  faults: number
}

/** A database for one run of the crash suite after another: each has a user, a store and providers of its own. */
export async function crashHarnessOn(driver: SqlDriver): Promise<CrashHarness> {
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

/** Throws with the first seed that fails. Single ports and fused calls take turns. */
export async function simulateJobs(
  driver: SqlDriver,
  { runs, seed }: { runs: number; seed: number },
): Promise<JobsResult> {
  const result: JobsResult = { ends: new Map(), faults: 0 }
  for (let run = 0; run < runs; run++) {
    const separate = (seed + run) % 2 === 1
    const { end, faults } = await simulateJob(() => crashHarnessOn(driver), seed + run, { separate })
    result.ends.set(end, (result.ends.get(end) ?? 0) + 1)
    result.faults += faults
  }
  return result
}
