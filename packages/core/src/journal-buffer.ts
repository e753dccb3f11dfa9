/** Calls to providers, written in batches and off the money path. Losing some is allowed, holding a job up is not. */
import type { Journal, ProviderCallRecord } from './contracts.ts'

const FLUSH_SECONDS = 1
const BATCH_MAX = 500

export interface JournalBuffer {
  add(call: ProviderCallRecord): void
  flush(): Promise<void>
}

export function createJournalBuffer(journal: Journal, trouble: (error: unknown) => void): JournalBuffer {
  let waiting: ProviderCallRecord[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    const calls = waiting
    waiting = []
    if (calls.length > 0) await journal.record(calls).catch(trouble)
  }
  return {
    add(call) {
      if (waiting.length < BATCH_MAX) waiting.push(call)
      timer ??= setTimeout(() => void flush(), FLUSH_SECONDS * 1000)
    },
    flush,
  }
}
