/** Every promise of every port, over both engines. */
import {
  type Case,
  creditLedgerCases,
  databaseCases,
  deliveriesCases,
  jobStoreCases,
  journalCases,
  mediaLibraryCases,
  portsOf,
  rateLimiterCases,
  settingsCases,
  tokenPoolCases,
  usersCases,
} from '@safelight/core/testing'
import type { ProviderCallRecord } from '@safelight/core'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { harnessOn } from './testing/database-harness.ts'
import { ownCases } from './testing/own-cases.ts'

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
      driver = await engine.open()
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })

    const harness = () => harnessOn(driver)
    const ports = portsOf(harness)
    const options = { runs: 5 }
    const all = (port: string, cases: readonly Case[]) =>
      describe(port, () => {
        for (const each of cases) test(each.name, each.run)
      })

    all('jobs', jobStoreCases(ports, options))
    all('ledger', creditLedgerCases(ports, options))
    all('limiter', rateLimiterCases(ports, options))
    all('tokens', tokenPoolCases(ports))
    all('settings', settingsCases(ports))
    all('library', mediaLibraryCases(ports))
    all('users', usersCases(ports))
    all('deliveries', deliveriesCases(ports))
    const calls = (jobId: string) => callsOf(driver, jobId)
    all(
      'journal',
      journalCases(async () => ({ ...(await ports()), calls })),
    )
    all('database', databaseCases(harness, options))
    all('our own cases', ownCases(harness))
  })
}

async function callsOf(driver: SqlDriver, jobId: string): Promise<ProviderCallRecord[]> {
  const rows = await driver.query(
    `select extract(epoch from created_at) * 1000 as at, provider, token, job_id, attempt_id, action, outcome, latency_ms
       from public.provider_logs where job_id = $1`,
    [jobId],
  )
  return rows.map(row => ({
    at: Number(row['at']),
    provider: String(row['provider']),
    token: String(row['token']),
    jobId: String(row['job_id']),
    attemptId: String(row['attempt_id']),
    action: String(row['action']) as ProviderCallRecord['action'],
    outcome: String(row['outcome']),
    latencyMs: Number(row['latency_ms']),
  }))
}
