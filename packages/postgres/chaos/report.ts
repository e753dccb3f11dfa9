/** The chaos runs, told in lines. Each answers whether everything held. */
import type { SqlDriver } from '../src/driver.ts'
import { ENGINES } from '../src/testing/engines.ts'
import { simulateJobs } from './jobs.ts'
import { compareWithModel } from './ledger-model.ts'
import { chaos } from './postgres.ts'

const EXAMPLES = 10
/** Time passes by moving every row, so that a full database makes it slow. */
const JOBS_AT_ONCE = 200

export async function reportChaos(operations: number, seed: number): Promise<boolean> {
  const { lost, twice, broken, minted, ...counts } = await chaos({ operations, seed })
  for (const [what, count] of Object.entries(counts)) say(what, Math.round(count))
  const findings = { lost, twice, broken, minted }
  for (const [what, found] of Object.entries(findings)) {
    say(what, found.length)
    for (const each of found.slice(0, EXAMPLES)) console.log(`    ${each}`)
  }
  return Object.values(findings).every(found => found.length === 0)
}

export async function reportLedger(runs: number, seed: number): Promise<boolean> {
  return onPglite(async driver => {
    await compareWithModel(driver, { runs, seed })
    say('sequences that the model and the SQL agree on', runs)
  })
}

export async function reportJobs(runs: number, seed: number): Promise<boolean> {
  const ends = new Map<string, number>()
  let faults = 0
  for (let done = 0; done < runs; done += JOBS_AT_ONCE) {
    const some = { runs: Math.min(JOBS_AT_ONCE, runs - done), seed: seed + done }
    const held = await onPglite(async driver => {
      const result = await simulateJobs(driver, some)
      faults += result.faults
      for (const [end, count] of result.ends) ends.set(end, (ends.get(end) ?? 0) + count)
    })
    if (!held) return false
  }
  say('jobs', runs)
  say('faults', faults)
  for (const [end, count] of [...ends].toSorted(([, a], [, b]) => b - a)) say(end, count)
  return true
}

async function onPglite(run: (driver: SqlDriver) => Promise<void>): Promise<boolean> {
  const engine = await ENGINES.pglite()
  const driver = await engine.open()
  const startedAt = performance.now()
  try {
    await run(driver)
    say('seconds', Math.round((performance.now() - startedAt) / 1000))
    return true
  } catch (error) {
    console.log(error instanceof Error ? error.message : error)
    return false
  } finally {
    await driver.close()
    await engine.close()
  }
}

function say(what: string, count: number): void {
  console.log(`  ${what.padEnd(46)} ${String(count).padStart(8)}`)
}
