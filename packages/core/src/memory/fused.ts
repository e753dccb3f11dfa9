/** Admission, the begin of an attempt, and settlement: one call each, and as nothing here awaits, all or nothing. */
import type { Admission, Admitted, Database, JobStore, SettingsValues } from '../contracts.ts'
import { limitsOf } from '../settings.ts'
import type { Accounts } from './accounts.ts'
import type { Direct } from './direct.ts'
import type { JobTable } from './job-table.ts'

export type Fused = Required<Pick<Database, 'admit' | 'begin' | 'settle'>>
interface Parts {
  table: JobTable
  jobs: Direct<JobStore>
  accounts: Accounts
  ledger: Direct<Database['ledger']>
  library: Direct<Database['library']>
  limiter: Direct<Database['limiter']>
  tokens: Direct<Database['tokens']>
  settings: () => SettingsValues
}

const DAY_MS = 86_400_000

export function fusedOver(parts: Parts): Direct<Fused> {
  return { admit: admission => admit(parts, admission), begin: beginOver(parts), settle: settleOver(parts) }
}

function admit(parts: Parts, admission: Admission): Admitted {
  const { table, accounts, limiter, settings } = parts
  const { job, ip } = admission
  const limits = limitsOf(settings(), { userId: job.userId, ip })
  const earlier = table.earlier(job)
  if (earlier?.outcome === 'replayed') {
    return { ...earlier, balance: accounts.balance(job.userId), limits: limiter.peek(limits) }
  }
  const taken = limiter.take(limits)
  const outcome = !taken.allowed ? 'rate_limited' : earlier ? 'idempotency_conflict' : refusalOf(parts, admission)
  const standing = { balance: accounts.balance(job.userId), limits: taken.limits }
  if (outcome) return { outcome, ...standing, retryAfterSeconds: taken.retryAfterSeconds }
  return { outcome: 'admitted', ...standing, job: table.insert(job, 'charged') }
}

/** Why this request is refused; where nothing stands against it, it is charged. */
function refusalOf({ accounts, ledger, settings }: Parts, { job, hasCapacity }: Admission) {
  const { id, userId, price, kind, model } = job
  if (!settings().appEnabled) return 'closed'
  if (settings().disabledModels.includes(model)) return 'model_disabled'
  if (!hasCapacity) return 'no_capacity'
  if (!accounts.find(userId)) return 'no_account'
  if (price === 0) return null
  const { outcome } = ledger.charge({ userId, amount: price, reference: id, description: model, kind })
  if (outcome === 'charged') return null
  return outcome === 'insufficient_credits' ? outcome : 'idempotency_conflict' // its id was charged or closed before
}

function beginOver({ table, jobs, tokens }: Parts): Direct<Fused>['begin'] {
  return ({ job, attemptId, number, lane, candidates, wakeInSeconds }) => {
    if (table.unmoved(job)?.state !== 'charged') return { status: 'lost' }
    const acquired = tokens.acquire({ attemptId, jobId: job.id, model: job.model, lane, candidates })
    if (acquired.status !== 'token') return acquired
    const { candidate } = acquired
    const { provider, endpoint, token, account } = candidate
    const begun = jobs.begin(job, { id: attemptId, number, provider, endpoint, token, account, lane }, wakeInSeconds)
    return begun ? { status: 'begun', job: begun, candidate } : { status: 'lost' }
  }
}

function settleOver({ table, jobs, ledger, library, settings }: Parts): Direct<Fused>['settle'] {
  return ({ job: from, ending, files, reason }) => {
    const job = table.unmoved(from)
    if (job?.state !== 'storing' && job?.state !== 'refunding') return null
    const { id: jobId, userId, kind, price, count } = job
    const expiresAt = table.now() + settings().retentionDays * DAY_MS
    for (const { id, index, file } of files) library.add({ id, userId, kind, jobId, index, file, expiresAt })
    const delivered = new Set(files.map(({ index }) => index)).size
    const amount = Math.floor((price * Math.max(0, count - delivered)) / count)
    const { refunded } = amount > 0 ? ledger.refund({ reference: jobId, amount, reason }) : { refunded: 0 }
    return jobs.move(job, ending, { media: files.map(({ file }) => file), refundedCredits: refunded })
  }
}
