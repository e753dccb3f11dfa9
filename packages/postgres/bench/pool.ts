/**
 * The token pool of three servers over one real Postgres that waits for the disk: five accounts whose limits nobody tells,
 * a dead key among them, and more requests than there is room for. A minute is a second here, for the provider and in the
 * rules, so a run of a minute is an hour of use.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FakeAccount, PoolGate } from '@safelight/core/testing'
import { migrate } from '../src/migrate.ts'
import { pg } from '../src/pg.ts'
import { startPostgres } from '../src/testing/start-postgres.ts'

export const TIME_SCALE = 60
export const WARM_UP_SECONDS = 15
export const COUNTED_SECONDS = 45
const SERVERS = 3
const PER_MINUTE = [6, 12, 12, 24, 36]
const LOAD = 1.2

/** What one server did. */
export interface ServerReport {
  /** Of these, what happened while it warmed up is not counted. */
  submits: number
  accepted: number
  refused: number
  /** Given up although there was a key that worked, beside those for which there was no room; from the first moment on. */
  failed: number
}
export interface Job {
  databaseUrl: string
  providerUrl: string
  accounts: number
  /** Of this server. */
  requestsPerSecond: number
}

export interface PoolResult {
  /** Of what the accounts allow. */
  used: number
  /** Of 1,000 submits. */
  refused: number
  deadSubmits: number
  failed: number
}

export async function measure(): Promise<PoolResult> {
  const server = await startPostgres({ durable: true })
  const provider = await startProvider([
    ...PER_MINUTE.map(limit => ({ perMinute: () => limit })),
    { deadFromMinute: 0 },
  ])
  try {
    const databaseUrl = await server.createDatabase()
    const driver = pg(databaseUrl, { connections: 1 })
    await migrate(driver)
    await driver.close()
    const perSecond = PER_MINUTE.reduce((sum, limit) => sum + limit, 0)
    const requestsPerSecond = (perSecond * LOAD) / SERVERS
    const job: Job = { databaseUrl, providerUrl: provider.url, accounts: PER_MINUTE.length + 1, requestsPerSecond }
    const reports = await Promise.all(Array.from({ length: SERVERS }, () => serve(job)))
    const sum = (of: (report: ServerReport) => number) => reports.reduce((total, report) => total + of(report), 0)
    return {
      used: sum(({ accepted }) => accepted) / (perSecond * COUNTED_SECONDS),
      refused: (sum(({ refused }) => refused) / sum(({ submits }) => submits)) * 1000,
      deadSubmits: provider.deadSubmits(),
      failed: sum(({ failed }) => failed),
    }
  } finally {
    await provider.close()
    await server.close()
  }
}

async function serve(job: Job): Promise<ServerReport> {
  const server = fork(new URL('pool-server.ts', import.meta.url), [JSON.stringify(job)])
  const ended = once(server, 'exit')
  const [report] = (await Promise.race([once(server, 'message'), ended.then(() => [null])])) as [ServerReport | null]
  await ended
  if (!report) throw new Error('A server ended without a report')
  return report
}

/** Answers a submit with one of its keys by a status, as long as the rules of the account say. */
async function startProvider(accounts: readonly FakeAccount[]) {
  const gates = accounts.map(account => new PoolGate(account, { counting: 'sliding', retryAfter: true }, 0))
  const server = createServer((request, response) => {
    const gate = gates[Number(request.headers.authorization)]
    const refusal = gate?.refusal(performance.now() * TIME_SCALE, 1)
    const retryAfter = (refusal?.retryAfterSeconds ?? 0) / TIME_SCALE
    response.writeHead(!refusal ? 200 : refusal.kind === 'auth' ? 401 : 429, { 'x-retry-after': String(retryAfter) })
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deadSubmits: () => gates.at(-1)?.submits ?? 0,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
