import { describe, expect, test } from 'vitest'
import { failuresOf, type Broken } from './broken/broken.ts'
import { brokenLedgers } from './broken/credit-ledgers.ts'
import { brokenDatabases } from './broken/databases.ts'
import { brokenDeliveries } from './broken/deliveries.ts'
import { brokenJobStores } from './broken/job-stores.ts'
import { brokenJournals } from './broken/journals.ts'
import { brokenLibraries } from './broken/media-libraries.ts'
import { brokenMediaStores } from './broken/media-stores.ts'
import { brokenLimiters } from './broken/rate-limiters.ts'
import { brokenSettings } from './broken/settings.ts'
import { brokenTokenPools } from './broken/token-pools.ts'
import { brokenUsers } from './broken/users.ts'
import { creditLedgerCases } from './credit-ledger.ts'
import { databaseCases } from './database.ts'
import { deliveriesCases } from './deliveries.ts'
import { jobStoreCases } from './job-store.ts'
import { journalCases } from './journal.ts'
import { mediaLibraryCases } from './media-library.ts'
import { mediaStoreCases } from './media-store.ts'
import { memoryHarness, memoryJournalHarness, memoryMediaHarness } from './memory-harness.ts'
import { rateLimiterCases } from './rate-limiter.ts'
import { settingsCases } from './settings.ts'
import { type Case, type Harness, type Make, portsOf } from './suite.ts'
import { tokenPoolCases } from './token-pool.ts'
import { usersCases } from './users.ts'

function rejected<Made extends Harness>(
  port: string,
  cases: (make: Make<Made>) => Case[],
  make: Make<Made>,
  implementations: readonly Broken<Made>[],
): void {
  describe(`${port}: an implementation is rejected that`, () => {
    for (const broken of implementations) {
      test(broken.name, async () => {
        expect(await failuresOf(cases, make, broken)).toContain(broken.caughtBy)
      })
    }
    test('but not one without a mistake', async () => {
      expect(await failuresOf(cases, make, { name: 'none', caughtBy: 'none', breaks: harness => harness })).toEqual([])
    })
  })
}

const options = { seed: 7, runs: 10 }
const ports = portsOf(() => memoryHarness())

rejected('jobs', make => jobStoreCases(make, options), ports, brokenJobStores)
rejected('ledger', make => creditLedgerCases(make, options), ports, brokenLedgers)
rejected('limiter', make => rateLimiterCases(make, options), ports, brokenLimiters)
rejected('tokens', tokenPoolCases, ports, brokenTokenPools)
rejected('settings', settingsCases, ports, brokenSettings)
rejected('library', mediaLibraryCases, ports, brokenLibraries)
rejected('users', usersCases, ports, brokenUsers)
rejected('deliveries', deliveriesCases, ports, brokenDeliveries)
rejected('journal', journalCases, memoryJournalHarness, brokenJournals)
rejected('media', mediaStoreCases, memoryMediaHarness, brokenMediaStores)
rejected(
  'database',
  make => databaseCases(make, options),
  () => memoryHarness(),
  brokenDatabases,
)
