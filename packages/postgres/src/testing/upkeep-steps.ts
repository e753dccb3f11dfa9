/** What the cases of upkeep do behind the functions' back, as superuser. */
import type { Database, Discrepancy, MediaRecord } from '@safelight/core'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { SqlDriver } from '../driver.ts'
import { newUser } from './engines.ts'
import { newJob } from './own-cases.ts'

export interface UpkeepStage {
  database: Required<Database>
  driver: SqlDriver
}

/** What, what was expected, and what is there. */
export type Found<What extends string> = [what: What, expected: number | null, found: number | null]

/** By what it is, and then by the numbers as text. */
export function sorted<What extends string>(found: Found<What>[]): Found<What>[] {
  return found.toSorted((one, other) => (String(one) < String(other) ? -1 : 1))
}

/** A user with so many credits, of one grant. */
export async function userWith({ database, driver }: UpkeepStage, balance: number): Promise<string> {
  const userId = await newUser(driver)
  await database.ledger.grant({ userId, amount: balance, key: randomUUID(), description: 'To begin with' })
  return userId
}

export async function charge({ database }: UpkeepStage, userId: string, amount: number): Promise<string> {
  const reference = randomUUID()
  const { outcome } = await database.ledger.charge({
    userId,
    amount,
    reference,
    description: 'A picture',
    kind: 'image',
  })
  assert.equal(outcome, 'charged')
  return reference
}

/** What a run finds of this user: the problems with what was expected and found. */
export async function problemsOf(
  { database }: UpkeepStage,
  userId: string,
  options: { whole?: boolean } = {},
): Promise<Found<Discrepancy['problem']>[]> {
  const { discrepancies } = await database.reconcileCreditLedger(options)
  const own = discrepancies.filter(found => found.userId === userId)
  return sorted(own.map(({ problem, expected, found }) => [problem, expected, found]))
}

/** Past the trigger, as only the owner of the table can. */
export async function rewriteEntry(
  { driver }: UpkeepStage,
  userId: string,
  seq: number,
  change: string,
): Promise<void> {
  await driver.query(`
    begin;
    alter table public.credit_ledger disable trigger ledger_is_append_only;
    update public.credit_ledger set ${change} where user_id = '${userId}' and seq = ${seq};
    alter table public.credit_ledger enable always trigger ledger_is_append_only;
    commit;`)
}

/** An entry without its account. */
export function forgedEntry(userId: string, seq: number, delta: number, balanceAfter: number): string {
  return `insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, description)
          values ('${userId}', ${seq}, '${delta < 0 ? 'charge' : 'grant'}', ${delta}, ${balanceAfter}, '${randomUUID()}', 'Forged')`
}

/** A job that was admitted and charged; `columns` says what else is true of it. */
export async function admittedJob(
  { database, driver }: UpkeepStage,
  userId: string,
  columns: string,
  change: Parameters<typeof newJob>[1] = {},
): Promise<string> {
  const job = newJob(userId, { model: `upkeep-${userId.slice(0, 8)}`, ...change })
  const { outcome } = await database.admit({ job, ip: null, hasCapacity: true })
  assert.equal(outcome, 'admitted')
  await driver.query(`update public.generation_jobs set ${columns} where id = '${job.id}'`)
  return job.id
}

/** A picture that expired a moment ago, under a key of its own. */
export async function expiredPicture(
  { database }: UpkeepStage,
  userId: string,
  change: { key?: string; jobId?: string | null; expiresAt?: number | null } = {},
): Promise<MediaRecord> {
  const { key = `upkeep/${randomUUID()}`, jobId = null, expiresAt = Date.now() - 60_000 } = change
  const file = { key, contentType: 'image/png', bytes: 3, width: 1, height: 1, durationSeconds: null, hash: 'h' }
  return database.library.add({ id: randomUUID(), userId, kind: 'image', jobId, index: 0, file, expiresAt })
}
