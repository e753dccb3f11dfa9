/** Hand-overs of jobs. An answer is always written down, and moves the job only while the job still waits for it. */
import type { Attempt, AttemptAnswer, Job, JobStore } from '../contracts.ts'
import { SafelightError } from '../errors.ts'
import type { Direct } from './direct.ts'
import { FRESH, type JobTable } from './job-table.ts'

type Attempts = Pick<JobStore, 'begin' | 'record' | 'attempts' | 'askCancel'>
type Answered = Exclude<AttemptAnswer, { outcome: 'unknown' }>

export function memoryAttempts(table: JobTable): Direct<Attempts> {
  const { now, jobs, attempts, unmoved, moved } = table

  function keep(attempt: Attempt): Attempt {
    attempts.set(attempt.id, attempt)
    return attempt
  }
  /** The job's side of an answer: null where it no longer waits for this attempt. */
  function follow(job: Job, attempt: Attempt, answer: Answered): Job | null {
    if (job.state !== 'submitting' || job.attempt?.id !== attempt.id) return null
    if (answer.outcome === 'refused') return moved(job, 'charged', {}, answer.wakeInSeconds)
    const { operation, outputs = null, runUntil } = answer
    const current = { ...job.attempt, acceptedAt: now() }
    const to = outputs ? 'storing' : 'running'
    return moved(job, to, { attempt: current, operation, outputs, runUntil }, answer.wakeInSeconds)
  }

  return {
    begin(from, { id, number, provider, endpoint, token }, wakeInSeconds) {
      const job = unmoved(from)
      if (job?.state !== 'charged' || attempts.has(id)) return null
      const attempt = { id, number, provider, endpoint, token, startedAt: now(), acceptedAt: null }
      keep({ ...attempt, jobId: job.id, outcome: 'open', operation: null, refusal: null, cancelAskedAt: null })
      return moved(job, 'submitting', { ...FRESH, attempt }, wakeInSeconds)
    },
    record(attemptId, answer) {
      const attempt = attempts.get(attemptId)
      const job = attempt && jobs.get(attempt.jobId)
      if (!job) throw new SafelightError('not_found', 'There is no such attempt.')
      const answered = attempt.outcome !== 'open' && attempt.outcome !== 'unknown'
      if (answered) return { moved: false, job, attempt }
      if (answer.outcome === 'unknown') return { moved: false, job, attempt: keep({ ...attempt, outcome: 'unknown' }) }
      const isStale = answer.outcome === 'refused' && (answer.version ?? job.version) !== job.version
      if (isStale) return { moved: false, job, attempt }
      const next = follow(job, attempt, answer)
      const kept: Attempt =
        answer.outcome === 'refused'
          ? { ...attempt, outcome: 'refused', refusal: answer.refusal }
          : { ...attempt, outcome: next ? 'accepted' : 'late', operation: answer.operation, acceptedAt: now() }
      return { moved: next !== null, job: next ?? job, attempt: keep(kept) }
    },
    attempts: jobId => [...attempts.values()].filter(attempt => attempt.jobId === jobId),
    askCancel(attemptId) {
      const attempt = attempts.get(attemptId)
      if (!attempt || attempt.cancelAskedAt !== null) return false
      keep({ ...attempt, cancelAskedAt: now() })
      return true
    },
  }
}

/** Whether the provider may be busy with an attempt; undefined for one that was never written. */
export function isOpen({ jobs, attempts }: JobTable, attemptId: string): boolean | undefined {
  const attempt = attempts.get(attemptId)
  const job = attempt && jobs.get(attempt.jobId)
  return job && job.attempt?.id === attemptId && (job.state === 'submitting' || job.state === 'running')
}
