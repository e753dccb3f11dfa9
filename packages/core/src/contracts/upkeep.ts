/** What has to be done now and then, and what somebody who runs the app wants to know. */
import type { Instant } from './values.ts'

/** What does not add up. `problem` says what was compared, `expected` what the entries say, `found` what is there. */
export interface Discrepancy {
  id: string
  userId: string
  /**
   * `balance`, `position`: the account is not where its last entry left it. `account_missing`: there are entries and no
   * account. `sequence`, `chain`: an entry is missing or does not follow from the one before. `refund`: more was given back
   * than taken. `no_refund`: a job failed and kept what it cost.
   */
  problem: 'balance' | 'position' | 'account_missing' | 'sequence' | 'chain' | 'refund' | 'no_refund'
  expected: number | null
  found: number | null
  reference: string | null
  foundAt: Instant
  lastFoundAt: Instant
}

/** What a reconciliation says. Its discrepancies are all that are open, whenever they were found. */
export interface ReconciliationReport {
  checkedAt: Instant
  summary: {
    /** Accounts with an open discrepancy, of those that were checked: 0 to 1. */
    discrepancyRate: number
    discrepancies: number
    accountsAffected: number
    accountsChecked: number
    entriesChecked: number
  }
  /** The latest 100. */
  discrepancies: Discrepancy[]
}

/** How some jobs went. Those that are still open count in the total alone. */
export interface GenerationOutcomes {
  totalJobs: number
  completedJobs: number
  failedJobs: number
  canceledJobs: number
  creditsCharged: number
  creditsRefunded: number
}

/** Of the jobs that were asked for within these hours. */
export interface GenerationStats extends GenerationOutcomes {
  hours: number
  /** From request to picture; null where nothing was finished. */
  medianSeconds: number | null
  byModel: (GenerationOutcomes & { model: string; medianSeconds: number | null })[]
  /** By the provider of the last attempt. */
  byProvider: (GenerationOutcomes & { provider: string })[]
}

/** Something to look at. What `expected` and `found` count depends on the kind. */
export interface Anomaly {
  /**
   * `frozen_balance`: entries go on and the account does not; in entries. `drifting_balance`: the balance is not what its
   * last entry left; in credits. `many_refunds`: three or more within an hour. `grant_without_reason`: credits without a
   * description. `unusual_spend`: ten times the user's median; in credits. `overdue_job`: open for more than twice as long
   * as it may be; in seconds.
   */
  kind:
    | 'frozen_balance'
    | 'drifting_balance'
    | 'many_refunds'
    | 'grant_without_reason'
    | 'unusual_spend'
    | 'overdue_job'
  userId: string
  /** Of the entry, or the id of the job. */
  reference: string | null
  at: Instant
  expected: number | null
  found: number | null
}

/** How far a bounded step came. */
export interface UpkeepStep {
  /** Rows that changed. */
  done: number
  more: boolean
}

/** Of a database that lasts. Every step is bounded and may be repeated; `more` says that the next one has something to do. */
export interface Upkeep {
  /** New entries, and every account against where it stood; with `whole` every entry from the first on. */
  reconcileCreditLedger(options?: { whole?: boolean }): Promise<ReconciliationReport>
  /** It is no longer in the reports; false where it is not open. The note says what came of it. */
  closeDiscrepancy(id: string, note: string): Promise<boolean>
  /** Of 24 hours where nothing is said; 366 days at most. Throws `invalid_input`. */
  getGenerationStats(hours?: number): Promise<GenerationStats>
  /** Of 24 hours where nothing is said, a month at most; the latest 100 of each kind. Throws `invalid_input`. */
  detectAnomalies(hours?: number): Promise<Anomaly[]>
  /** How many keys nobody had used for as long as their window. */
  cleanupExpiredRateLimits(): Promise<number>
  /**
   * Archives what has expired and is neither saved nor starred, and what was deleted long ago. `keys` are files that may
   * go now, those of earlier steps included until `forgetArchivedFiles` has heard of them.
   */
  archiveExpiredMedia(options?: { limit?: number }): Promise<UpkeepStep & { keys: string[] }>
  /** These files are deleted; how many rows had them. */
  forgetArchivedFiles(keys: readonly string[]): Promise<number>
  /** Prompts and attempts of jobs whose files are gone, old logs of provider calls, old deliveries of webhooks. */
  trimHistory(options?: { limit?: number }): Promise<UpkeepStep>
  /** Whether the caller shall do the task now: one of all who ask within that many seconds. */
  claimUpkeep(task: string, everySeconds: number): Promise<boolean>
}
