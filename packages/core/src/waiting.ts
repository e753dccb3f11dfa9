/** Putting a job off, and knowing until when. */
import type { Job } from './contracts.ts'
import type { Parts } from './parts.ts'

/** While a process works on a job, others leave it alone for this long. */
export const LEASE_SECONDS = 30

/** Nothing to do before then: the job keeps its version, and nobody needs to look at it earlier. */
export function wait(
  parts: Parts,
  job: Job,
  seconds: number,
  news: Partial<Parameters<Parts['jobs']['note']>[1]> = {},
) {
  return parts.jobs.note(job, { ...news, wakeInSeconds: Math.max(0, seconds) })
}

export function secondsUntil(parts: Pick<Parts, 'now'>, instant: number): number {
  return (instant - parts.now()) / 1000
}

/** The job's troubles with the one that has just come. */
export function oneMore(parts: Pick<Parts, 'now'>, { troubles }: Job): { count: number; since: number } {
  return { count: (troubles?.count ?? 0) + 1, since: troubles?.since ?? parts.now() }
}

/** After so many troubles in a row. */
export function backoffSeconds(count: number): number {
  return Math.min(1.5 ** count, 30)
}
