import type { Journal, ProviderCallRecord } from '../../../contracts.ts'
import type { JournalHarness } from '../journal.ts'
import { type Broken, pause } from './broken.ts'

function broken(name: string, caughtBy: string, mistake: (good: Journal) => Journal): Broken<JournalHarness> {
  return { name, caughtBy, breaks: harness => ({ ...harness, journal: mistake(harness.journal) }) }
}

export const brokenJournals: readonly Broken<JournalHarness>[] = [
  broken('keeps the last call of a batch', 'a batch is kept whole, and each call once', good => ({
    record: calls => good.record(calls.slice(-1)),
  })),

  broken('fails where there is nothing to do', 'nothing to record is fine', good => ({
    async record(calls) {
      if (calls.length === 0) throw new Error('values must not be empty')
      await good.record(calls)
    },
  })),

  broken('takes calls that look alike for one', 'two calls that look alike are two calls', good => {
    const known = new Set<string>()
    return {
      async record(calls) {
        const fresh = calls.filter(call => !known.has(JSON.stringify(call)))
        for (const call of fresh) known.add(JSON.stringify(call))
        await good.record(fresh)
      },
    }
  }),

  broken('sends a batch twice', 'a call is kept as it was', good => ({
    async record(calls) {
      await good.record(calls)
      await good.record(calls)
    },
  })),

  broken('mixes up batches that come at once', 'batches at once: nothing is invented, doubled or mixed up', good => {
    let buffer: readonly ProviderCallRecord[] = []
    return {
      async record(calls) {
        buffer = calls
        await pause()
        await good.record(
          calls.map((call, index) => ({ ...call, attemptId: buffer[index]?.attemptId ?? call.attemptId })),
        )
      },
    }
  }),

  broken('knows five actions by three names', 'a call is kept as it was', good => ({
    record: calls =>
      good.record(calls.map(call => ({ ...call, action: call.action === 'lookup' ? 'look' : call.action }))),
  })),
]
