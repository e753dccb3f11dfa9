/**
 * How fast is admission? On a real Postgres that waits for the disk at every commit, over 16 connections, in one run and
 * in turns: one function against the calls that a client would make itself, against the least that any transaction of
 * two writes costs, and against refusing. Ratios are what counts; the rest depends on the machine.
 */
import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import type { NewJob } from '@safelight/core'
import { postgres } from '../src/database.ts'
import { migrate } from '../src/migrate.ts'
import { pg } from '../src/pg.ts'
import { startPostgres } from '../src/testing/start-postgres.ts'

const CONNECTIONS = 16
const ROUNDS = 5
const ROUND_SECONDS = 2
const USERS = 20_000

interface Contender {
  name: string
  once: () => Promise<unknown>
}
interface Goal {
  name: string
  over: string
  under: string
  least: number
}

const GOALS: readonly Goal[] = [
  { name: 'one function / the client’s own sequence', over: 'admission', under: 'sequence', least: 2 },
  { name: 'one function / BEGIN UPDATE INSERT COMMIT', over: 'admission', under: 'bare', least: 0.4 },
  { name: '429s / admissions', over: 'refusal', under: 'admission', least: 5 },
]

/** Runs everything, prints a table and the ratios, and fails the process where a goal is missed. */
export async function run(): Promise<void> {
  const server = await startPostgres({ durable: true })
  try {
    const url = await server.createDatabase()
    const pool = new Pool({ connectionString: url, max: CONNECTIONS })
    pool.on('error', () => undefined) // a connection on its way out meets the end of the server
    const driver = pg(url, { connections: CONNECTIONS })
    await migrate(driver)
    const users = await makeUsers(pool)
    const contenders = [admission(driver, users), sequence(pool, users), bare(pool, users), await refusal(driver, pool)]
    const rates = await compare(contenders)
    await pool.end()
    await driver.close()
    report(rates)
  } finally {
    await server.close()
  }
}

async function makeUsers(pool: Pool): Promise<string[]> {
  await pool.query(`insert into public.credit_accounts (user_id, balance) select gen_random_uuid(), 1000000000
                    from generate_series(1, ${USERS})`)
  await pool.query('create table naive_limits (key text primary key, count integer not null)')
  await pool.query('vacuum analyze')
  const { rows } = await pool.query<{ user_id: string }>('select user_id from public.credit_accounts')
  return rows.map(row => row.user_id)
}

/** Everyone takes turns, so that a noisy moment hits all of them. */
async function compare(contenders: readonly Contender[]): Promise<Map<string, number[]>> {
  const rates = new Map(contenders.map(({ name }) => [name, [] as number[]]))
  for (const contender of contenders) await measure(contender, 1) // warm: plans are cached, pages are read
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) rates.get(contender.name)!.push(await measure(contender, ROUND_SECONDS))
  }
  return rates
}

async function measure({ once }: Contender, seconds: number): Promise<number> {
  const start = performance.now()
  const end = start + seconds * 1000
  let calls = 0
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (; performance.now() < end; calls++) await once()
    }),
  )
  return calls / ((performance.now() - start) / 1000)
}

function admission(driver: ReturnType<typeof pg>, users: readonly string[]): Contender {
  const database = postgres(driver)
  return {
    name: 'admission',
    async once() {
      const ip = randomAddress()
      await database.admit({ job: newJob(pick(users)), ip, hasCapacity: true })
    },
  }
}

