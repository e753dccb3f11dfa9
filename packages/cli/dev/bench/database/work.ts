/** What every part needs: a database with people in it, and a whole job in its four round trips. */
import type { Database } from '@safelight/core'
import type { SqlDriver } from '@safelight/postgres'
import { migrate, postgres } from '@safelight/postgres'
import { pg } from '@safelight/postgres/pg'
import { startPostgres } from '@safelight/postgres/testing'
import { randomUUID } from 'node:crypto'
import { newJob, randomAddress } from '../../../../postgres/bench/admission.ts'
import { CONNECTIONS } from './rounds.ts'

export { newJob, pick, randomAddress } from '../../../../postgres/bench/admission.ts'

/** So many that in a window nobody meets the limit, and jobs of one account meet by chance alone. */
const PEOPLE = 20_000
const ACCOUNTS = 1000

export interface Opened {
  url: string
  driver: SqlDriver
  database: Required<Database>
}
export interface Server {
  /** A migrated database. */
  open(): Promise<Opened>
}

/** A server that waits for the disk, for as long as `work` takes. */
export async function withPostgres(work: (server: Server) => Promise<void>): Promise<void> {
  const server = await startPostgres({ durable: true })
  const drivers: SqlDriver[] = []
  const open = async (): Promise<Opened> => {
    const url = await server.createDatabase()
    const driver = pg(url, { connections: CONNECTIONS })
    drivers.push(driver)
    await migrate(driver)
    return { url, driver, database: postgres(driver) }
  }
  try {
    await work({ open })
  } finally {
    for (const driver of drivers) await driver.close()
    await server.close()
  }
}

/** Accounts with more credits than any run spends, past the ledger. */
export async function makePeople(driver: SqlDriver, people = PEOPLE): Promise<string[]> {
  const rows = await driver.query(
    `insert into public.credit_accounts (user_id, balance) select gen_random_uuid(), 1000000000
       from generate_series(1, $1::integer) returning user_id`,
    [people],
  )
  await driver.query('vacuum analyze')
  return rows.map(({ user_id }) => String(user_id))
}

export async function allowPerMinute(
  database: Required<Database>,
  userPerMinute: number,
  ipPerMinute = 1000,
): Promise<void> {
  await database.settings.write({ limits: { userPerMinute, ipPerMinute, windowSeconds: 60 } })
}

export async function admit(database: Required<Database>, userId: string, ip = randomAddress()): Promise<boolean> {
  const { outcome } = await database.admit({ job: newJob(userId), ip, hasCapacity: true })
  if (outcome !== 'admitted' && outcome !== 'rate_limited' && outcome !== 'insufficient_credits')
    throw new Error(`An admission ended as ${outcome}.`)
  return outcome === 'admitted'
}

/** Admission, the begin of an attempt, its answer, and settlement with one picture. */
export async function wholeJob(database: Required<Database>, userId: string): Promise<void> {
  const admitted = await database.admit({ job: newJob(userId), ip: randomAddress(), hasCapacity: true })
  if (admitted.outcome !== 'admitted') throw new Error(`An admission ended as ${admitted.outcome}.`)
  const attemptId = randomUUID()
  const account = `account-${Math.floor(Math.random() * ACCOUNTS)}`
  const candidate = { provider: 'bench', endpoint: 'image', token: account, account, maxOpen: null }
  const begin = { job: admitted.job, attemptId, number: 1, lane: 'image', wakeInSeconds: 60 } as const
  const begun = await database.begin({ ...begin, candidates: [candidate] })
  if (begun.status !== 'begun') throw new Error(`An attempt was not begun: ${begun.status}.`)
  const answer = { outcome: 'accepted', operation: 'operation', outputs: [], runUntil: Date.now() + 60_000 } as const
  const { job } = await database.jobs.record(attemptId, { ...answer, outputs: [], wakeInSeconds: 60 })
  const settled = await database.settle({ job, ending: 'succeeded', files: [newFile(job.id)], reason: 'Bench' })
  if (settled?.state !== 'succeeded') throw new Error(`A job ended as ${settled?.state}.`)
}

export function newFile(jobId: string) {
  const size = { bytes: 400_000, width: 1024, height: 1536, durationSeconds: null }
  const file = { key: `${jobId}/a/0`, contentType: 'image/png', hash: jobId.replaceAll('-', '').repeat(2), ...size }
  return { id: randomUUID(), index: 0, file }
}
