/** Admissions, begins and settlements to test with. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Admission, Admitted, Begun, Candidate, Database, Job, NewJob, Settlement } from '../../contracts.ts'
import { newFile, newJob } from './samples.ts'
import type { DatabaseHarness } from './suite.ts'

export type DatabaseChecks = Record<string, (harness: DatabaseHarness) => Promise<void>>
type Fused = Required<Pick<Database, 'admit' | 'begin' | 'settle'>>

/** The fused calls of a database that has them. */
export function fusedOf({ admit, begin, settle }: Database): Fused {
  assert(admit && begin && settle, 'the database offers admit, begin and settle')
  return { admit, begin, settle }
}

export function admissionOf(userId: string, change: Partial<NewJob> = {}, about: Partial<Admission> = {}): Admission {
  return { job: newJob(userId, change), ip: null, hasCapacity: true, ...about }
}

/** An admitted job, in `charged`. */
export async function admitted(database: Database, userId: string, change: Partial<NewJob> = {}): Promise<Job> {
  const answer = await fusedOf(database).admit(admissionOf(userId, change))
  assert(answer.outcome === 'admitted', `expected to be admitted, got ${answer.outcome}`)
  return answer.job
}

export function jobOf(answer: Admitted): Job {
  assert('job' in answer, `expected a job, got ${answer.outcome}`)
  return answer.job
}

export function beginOf(job: Job, candidates: readonly Candidate[], change: { attemptId?: string } = {}) {
  return { job, attemptId: randomUUID(), number: 1, lane: 'image', candidates, wakeInSeconds: 30, ...change } as const
}

export function begunOf(begun: Begun): Extract<Begun, { status: 'begun' }> {
  assert(begun.status === 'begun', `expected to begin, got ${JSON.stringify(begun)}`)
  return begun
}

/** An admitted job whose outputs wait to be stored. */
export async function storingJob(database: Database, userId: string, count = 1): Promise<Job> {
  const job = await admitted(database, userId, { count, price: 500 * count })
  return toStoring(database, job)
}

/** Through an attempt with a token of its own to `storing`. */
export async function toStoring(database: Database, job: Job): Promise<Job> {
  const account = randomUUID()
  const candidate = { provider: 'conformance', endpoint: 'e', token: account, account, maxOpen: null }
  const begun = begunOf(await fusedOf(database).begin(beginOf(job, [candidate])))
  const outputs = Array.from({ length: job.count }, (_, index) => ({ url: `https://files.example/${index}.png` }))
  const answer = { outcome: 'accepted', operation: 'op', outputs, runUntil: Date.now(), wakeInSeconds: 0 } as const
  const recorded = await database.jobs.record(begun.job.attempt!.id, answer)
  assert.equal(recorded.job.state, 'storing')
  return recorded.job
}

/** A settlement that delivers the first `delivered` outputs. */
export function settlementOf(job: Job, ending: Settlement['ending'], delivered = 0): Settlement {
  const files = Array.from({ length: delivered }, (_, index) => ({
    id: randomUUID(),
    index,
    file: newFile(job, index),
  }))
  return { job, ending, files, reason: `It ${ending}` }
}
