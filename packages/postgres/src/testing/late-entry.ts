/** A transaction that ends after somebody else has read further. For databases with more than one connection. */
import type { Case } from '@safelight/core/testing'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { postgres } from '../database.ts'
import type { SqlDriver } from '../driver.ts'
import { charge, forgedEntry, problemsOf, userWith } from './upkeep-steps.ts'

export function lateEntryCase(driver: () => SqlDriver): Case {
  return { name: 'an entry of a transaction that ends late is read by the next run', run: () => check(driver()) }
}

/** The forged entry moves no account: nothing else would lead a run to it. */
async function check(driver: SqlDriver): Promise<void> {
  const stage = { driver, database: postgres(driver) }
  const [user, other] = [await userWith(stage, 100), await userWith(stage, 100)]
  await stage.database.reconcileCreditLedger()
  const signal = randomUUID()
  const late = driver.query(`do $$ begin
    ${forgedEntry(user, 5, 10, 110)};
    loop
      exit when exists (select from public.upkeep_runs where task = '${signal}');
      perform pg_sleep(0.005);
    end loop;
  end $$`)
  for (let isUnderWay = false; !isUnderWay;) {
    const holders = await driver.query(
      `select from pg_locks where relation = 'public.credit_ledger'::regclass and mode = 'RowExclusiveLock' and granted`,
    )
    isUnderWay = holders.length > 0
  }
  await charge(stage, other, 10)
  assert.deepEqual(await problemsOf(stage, user), [])
  await charge(stage, other, 10)
  assert.deepEqual(await problemsOf(stage, user), [])
  await stage.database.claimUpkeep(signal, 60)
  await late
  const problems = (await problemsOf(stage, user)).map(([problem]) => problem)
  assert(problems.includes('sequence'))
}
