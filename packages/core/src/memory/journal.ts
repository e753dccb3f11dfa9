/** The last calls to providers, for whoever wants to look. */
import type { Journal, ProviderCallRecord } from '../contracts.ts'

const CALLS_KEPT = 1000

export interface MemoryJournal extends Journal {
  /** Oldest first; at most the last thousand. */
  calls(): ProviderCallRecord[]
}

export function memoryJournal(): MemoryJournal {
  let kept: ProviderCallRecord[] = []
  return {
    calls: () => structuredClone(kept),
    async record(calls) {
      kept = [...kept, ...structuredClone(calls)].slice(-CALLS_KEPT)
    },
  }
}
