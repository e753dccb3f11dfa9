/**
 * How long does reconciliation take in a large ledger? Two million entries of twenty thousand users; then ten thousand new
 * ones, written as admission writes them, and every account held against where it stood.
 */
import { postgres } from '../src/database.ts'
import type { SqlDriver } from '../src/driver.ts'
import { migrate } from '../src/migrate.ts'
import { pg } from '../src/pg.ts'
import { startPostgres } from '../src/testing/start-postgres.ts'

const USERS = 20_000
const ENTRIES_EACH = 100
const NEW_ENTRIES = 10_000
const ROUNDS = 5
const GOAL_MS = 100

/** Prints a table, and fails the process where ten thousand new entries take longer than they may. */
export async function run(): Promise<void> {
  const server = await startPostgres({ durable: true })
  try {
    const driver = pg(await server.createDatabase(), { connections: 1 })
    await migrate(driver)
    await fill(driver)
    const { reconcileCreditLedger, detectAnomalies } = postgres(driver)
    const steps = (entries: number) => async () => {
      if (entries > 0) await write(driver, entries)
      return timed(() => reconcileCreditLedger())
    }
    report('first run, nothing read before', [await timed(() => reconcileCreditLedger())])
    report('nothing new', await repeated(steps(0)))
    report('1,000 new entries', await repeated(steps(1000)))
    const measured = await repeated(steps(NEW_ENTRIES))
    report('10,000 new entries', measured)
    report('anomalies, all within a day', [await timed(() => detectAnomalies())])
    report('whole', [await timed(() => reconcileCreditLedger({ whole: true }))])
    await driver.close()
    if (middle(measured) > GOAL_MS) process.exitCode = 1
  } finally {
    await server.close()
  }
}

/** One transaction for all of it: as superuser, since no function writes so much at once. */
async function fill(driver: SqlDriver): Promise<void> {
  await driver.query(`
    insert into public.credit_accounts (user_id, balance, seq)
    select gen_random_uuid(), ${ENTRIES_EACH * 10}, ${ENTRIES_EACH} from generate_series(1, ${USERS});
    insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, description)
    select user_id, number, 'grant', 10, number * 10, user_id || ':' || number, 'To begin with'
      from generate_series(1, ${ENTRIES_EACH}) number, public.credit_accounts order by number;
  `)
  await driver.query('vacuum analyze')
}

/** A transaction each, so that a BRIN sees what it would see in life. */
async function write(driver: SqlDriver, entries: number): Promise<void> {
  await driver.query(`create or replace procedure write_entries(p_entries integer) language plpgsql as $$
    declare v_user uuid;
    begin
      for v_user in select user_id from public.credit_accounts order by random() limit p_entries loop
        perform safelight.post_entry(v_user, 'charge', -1, gen_random_uuid()::text, null, 'A picture', '{}');
        commit;
      end loop;
    end $$;`)
  await driver.query(`set synchronous_commit = off`)
  await driver.query(`call write_entries(${entries})`)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

async function repeated(once: () => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) times.push(await once())
  return times
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Infinity
}

function report(name: string, times: readonly number[]): void {
  const all = times.map(time => time.toFixed(1)).join(', ')
  process.stdout.write(`${name.padEnd(32)} ${middle(times).toFixed(1).padStart(9)} ms   (${all})\n`)
}