/** What one would write first: settings, key, two counters, balance, entry, job. Five of seven write and wait for the disk. */
function sequence(pool: Pool, users: readonly string[]): Contender {
  const count = `insert into naive_limits as l values ($1, 1) on conflict (key) do update set count = l.count + 1 returning count`
  return {
    name: 'sequence',
    async once() {
      const job = newJob(pick(users))
      await pool.query('select * from public.app_settings')
      await pool.query('select * from public.generation_jobs where user_id = $1 and idempotency_key = $2', [
        job.userId,
        job.id,
      ])
      await pool.query(count, [`user:${job.userId}`])
      await pool.query(count, [`ip:${randomAddress()}`])
      const { rows } = await pool.query(...take(job))
      await pool.query(...entry(job, rows[0]))
      await pool.query(
        `insert into public.generation_jobs (id, user_id, model, kind, input, price, count, request_hash, state, queue_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'charged', now() + interval '10 minutes')`,
        [job.id, job.userId, job.model, job.kind, JSON.stringify(job.input), job.price, job.count, job.requestHash],
      )
    },
  }
}

/** The floor: one balance and one entry in one transaction of four round trips. */
function bare(pool: Pool, users: readonly string[]): Contender {
  return {
    name: 'bare',
    async once() {
      const client = await pool.connect()
      const job = newJob(pick(users))
      try {
        await client.query('begin')
        const { rows } = await client.query(...take(job))
        await client.query(...entry(job, rows[0]))
        await client.query('commit')
      } finally {
        client.release()
      }
    },
  }
}

function take({ price, userId }: NewJob): [string, unknown[]] {
  const text =
    'update public.credit_accounts set balance = balance - $1, seq = seq + 1 where user_id = $2 and balance >= $1 returning balance, seq'
  return [text, [price, userId]]
}

function entry(job: NewJob, account: { seq: string; balance: string }): [string, unknown[]] {
  const text = `insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, job_id, description)
                values ($1, $2, 'charge', $3, $4, $5, $6, $7)`
  return [text, [job.userId, account.seq, -job.price, account.balance, job.id, job.id, job.model]]
}

/** One user who is over the limit for the whole run. */
async function refusal(driver: ReturnType<typeof pg>, pool: Pool): Promise<Contender> {
  const database = postgres(driver)
  const userId = randomUUID()
  await pool.query('insert into public.credit_accounts (user_id, balance) values ($1, 1000000)', [userId])
  await pool.query(
    `insert into public.rate_limits values ($1, array(select now() + interval '1 day' from generate_series(1, 10)), 'infinity')`,
    [`user:${userId}`],
  )
  return {
    name: 'refusal',
    async once() {
      const { outcome } = await database.admit({ job: newJob(userId), ip: '203.0.113.7', hasCapacity: true })
      if (outcome !== 'rate_limited') throw new Error(`expected a 429, got ${outcome}`)
    },
  }
}

export function newJob(userId: string): NewJob {
  return {
    id: randomUUID(),
    userId,
    model: 'bench-image',
    kind: 'image',
    input: { prompt: 'a red fox in snow', size: 'portrait', count: 1, seed: '7' },
    price: 500,
    count: 1,
    idempotencyKey: null,
    requestHash: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    requestId: null,
    queueUntil: Date.now() + 600_000,
  }
}

export function pick(users: readonly string[]): string {
  return users[Math.floor(Math.random() * users.length)] ?? ''
}

export function randomAddress(): string {
  return `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:${Math.floor(Math.random() * 65_536).toString(16)}::/64`
}

function report(rates: ReadonlyMap<string, readonly number[]>): void {
  const middle = (name: string) => rates.get(name)!.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
  console.log(`Postgres 17, fsync on, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${ROUND_SECONDS} s\n`)
  for (const [name, each] of rates) {
    const range = `${Math.round(Math.min(...each))} to ${Math.round(Math.max(...each))}`
    console.log(`${name.padEnd(12)} ${String(Math.round(middle(name))).padStart(7)} /s   (${range})`)
  }
  console.log()
  for (const { name, over, under, least } of GOALS) {
    const ratio = middle(over) / middle(under)
    console.log(`${name.padEnd(44)} ${ratio.toFixed(2)}x   goal ${least}x   ${ratio >= least ? 'met' : 'MISSED'}`)
    if (ratio < least) process.exitCode = 1
  }
}

if (import.meta.main) await run()
