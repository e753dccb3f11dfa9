/** All ports of a database over one driver. */
import type { Database } from '@safelight/core'
import { rulesOf, type Rules } from '@safelight/core/token-pool'
import { deliveries } from './deliveries.ts'
import { retrying, type SqlDriver } from './driver.ts'
import { fusedCalls } from './fused.ts'
import { jobStore } from './jobs.ts'
import { mediaLibrary } from './library.ts'
import { checkSchema } from './migrate.ts'
import { creditLedger, rateLimiter } from './money.ts'
import { tokenPool } from './tokens.ts'
import { journal, settings, users } from './people.ts'
import { upkeep } from './upkeep.ts'

export interface PostgresOptions {
  /** Of the token pool; tests make a minute shorter. */
  tokenRules?: Rules
  /** Ends the sentence about a schema that is missing or behind; `'Run: safelight migrate'` by default. */
  howToMigrate?: string
}

/**
 * A whole database for `createStudio`, with admission, begin and settlement in one round trip each. The schema must be
 * there: `migrate(driver)`. Closing it closes the driver.
 */
export function postgres(
  driver: Pick<SqlDriver, 'call' | 'close'>,
  { tokenRules = rulesOf(), howToMigrate = 'Run: safelight migrate' }: PostgresOptions = {},
): Required<Database> {
  const call = retrying(driver)
  return {
    jobs: jobStore(call),
    ledger: creditLedger(call),
    limiter: rateLimiter(call),
    tokens: tokenPool(call, tokenRules),
    settings: settings(call),
    library: mediaLibrary(call),
    users: users(call),
    journal: journal(call),
    deliveries: deliveries(call),
    ...fusedCalls(call, tokenRules),
    ...upkeep(call),
    check: () => checkSchema(call, howToMigrate),
    close: () => driver.close(),
  }
}
