/**
 * A database in one process and no files: for tests, examples and a first try, and the reference for whoever writes a
 * real one.
 */
import type { Database, SettingsValues } from '../contracts.ts'
import type { CreditLedger, JobStore, MediaLibrary, RateLimiter, Settings, TokenPool, Users } from '../contracts.ts'
import { defaultSettings } from '../settings.ts'
import { memoryAccounts } from './accounts.ts'
import { isOpen } from './attempts.ts'
import { memoryDeliveries } from './deliveries.ts'
import { type Clock, named, portOf } from './direct.ts'
import { fusedOver, type Fused } from './fused.ts'
import { memoryJobs } from './jobs.ts'
import { jobTable } from './job-table.ts'
import { type MemoryJournal, memoryJournal } from './journal.ts'
import { memoryLedger } from './ledger.ts'
import { memoryLibrary } from './library.ts'
import { memoryLimiter } from './limiter.ts'
import { memoryTokens } from './tokens.ts'
import { memoryUsers } from './users.ts'

export interface MemoryDatabaseOptions {
  /** Milliseconds since 1970; `Date.now` unless a test brings its own. */
  now?: Clock
  /**
   * Credits that any user id is given when it is first seen, as a grant in the ledger. Without it only those whom a
   * grant or a sign-in gave an account have one, and everybody else is refused with `no_account`.
   */
  openingBalance?: number
  /** Over the defaults. */
  settings?: Partial<SettingsValues>
  /** Whether `admit`, `begin` and `settle` are offered; true by default. */
  fused?: boolean
}
/** A database whose journal can be read. */
export interface MemoryDatabase extends Database {
  journal: MemoryJournal
}

/** All ports of a database, in memory. Whatever it hands out is a copy. */
export function memoryDatabase(options: MemoryDatabaseOptions = {}): MemoryDatabase {
  const { now = Date.now, openingBalance, fused = true } = options
  let values = structuredClone({ ...defaultSettings, ...options.settings })
  const settings = () => values
  const table = jobTable(now)
  const jobs = memoryJobs(table)
  const accounts = memoryAccounts(now, openingBalance)
  const ledger = memoryLedger(accounts)
  const limiter = memoryLimiter(now)
  const tokens = memoryTokens(now, attemptId => isOpen(table, attemptId))
  const library = memoryLibrary(now, jobId => table.jobs.get(jobId)?.input.prompt ?? '')
  const parts = { table, jobs, accounts, ledger, limiter, tokens, library, settings }
  return {
    jobs: portOf<JobStore>(jobs),
    ledger: portOf<CreditLedger>(ledger),
    limiter: portOf<RateLimiter>(limiter),
    tokens: portOf<TokenPool>(tokens),
    library: portOf<MediaLibrary>(library),
    settings: portOf<Settings>({ read: settings, write: change => (values = { ...values, ...named(change) }) }),
    users: portOf<Users>(memoryUsers(parts)),
    journal: memoryJournal(),
    deliveries: memoryDeliveries(),
    ...(fused ? portOf<Fused>(fusedOver(parts)) : {}),
    check: async () => undefined,
    close: async () => undefined,
  }
}
