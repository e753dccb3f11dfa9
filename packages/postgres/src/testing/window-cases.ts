/** What the suites of the ports do not ask of admission: its limits hold for the whole window, and no longer. */
import type { Case, DatabaseHarness } from '@safelight/core/testing'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database } from '@safelight/core'

export function windowCases(make: () => Promise<DatabaseHarness>): Case[] {
  return [
    {
      name: 'ten in any sixty seconds, looked at in every part of them',
      async run() {
        const { database, newUser, advance } = await make()
        const userId = await newUser()
        for (let n = 0; n < 10; n++) assert.equal(await outcomeOf(database, userId), 'insufficient_credits')
        for (const seconds of [0, 20, 20, 15]) {
          await advance(seconds)
          assert.equal(await outcomeOf(database, userId), 'rate_limited')
        }
        await advance(10)
        assert.equal(await outcomeOf(database, userId), 'insufficient_credits')
      },
    },
  ]
}

async function outcomeOf(database: Database, userId: string): Promise<string | undefined> {
  const job = {
    id: randomUUID(),
    userId,
    model: 'window-image',
    kind: 'image',
    input: { prompt: 'x', size: 'square', count: 1, seed: '1' },
    price: 500,
    count: 1,
    idempotencyKey: null,
    requestHash: 'h',
    requestId: null,
    queueUntil: Date.now() + 600_000,
  } as const
  return (await database.admit?.({ job, ip: null, hasCapacity: true }))?.outcome
}
