/** Reconciliation, figures and cleaning over SQL functions. */
import type {
  Anomaly,
  Discrepancy,
  GenerationOutcomes,
  GenerationStats,
  ReconciliationReport,
  Upkeep,
} from '@safelight/core'
import { SafelightError } from '@safelight/core'
import type { SqlDriver } from './driver.ts'
import { isUuid } from './pages.ts'

type Call = SqlDriver['call']

const HOURS_MAX = { stats: 8784, anomalies: 744 }

export function upkeep(call: Call): Upkeep {
  return {
    reconcileCreditLedger: ({ whole = false } = {}) => reconcile(call, whole),
    async closeDiscrepancy(id, note) {
      if (note.trim() === '') throw new SafelightError('invalid_input', 'A note says what came of a discrepancy.')
      return isUuid(id) && call<boolean>('close_discrepancy', { id, note })
    },
    async getGenerationStats(hours = 24) {
      checkHours(hours, HOURS_MAX.stats)
      return toStats(await call<StatsRow>('get_generation_stats', { hours }))
    },
    async detectAnomalies(hours = 24) {
      checkHours(hours, HOURS_MAX.anomalies)
      const { anomalies } = await call<{ anomalies: AnomalyRow[] }>('detect_anomalies', { hours })
      return anomalies.map(toAnomaly)
    },
    async cleanupExpiredRateLimits() {
      let deleted = 0
      for (;;) {
        const step = await call<number>('cleanup_expired_rate_limits', {})
        deleted += step
        if (step < CLEANUP_STEP) return deleted
      }
    },
    async archiveExpiredMedia({ limit } = {}) {
      return call<Awaited<ReturnType<Upkeep['archiveExpiredMedia']>>>('archive_expired_media', given({ limit }))
    },
    forgetArchivedFiles: keys => call<number>('forget_archived_files', { keys }),
    async trimHistory({ limit } = {}) {
      const { done, more } = await call<{ done: number; more: boolean }>('trim_history', given({ limit }))
      return { done, more }
    },
    async claimUpkeep(task, everySeconds) {
      return (await call<{ claimed: boolean }>('claim_upkeep', { task, every_seconds: everySeconds })).claimed
    },
  }
}

/** What one call of the SQL function deletes at most. */
const CLEANUP_STEP = 50_000

/** An argument that is left out has the default of its function. */
function given({ limit }: { limit: number | undefined }): { limit?: number } {
  return limit === undefined ? {} : { limit }
}

function checkHours(hours: number, max: number): void {
  if (Number.isInteger(hours) && hours >= 1 && hours <= max) return
  throw new SafelightError('invalid_input', `The hours are a whole number from 1 to ${max}.`)
}

interface ReconciledRow {
  more: boolean
  after: string | null
  discrepancies: DiscrepancyRow[]
  summary: {
    discrepancies: number
    accounts_affected: number
    accounts_checked: number
    entries_checked: number
  }
}

interface DiscrepancyRow {
  id: string
  user_id: string
  problem: Discrepancy['problem']
  expected: number | null
  found: number | null
  reference: string | null
  found_at: string
  last_found_at: string
}

/** Step by step: no single call takes longer than a gateway waits. */
async function reconcile(call: Call, whole: boolean): Promise<ReconciliationReport> {
  let accountsChecked = 0
  let entriesChecked = 0
  let after: string | null = null
  for (;;) {
    const step: ReconciledRow = await call<ReconciledRow>('reconcile_credit_ledger', { whole, after })
    accountsChecked += step.summary.accounts_checked
    entriesChecked += step.summary.entries_checked
    after = step.after
    if (step.more) continue
    const { discrepancies, accounts_affected: accountsAffected } = step.summary
    const discrepancyRate = Math.min(1, accountsAffected / Math.max(1, accountsChecked))
    return {
      checkedAt: Date.now(),
      summary: { discrepancyRate, discrepancies, accountsAffected, accountsChecked, entriesChecked },
      discrepancies: step.discrepancies.map(toDiscrepancy),
    }
  }
}

function toDiscrepancy({ id, problem, expected, found, reference, ...row }: DiscrepancyRow): Discrepancy {
  const times = { foundAt: Date.parse(row.found_at), lastFoundAt: Date.parse(row.last_found_at) }
  return { id, userId: row.user_id, problem, expected, found, reference, ...times }
}

interface OutcomesRow {
  total_jobs: number
  completed_jobs: number
  failed_jobs: number
  canceled_jobs: number
  credits_charged: number
  credits_refunded: number
}

interface StatsRow extends OutcomesRow {
  hours: number
  medians: { model: string | null; is_all: boolean; seconds: number | null }[]
  by_model: (OutcomesRow & { name: string })[]
  by_provider: (OutcomesRow & { name: string })[]
}

function toStats(row: StatsRow): GenerationStats {
  const medianOf = (model: string | null) =>
    row.medians.find(median => (model === null ? median.is_all : median.model === model))?.seconds ?? null
  const byModel = row.by_model.map(each => ({
    model: each.name,
    ...toOutcomes(each),
    medianSeconds: medianOf(each.name),
  }))
  const byProvider = row.by_provider.map(each => ({ provider: each.name, ...toOutcomes(each) }))
  return { hours: row.hours, ...toOutcomes(row), medianSeconds: medianOf(null), byModel, byProvider }
}

function toOutcomes(row: OutcomesRow): GenerationOutcomes {
  return {
    totalJobs: row.total_jobs,
    completedJobs: row.completed_jobs,
    failedJobs: row.failed_jobs,
    canceledJobs: row.canceled_jobs,
    creditsCharged: row.credits_charged,
    creditsRefunded: row.credits_refunded,
  }
}

interface AnomalyRow {
  kind: Anomaly['kind']
  user_id: string
  reference: string | null
  at: string
  expected: number | null
  found: number | null
}

function toAnomaly({ kind, user_id: userId, reference, at, expected, found }: AnomalyRow): Anomaly {
  return { kind, userId, reference, at: Date.parse(at), expected, found }
}
