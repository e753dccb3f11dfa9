/** One ear on the studio for all event streams, and a memory of what each stream has said, for those that come back. */
import type { Job, Studio } from '@safelight/core'
import { createGate } from '../http/gate.ts'

/** Job id → the revision last sent; in the order of sending. */
export type Told = Map<string, number>

export interface EventHub {
  /** Null where this user has too many streams open. */
  enter(userId: string): (() => void) | null
  /** Hears of every change of this user's jobs in this process. */
  listen(userId: string, listener: (job: Job) => void): () => void
  /** Keeps what a stream of this user says, while it goes on and for a while after. */
  remember(userId: string, told: Told): void
  /** What the stream had said when it sent this event; empty where this process does not know it. */
  recall(userId: string, jobId: string, revision: number): Told
}

const USERS_KEPT = 200
const STREAMS_KEPT = 6

export function createEventHub(studio: Studio, streamsPerUser: number): EventHub {
  const listeners = new Map<string, Set<(job: Job) => void>>()
  const memory = new Map<string, Told[]>()
  const gate = createGate(streamsPerUser)
  let stopWatching: (() => void) | undefined

  const spread = (job: Job) => {
    for (const listener of listeners.get(job.userId) ?? []) listener(job)
  }
  return {
    enter: userId => gate.enter(userId),
    listen(userId, listener) {
      stopWatching ??= studio.watch(spread)
      const mine = listeners.get(userId) ?? new Set()
      listeners.set(userId, mine.add(listener))
      return () => {
        mine.delete(listener)
        if (mine.size === 0 && listeners.get(userId) === mine) listeners.delete(userId)
        if (listeners.size > 0) return
        stopWatching?.()
        stopWatching = undefined
      }
    },
    remember(userId, told) {
      const streams = [told, ...(memory.get(userId) ?? [])].slice(0, STREAMS_KEPT)
      memory.delete(userId)
      memory.set(userId, streams)
      const oldest = memory.keys().next()
      if (memory.size > USERS_KEPT && !oldest.done) memory.delete(oldest.value)
    },
    recall(userId, jobId, revision) {
      const stream = memory.get(userId)?.find(told => told.get(jobId) === revision)
      const sent = [...(stream ?? [])]
      // What was sent after the last event that arrived may have been lost.
      return new Map(sent.slice(0, sent.findIndex(([id]) => id === jobId) + 1))
    },
  }
}
