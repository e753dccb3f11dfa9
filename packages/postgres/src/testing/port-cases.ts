/** Every promise of every port over one driver, whatever carries its calls. */
import type { ProviderCallRecord, Users } from '@safelight/core'
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
import type { SqlDriver } from '../driver.ts'
import { harnessOn } from './database-harness.ts'
import { ownCases } from './own-cases.ts'
import { upkeepCases } from './upkeep-cases.ts'

export interface PortCasesOptions {
  /** Of what is drawn at random. */
  runs?: number
  /** How people come in where not by local accounts. */
  signIn?: Users['signIn']
}

/** By port. `query` of the driver is a superuser's: it makes users and moves the clock. */
export function portCases(
  driver: () => SqlDriver,
  { signIn, ...options }: PortCasesOptions = {},
): Record<string, readonly Case[]> {
  const harness = () => harnessOn(driver())
  const ports = portsOf(harness)
  const calls = (jobId: string) => callsOf(driver(), jobId)
  return {
    jobs: jobStoreCases(ports, options),
    ledger: creditLedgerCases(ports, options),
    limiter: rateLimiterCases(ports, options),
    tokens: tokenPoolCases(ports),
    settings: settingsCases(ports),
    library: mediaLibraryCases(ports),
    users: usersCases(async () => {
      const found = await ports()
      return signIn ? { ...found, users: { ...found.users, signIn } } : found
    }),
    deliveries: deliveriesCases(ports),
    journal: journalCases(async () => ({ ...(await ports()), calls })),
    database: databaseCases(harness, options),
    'our own cases': ownCases(harness),
    upkeep: upkeepCases(driver),
  }
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
