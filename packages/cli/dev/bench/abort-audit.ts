/** After an abort: do the simulator's books and ours say the same? */
import { priceOf, type Job, type Model } from '@safelight/core'
import { OPENING_BALANCE, type Stage } from './abort-stage.ts'

/**
 * What an aborted job leaves behind. `nothing`: the vendor never heard of it. `stoppable`: the vendor is asked to stop it where
 * it can be, and makes it for nobody where not. `unused`: too late to stop it, or nobody knows its id: made for nobody.
 * `kept`: it was finished, is delivered and paid for.
 */
export type Left = 'nothing' | 'stoppable' | 'unused' | 'kept'

/** Of all jobs together. */
export interface Books {
  paid: number
  charged: number
  unused: number
}

export interface Aborted {
  about: string
  left: Left
  /** The vendor can be asked to stop it, and was. */
  isStopped: boolean
  model: Model
  userId: string
  jobsBefore: number
}

/** Throws where the vendor's books and ours do not say the same of this job. */
export async function audit(stage: Stage, aborted: Aborted, books: Books): Promise<void> {
  const { about, left, isStopped, model, userId, jobsBefore } = aborted
  const [job, ...others] = (await stage.studio.list({ userId, limit: 2 })).items
  demand(job !== undefined && others.length === 0, 'there is not exactly one job')
  const made = stage.world.books(stage.vendor).jobs.slice(jobsBefore)
  const paid = made.filter(entry => entry.paid).length
  const price = priceOf(model, { size: 'square' })
  const charged = OPENING_BALANCE - (await stage.database.ledger.balance(userId))
  const unused = job.state === 'canceled' ? await madeForNobody(stage, job, paid) : 0

  const isKept = left === 'kept'
  demand(job.state === (isKept ? 'succeeded' : 'canceled'), `${about}: the job is ${job.state}`)
  demand(charged === (isKept ? price : 0), `${about}: ${charged} credits are charged`)
  demand(job.refundedCredits === price - charged, `${about}: ${job.refundedCredits} credits came back`)
  demand(left === 'nothing' || made.length === 1, `${about}: the vendor took ${made.length} jobs`)
  demand(!isStopped || paid === 0, `${about}: the vendor was not stopped`)
  demand(paid === (isKept ? 1 : 0) + unused, `${about}: the vendor bills ${paid}, and we know of ${unused}`)
  books.paid += paid
  books.charged += isKept ? 1 : 0
  books.unused += unused
}

/** What reconciliation shows: hand-overs that were taken, or may have been, of a job that nobody paid for. */
async function madeForNobody({ database }: Stage, job: Job, paid: number): Promise<number> {
  const attempts = await database.jobs.attempts(job.id)
  const open = attempts.filter(({ outcome }) => outcome !== 'refused')
  return Math.min(open.length, paid)
}

export function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
