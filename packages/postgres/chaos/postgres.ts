/**
 * Money on a real Postgres that waits for the disk, while its clients are killed, its backends terminated and the server
 * itself crashes. What clients were told is written down outside the database and compared with it at the end.
 */
import { type Random, randomOf } from '@safelight/core/testing'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { postgres } from '../src/database.ts'
import type { SqlDriver } from '../src/driver.ts'
import { migrate } from '../src/migrate.ts'
import { pg } from '../src/pg.ts'
import { type PostgresServer, startPostgres } from '../src/testing/start-postgres.ts'
import type { ClientTask } from './client.ts'
import { type Entry, idOf, OPENING_BALANCE, USERS } from './operations.ts'
import { type Verdict, verify } from './verify.ts'

export interface ChaosOptions {
  operations: number
  seed: number
  clients?: number
  /** Between two acts of violence, on average. */
  pauseMs?: number
}

export interface ChaosResult extends Verdict {
  operations: number
  acknowledged: number
  /** Begun, and nobody was told how it ended. */
  unknown: number
  ledgerRows: number
  killedClients: number
  terminatedBackends: number
  crashes: number
  seconds: number
}

const CLIENT = fileURLToPath(new URL('client.ts', import.meta.url))

export async function chaos({ operations, seed, clients = 4, pauseMs = 400 }: ChaosOptions): Promise<ChaosResult> {
  const startedAt = performance.now()
  const random = randomOf(seed)
  const server = await startPostgres({ durable: true })
  const logs = await mkdtemp(join(tmpdir(), 'safelight-chaos-'))
  try {
    const databaseUrl = await server.createDatabase()
    await prepare(databaseUrl)
    const counts = { killedClients: 0, terminatedBackends: 0, crashes: 0 }
    const gang = Array.from({ length: clients }, (_, index) => {
      const quota = Math.ceil(operations / clients)
      const numbers = Math.max(50, Math.floor(operations / 12))
      return new Client(
        { databaseUrl, logFile: join(logs, `${index}.log`), numbers },
        quota,
        randomOf(seed + index + 1),
      )
    })
    const working = Promise.all(gang.map(client => client.work())).then(() => 'done' as const)
    const pause = () => after(random.integer(1, 2 * pauseMs))
    while ((await Promise.race([working, pause()])) !== 'done') await strike(random, server, databaseUrl, gang, counts)
    const entries = (await Promise.all(gang.map(client => client.entries()))).flat()
    const driver = pg(databaseUrl, { connections: 2 })
    const [rows] = await driver.query('select count(*) as ledger from public.credit_ledger')
    const verdict = await verify(driver, entries)
    await driver.close()
    const told = entries.filter(({ outcome }) => outcome !== null)
    const unknown = told.filter(({ outcome }) => outcome?.startsWith('unknown')).length
    return {
      ...verdict,
      ...counts,
      operations: entries.length - told.length,
      acknowledged: told.length - unknown,
      unknown,
      ledgerRows: Number(rows?.['ledger']),
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await server.close()
    await rm(logs, { recursive: true, force: true })
  }
}

export async function prepare(databaseUrl: string): Promise<void> {
  const driver = pg(databaseUrl, { connections: 2 })
  await migrate(driver)
  const limits = { userPerMinute: 1000, ipPerMinute: 1000, windowSeconds: 1 }
  const { ledger, settings } = postgres(driver)
  await settings.write({ limits })
  for (let user = 0; user < USERS; user++) {
    const userId = idOf(`user ${user}`)
    await driver.query('insert into auth.users (id, email) values ($1, $2)', [userId, `${user}@example.test`])
    const opening = { userId, amount: OPENING_BALANCE, key: `opening ${user}`, description: 'To begin with' }
    await ledger.grant(opening)
  }
  await driver.close()
}

async function strike(
  random: Random,
  server: PostgresServer,
  databaseUrl: string,
  gang: readonly Client[],
  counts: Pick<ChaosResult, 'killedClients' | 'terminatedBackends' | 'crashes'>,
): Promise<void> {
  if (random.chance(0.06)) {
    await server.crash()
    counts.crashes++
  } else if (random.chance(0.35)) {
    if (gang[random.integer(0, gang.length - 1)]?.kill()) counts.killedClients++
  } else {
    counts.terminatedBackends += await terminate(databaseUrl, random.integer(1, 4))
  }
}

async function terminate(databaseUrl: string, most: number): Promise<number> {
  const driver: SqlDriver = pg(databaseUrl, { connections: 1 })
  try {
    const ended = await driver.query(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
        order by random() limit $1`,
      [most],
    )
    return ended.length
  } finally {
    await driver.close()
  }
}

/** One client after another with the same log, until all is done that it was to do. */
class Client {
  readonly #task: Omit<ClientTask, 'seed' | 'operations'>
  readonly #quota: number
  readonly #random: Random
  #process: ChildProcess | undefined

  constructor(task: Omit<ClientTask, 'seed' | 'operations'>, quota: number, random: Random) {
    this.#task = task
    this.#quota = quota
    this.#random = random
  }

  async work(): Promise<void> {
    for (;;) {
      const begun = (await this.entries()).filter(({ outcome }) => outcome === null).length
      if (begun >= this.#quota) return
      const task: ClientTask = {
        ...this.#task,
        seed: this.#random.integer(1, 2 ** 31),
        operations: this.#quota - begun,
      }
      const client = spawn(process.execPath, [...process.execArgv, CLIENT, JSON.stringify(task)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const problems: string[] = []
      client.stderr.on('data', chunk => problems.push(String(chunk)))
      this.#process = client
      const [code] = (await once(client, 'exit')) as [number | null]
      // Killed by us it has no code; anything else is a defect of the client.
      if (code !== null && code !== 0) throw new Error(`A client failed: ${problems.join('').slice(-2000)}`)
    }
  }

  /** False where it has only just gone by itself. */
  kill(): boolean {
    return this.#process?.exitCode === null && this.#process.kill('SIGKILL')
  }

  /** A line that was being written when it died does not count: nobody read it. */
  async entries(): Promise<Entry[]> {
    if (!existsSync(this.#task.logFile)) return []
    const lines = (await readFile(this.#task.logFile, 'utf8')).split('\n')
    return lines.filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Entry)
  }
}
