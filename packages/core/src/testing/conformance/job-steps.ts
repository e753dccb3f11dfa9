/** The few steps that bring a job to where a case begins; each fails where it cannot be taken. */
import assert from 'node:assert/strict'
import type { AttemptAnswer, Job, JobStore, NewAttempt, NewJob } from '../../contracts.ts'
import { SafelightError } from '../../errors.ts'
import { IN_TEN_MINUTES_MS, newAttempt, newJob } from './samples.ts'
import type { PeopleHarness } from './suite.ts'

export interface JobStoreHarness extends PeopleHarness {
  jobs: JobStore
}
export type JobChecks = Record<string, (harness: JobStoreHarness) => Promise<void>>

/** A job in `created`; fails where it is not. */
export async function createdJob(jobs: JobStore, job: NewJob): Promise<Job> {
  const made = await jobs.create(job)
  assert(made.outcome === 'created', `creating a job answered ${made.outcome}`)
  return made.job
}

/** As `move`, for a move that cannot be lost. */
export async function mustMove(jobs: JobStore, ...move: Parameters<JobStore['move']>): Promise<Job> {
  const moved = await jobs.move(...move)
  assert(moved, `moving a job from ${move[0].state} to ${move[1]} was lost to nobody`)
  return moved
}

/** A job in `charged`. */
export async function chargedJob(jobs: JobStore, userId: string, change: Partial<NewJob> = {}): Promise<Job> {
  return mustMove(jobs, await createdJob(jobs, newJob(userId, change)), 'charged')
}

/** Null where the change is refused, be it by an answer or by an error. */
export function tryTo<Result>(change: Promise<Result>): Promise<Result | null> {
  return change.catch(() => null)
}

/** Frozen results are as good as copies. */
export function tryToSpoil(change: () => unknown): void {
  try {
    change()
  } catch (error) {
    assert(error instanceof TypeError)
  }
}

export const REFUSED = {
  outcome: 'refused',
  refusal: { kind: 'rate_limited', scope: 'account', paid: 'no' },
  wakeInSeconds: 0,
} as const satisfies AttemptAnswer
export const UNKNOWN = { outcome: 'unknown', wakeInSeconds: 0 } as const

export function accepted(operation: string, change: { outputs?: { url: string }[] } = {}): AttemptAnswer {
  const runUntil = Math.floor(Date.now() / 1000) * 1000 + IN_TEN_MINUTES_MS + 5
  return { outcome: 'accepted', operation, runUntil, wakeInSeconds: 0, ...change }
}

/** A job in `submitting`, and the attempt it stands on. */
export async function begunJob(
  jobs: JobStore,
  userId: string,
  change: Partial<NewJob> = {},
): Promise<{ job: Job; attempt: NewAttempt }> {
  const attempt = newAttempt()
  const job = await jobs.begin(await chargedJob(jobs, userId, change), attempt, 30)
  assert(job, 'beginning an attempt was lost to nobody')
  return { job, attempt }
}

/** Cursors come from outside: one that is made up is the caller's mistake, not ours, and never the first page again. */
export async function refusesCursors(list: (cursor: string) => Promise<unknown>): Promise<void> {
  for (const cursor of ['', 'made up', '0', '-1', "' or 1=1", '{"id":null}', 'W10', 'a'.repeat(5000)]) {
    await assert.rejects(
      list(cursor),
      (error: unknown) => SafelightError.is(error, 'invalid_input'),
      cursor.slice(0, 20),
    )
  }
}
