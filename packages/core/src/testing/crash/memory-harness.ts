import { memoryDatabase, memoryMedia } from '../../memory/index.ts'
import type { CrashHarness } from './world.ts'

/** Everything in memory, with a clock that only moves when it is told to. */
export async function memoryHarness(): Promise<CrashHarness> {
  let clock = Date.UTC(2026, 0, 1)
  const now = () => clock
  const database = memoryDatabase({ now })
  return {
    database,
    media: memoryMedia(),
    now,
    advance: async seconds => void (clock += seconds * 1000),
    async newUser(balance = 0) {
      const userId = crypto.randomUUID()
      await database.ledger.grant({
        userId,
        amount: Math.max(1, balance),
        key: `start:${userId}`,
        description: 'Start',
      })
      return userId
    },
    close: () => database.close(),
  }
}
