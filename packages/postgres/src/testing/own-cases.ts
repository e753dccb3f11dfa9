/** What the suites of the ports do not ask, or not often enough for a bug to have no chance. */
import type { Database, Job, NewJob } from '@safelight/core'
import type { Case, DatabaseHarness } from '@safelight/core/testing'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

type FullDatabase = Required<Database>
type Check = (harness: DatabaseHarness & { database: FullDatabase }) => Promise<void>

const checks: Record<string, Check> = {
  async 'admission: ten in any sixty seconds, looked at in every part of them'({ database, newUser, advance }) {
    const userId = await newUser()
    for (let n = 0; n < 10; n++) assert.equal(await outcomeOf(database, userId), 'insufficient_credits')
    for (const seconds of [0, 20, 20, 15]) {
      await advance(seconds)
      assert.equal(await outcomeOf(database, userId), 'rate_limited')
    }
    await advance(10)
    assert.equal(await outcomeOf(database, userId), 'insufficient_credits')
  },

  async 'a provider account with room for three never holds a fourth, whoever asks at once'({ database, newUser }) {
    for (let round = 0; round < 6; round++) {
      const userId = await newUser(10_000)
      const account = randomUUID()
      const jobs: Job[] = []
      for (let n = 0; n < 9; n++) jobs.push(await chargedJob(database, userId))
      const candidates = [{ provider: 'own', endpoint: 'e', token: account, account, maxOpen: 3 }]
      const begin = (job: Job) =>
        database.begin({ job, attemptId: randomUUID(), number: 1, lane: 'image', candidates, wakeInSeconds: 60 })
      const begun = await Promise.all(jobs.map(begin))
      assert.equal(begun.filter(({ status }) => status === 'begun').length, 3)
      assert.equal(begun.filter(({ status }) => status === 'wait').length, 6)
    }
  },
}

export function ownCases(make: () => Promise<DatabaseHarness>): Case[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    async run() {
      const harness = await make()
      await check({ ...harness, database: harness.database as FullDatabase })
    },
  }))
}

async function outcomeOf(database: FullDatabase, userId: string): Promise<string> {
  return (await database.admit({ job: newJob(userId), ip: null, hasCapacity: true })).outcome
}

async function chargedJob(database: FullDatabase, userId: string): Promise<Job> {
  const created = await database.jobs.create(newJob(userId))
  assert(created.outcome === 'created')
  const charged = await database.jobs.move(created.job, 'charged')
  assert(charged)
  return charged
}

/** A request of nothing in particular. Every id is new. */
export function newJob(userId: string, change: Partial<NewJob> = {}): NewJob {
  return {
    id: randomUUID(),
    userId,
    model: 'demo-image',
    kind: 'image',
    input: { prompt: 'a red fox in snow', size: 'square', count: 1, seed: '7' },
    price: 500,
    count: 1,
    idempotencyKey: null,
    requestHash: 'h',
    requestId: null,
    queueUntil: Date.now() + 600_000,
    ...change,
  }
}
