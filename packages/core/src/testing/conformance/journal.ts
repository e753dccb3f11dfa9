/** What every `Journal` promises: what it keeps is true, and it never fails its caller. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Journal, ProviderCallRecord } from '../../contracts.ts'
import { type Case, type Harness, type Make, suite, together } from './suite.ts'

export interface JournalHarness extends Harness {
  journal: Journal
  /** What has been kept about a job, in any order; waits for what is still being written. */
  calls: (jobId: string) => Promise<ProviderCallRecord[]>
}

/** The suite of `Journal`. */
export function journalCases(make: Make<JournalHarness>): Case[] {
  return suite(make, checks)
}

function callOf(jobId: string, change: Partial<ProviderCallRecord> = {}): ProviderCallRecord {
  return {
    at: Math.floor(Date.now() / 1000) * 1000 + 7,
    provider: 'conformance',
    token: 'CONFORMANCE_KEY_2',
    jobId,
    attemptId: randomUUID(),
    action: 'submit',
    outcome: 'running',
    latencyMs: 123,
    ...change,
  }
}

const byAttempt = (a: ProviderCallRecord, b: ProviderCallRecord) => (a.attemptId < b.attemptId ? -1 : 1)

const checks: Record<string, (harness: JournalHarness) => Promise<void>> = {
  async 'a call is kept as it was'({ journal, calls }) {
    for (const action of ['submit', 'look', 'lookup', 'cancel', 'download'] as const) {
      const call = callOf(randomUUID(), { action, outcome: 'refused: "rate_limited" – später' })
      await journal.record([call])
      assert.deepEqual(await calls(call.jobId), [call])
    }
  },

  async 'a batch is kept whole, and each call once'({ journal, calls }) {
    const jobId = randomUUID()
    const batch = Array.from({ length: 50 }, (_, latencyMs) => callOf(jobId, { latencyMs }))
    await journal.record(batch)
    assert.deepEqual((await calls(jobId)).toSorted(byAttempt), batch.toSorted(byAttempt))
  },

  async 'nothing to record is fine'({ journal, calls }) {
    await journal.record([])
    assert.deepEqual(await calls(randomUUID()), [])
  },

  async 'two calls that look alike are two calls'({ journal, calls }) {
    const call = callOf(randomUUID())
    await journal.record([call, call])
    await journal.record([call])
    assert.deepEqual(await calls(call.jobId), [call, call, call])
  },

  async 'batches at once: nothing is invented, doubled or mixed up'({ journal, calls }) {
    const jobIds = Array.from({ length: 10 }, () => randomUUID())
    const batches = jobIds.map(jobId => Array.from({ length: 5 }, (_, latencyMs) => callOf(jobId, { latencyMs })))
    await together(10, index => journal.record(batches[index]!))
    for (const [index, jobId] of jobIds.entries()) {
      const kept = await calls(jobId)
      assert.equal(new Set(kept.map(({ attemptId }) => attemptId)).size, kept.length, 'a call was kept twice')
      for (const call of kept) assert.deepEqual(call, batches[index]![call.latencyMs])
    }
  },

  async 'the caller may go on using what it handed in'({ journal, calls }) {
    const call = callOf(randomUUID())
    const batch = [call]
    const recorded = journal.record(batch)
    const before = structuredClone(call)
    await recorded
    call.outcome = 'changed'
    batch.length = 0
    assert.deepEqual(await calls(before.jobId), [before])
  },
}
