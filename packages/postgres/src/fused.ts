/** Admission, the begin of an attempt and settlement, one round trip each. */
import type { Admitted, Begun, Database } from '@safelight/core'
import type { Rules } from '@safelight/core/token-pool'
import type { SqlDriver } from './driver.ts'
import { fence, storable } from './jobs.ts'
import { type JobRow, type LimitRow, toJob, toLimitState } from './rows.ts'
import { type ChoiceRow, waiting } from './tokens.ts'

type Call = SqlDriver['call']

interface AdmittedRow {
  outcome: Admitted['outcome']
  balance: number
  limits: LimitRow[]
  job: JobRow | null
}

type BegunRow =
  | (Omit<Extract<Begun, { status: 'begun' }>, 'job'> & { job: JobRow })
  | Extract<Begun, { status: 'lost' | 'none' }>
  | Extract<ChoiceRow, { status: 'wait' }>

export function fusedCalls(call: Call, rules: Rules): Required<Pick<Database, 'admit' | 'begin' | 'settle'>> {
  return {
    async admit({ job, ip, hasCapacity }) {
      const args = { job: storable(job), ip, has_capacity: hasCapacity }
      return admitted(await call<AdmittedRow>('admit_job', args))
    },
    async begin({ job, attemptId, number, lane, candidates, wakeInSeconds }) {
      const begun = await call<BegunRow>('begin_attempt', {
        ...fence(job),
        attempt_id: attemptId,
        number,
        lane,
        candidates,
        wake_in_seconds: wakeInSeconds,
        window_seconds: rules.window / 1000,
      })
      if (begun.status === 'begun') return { ...begun, job: toJob(begun.job) }
      return begun.status === 'wait' ? waiting(begun) : begun
    },
    async settle({ job, ending, files, reason }) {
      const rows = files.map(({ id, index, file }) => ({ id, index, file }))
      const args = { ...fence(job), ending, files: rows, reason }
      const settled = await call<JobRow | null>('settle_job', args)
      return settled && toJob(settled)
    },
  }
}

function admitted({ outcome, balance, limits, job }: AdmittedRow): Admitted {
  const states = limits.map(toLimitState)
  if (outcome === 'admitted' || outcome === 'replayed') {
    if (!job) throw new Error(`admit_job answered ${outcome} without a job`)
    return { outcome, job: toJob(job), balance, limits: states }
  }
  const full = outcome === 'rate_limited' ? states.filter(({ remaining }) => remaining === 0) : []
  const retryAfterSeconds = Math.max(0, ...full.map(({ resetsInSeconds }) => resetsInSeconds))
  return { outcome, balance, retryAfterSeconds, limits: states }
}
