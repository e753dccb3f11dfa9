/** The parts in memory behind a clock of their own. */
import { memoryDatabase, memoryMedia, type MemoryDatabase, type MemoryDatabaseOptions } from '../../memory/index.ts'
import type { JournalHarness } from './journal.ts'
import type { MediaStoreHarness } from './media-store.ts'
import type { DatabaseHarness } from './suite.ts'

export interface MemoryHarness extends DatabaseHarness {
  database: MemoryDatabase
  now: () => number
}

export async function memoryHarness(options: MemoryDatabaseOptions = {}): Promise<MemoryHarness> {
  // It stands still between two advances: whatever happens, happens in one instant.
  let clock = Math.floor(Date.now() / 1000) * 1000
  const database = memoryDatabase({ ...options, now: () => clock })
  return {
    database,
    now: () => clock,
    async newUser(balance = 0) {
      const { signupBonus } = await database.settings.read()
      await database.settings.write({ signupBonus: 0 })
      const { id } = await database.users.signIn(`${crypto.randomUUID()}@example.test`)
      await database.settings.write({ signupBonus })
      if (balance > 0) {
        await database.ledger.grant({
          userId: id,
          amount: balance,
          key: crypto.randomUUID(),
          description: 'To begin with',
        })
      }
      return id
    },
    async advance(seconds) {
      clock += seconds * 1000
    },
    close: () => database.close(),
  }
}

export async function memoryMediaHarness(): Promise<MediaStoreHarness> {
  return { media: memoryMedia(), advance: async () => undefined, close: async () => undefined }
}

export async function memoryJournalHarness(): Promise<JournalHarness> {
  const harness = await memoryHarness()
  const { journal } = harness.database
  const calls = async (jobId: string) => journal.calls().filter(call => call.jobId === jobId)
  return { ...harness, journal, calls }
}
