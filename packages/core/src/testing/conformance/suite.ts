/**
 * What every suite is made of. A suite is a list of named cases that any test runner can run:
 *
 *     for (const { name, run } of creditLedgerCases(make)) test(name, run)
 *
 * `make` is called before each case. It may hand out the same database every time: users, jobs, references and keys are
 * new in every case. Cases of suites that share a database have to run one after another.
 */
import type { Database, JobStore } from '../../contracts.ts'
import { newJob } from './samples.ts'

/** One promise of a port, and the way to check it. `run` rejects where the promise is broken. */
export interface Case {
  name: string
  run: () => Promise<void>
}

export interface Harness {
  /** Lets time pass for everything behind the harness: a clock of its own, or rows moved into the past. Whole seconds. */
  advance: (seconds: number) => Promise<void>
  close: () => Promise<void>
}
export interface PeopleHarness extends Harness {
  /** The id, a UUID, of a new user whose account holds `balance` credits (none where absent). */
  newUser: (balance?: number) => Promise<string>
}
/** A database whose settings are the defaults. */
export interface DatabaseHarness extends PeopleHarness {
  database: Database
}
export type Make<Made extends Harness> = () => Promise<Made>

/** Random cases: as many `runs` as time allows, and the `seed` of a failure to see it again. */
export interface PropertyOptions {
  seed?: number
  runs?: number
}

/** Names and checks, each with a harness of its own. */
export function suite<Made extends Harness>(
  make: Make<Made>,
  checks: Record<string, (harness: Made) => Promise<void>>,
): Case[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    async run() {
      const harness = await make()
      try {
        await check(harness)
      } finally {
        await harness.close()
      }
    },
  }))
}

export type Ports = Pick<
  Database,
  'jobs' | 'ledger' | 'limiter' | 'tokens' | 'settings' | 'library' | 'users' | 'journal' | 'deliveries'
> & { newJob: (userId: string) => Promise<string> }

/** The ports of a database, each for its own suite: `creditLedgerCases(portsOf(make))`. */
export function portsOf<Made extends DatabaseHarness>(make: Make<Made>): Make<Made & Ports> {
  return async () => {
    const harness = await make()
    const { jobs, ledger, limiter, tokens, settings, library, users, journal, deliveries } = harness.database
    const ports = { jobs, ledger, limiter, tokens, settings, library, users, journal, deliveries }
    return { ...harness, ...ports, newJob: userId => createdIn(jobs, userId) }
  }
}

async function createdIn(jobs: JobStore, userId: string): Promise<string> {
  const job = newJob(userId)
  await jobs.create(job)
  return job.id
}

/** All of them at once, in one array. */
export function together<Result>(count: number, work: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => work(index)))
}

/** How often each outcome came: `{ charged: 1, replayed: 19 }`. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
