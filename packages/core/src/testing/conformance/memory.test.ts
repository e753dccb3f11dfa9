import { describe, test } from 'vitest'
import { creditLedgerCases } from './credit-ledger.ts'
import { databaseCases, interplayCases } from './database.ts'
import { deliveriesCases } from './deliveries.ts'
import { jobStoreCases } from './job-store.ts'
import { journalCases } from './journal.ts'
import { mediaLibraryCases } from './media-library.ts'
import { mediaStoreCases } from './media-store.ts'
import { memoryHarness, memoryJournalHarness, memoryMediaHarness } from './memory-harness.ts'
import { rateLimiterCases } from './rate-limiter.ts'
import { settingsCases } from './settings.ts'
import { type Case, portsOf } from './suite.ts'
import { tokenPoolCases } from './token-pool.ts'
import { usersCases } from './users.ts'

function all(name: string, cases: readonly Case[]): void {
  describe(name, () => {
    for (const each of cases) test(each.name, each.run)
  })
}

const options = { runs: 20 }

for (const fused of [true, false]) {
  const make = () => memoryHarness({ fused })
  const ports = portsOf(make)
  describe(fused ? 'with fused calls' : 'with single ports', () => {
    all('jobs', jobStoreCases(ports, options))
    all('ledger', creditLedgerCases(ports, options))
    all('limiter', rateLimiterCases(ports, options))
    all('tokens', tokenPoolCases(ports))
    all('settings', settingsCases(ports))
    all('library', mediaLibraryCases(ports))
    all('users', usersCases(ports))
    all('deliveries', deliveriesCases(ports))
    all('database', fused ? databaseCases(make, options) : interplayCases(make))
  })
}

all('journal', journalCases(memoryJournalHarness))
all('media', mediaStoreCases(memoryMediaHarness))
