/** The job store: every method is one SQL function. */
import type { Job, JobStore, NewJob } from '@safelight/core'
import { SafelightError } from '@safelight/core'
import type { SqlArguments, SqlDriver } from './driver.ts'
import { isUuid, pageOf, placeInTime } from './pages.ts'
import { type AttemptRow, type JobRow, toAttempt, toJob } from './rows.ts'

type Call = SqlDriver['call']
type CreatedRow = { outcome: 'created' | 'replayed'; job: JobRow } | { outcome: 'conflict' }
interface RecordedRow {
  moved: boolean
  job: JobRow
  attempt: AttemptRow
}

export function jobStore(call: Call): JobStore {
  const jobOrNull = async (name: string, args: SqlArguments): Promise<Job | null> => {
    const row = await call<JobRow | null>(name, args)
    return row && toJob(row)
  }
  return {
    async create(job) {
      const created = await call<CreatedRow>('create_job', { job: storable(job) })
      return created.outcome === 'conflict' ? created : { outcome: created.outcome, job: toJob(created.job) }
    },
    find: async id => (isUuid(id) ? jobOrNull('find_job', { job_id: id }) : null),
    findByKey: async (userId, idempotencyKey) =>
      isUuid(userId) ? jobOrNull('find_job_by_key', { user_id: userId, idempotency_key: idempotencyKey }) : null,
    move: (job, to, { wakeInSeconds, ...patch } = {}) =>
      jobOrNull('move_job', { ...fence(job), to, patch, wake_in_seconds: wakeInSeconds }),
    note: (job, { wakeInSeconds, ...news }) =>
      jobOrNull('note_job', { ...fence(job), news, wake_in_seconds: wakeInSeconds }),
    async due({ limit, leaseSeconds }) {
      const rows = await call<JobRow[]>('claim_due_jobs', { limit, lease_seconds: leaseSeconds })
      return rows.map(toJob)
    },
    async list({ userId, kind, states, limit, cursor }) {
      const place = placeInTime(cursor)
      if (userId !== undefined && !isUuid(userId)) return { items: [], nextCursor: null }
      const filter = { user_id: userId, kind, states }
      const rows = await call<JobRow[]>('list_jobs', { ...filter, limit: limit + 1, ...place })
      return pageOf(rows, limit, toJob, ({ created_at, id }) => [created_at, id])
    },
    durations: (model, limit) => call<number[]>('list_durations', { model, limit }),
    runtimes: query => call<number[]>('list_runtimes', query),
    tokensInUse: limit => call<{ provider: string; token: string }[]>('list_tokens_in_use', { limit }),
    ...attemptsOf(call, jobOrNull),
  }
}

function attemptsOf(
  call: Call,
  jobOrNull: (name: string, args: SqlArguments) => Promise<Job | null>,
): Pick<JobStore, 'begin' | 'record' | 'attempts' | 'askCancel'> {
  return {
    begin: (job, attempt, wakeInSeconds) =>
      jobOrNull('start_attempt', { ...fence(job), attempt, wake_in_seconds: wakeInSeconds }),
    async record(attemptId, answer) {
      const args = { attempt_id: attemptId, answer }
      const recorded = isUuid(attemptId) ? await call<RecordedRow | null>('record_attempt', args) : null
      if (!recorded) throw new SafelightError('not_found', 'There is no such attempt.')
      return { moved: recorded.moved, job: toJob(recorded.job), attempt: toAttempt(recorded.attempt) }
    },
    async attempts(jobId) {
      if (!isUuid(jobId)) return []
      return (await call<AttemptRow[]>('list_attempts', { job_id: jobId })).map(toAttempt)
    },
    askCancel: async attemptId => isUuid(attemptId) && call<boolean>('ask_cancel', { attempt_id: attemptId }),
  }
}

/** What every write to a job presents: it holds only while nobody has moved the job since. */
export function fence({ id, state, version }: Job): SqlArguments {
  return { job_id: id, state, version }
}

/** Only what admission stores; whatever else a caller's object carries stays outside. */
export function storable(job: NewJob): NewJob {
  const { id, userId, model, kind, input, price, count, idempotencyKey, requestHash, requestId, queueUntil } = job
  return { id, userId, model, kind, input, price, count, idempotencyKey, requestHash, requestId, queueUntil }
}
