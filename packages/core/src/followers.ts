/**
 * Held looks: where a provider pushes its news, this process listens instead of asking again and again. Only ever an
 * accelerator: the job keeps its lease and its wake time, and is looked at as usual when the line breaks.
 */
import { asProgress } from './answers.ts'
import type { Job, Progress } from './contracts.ts'
import type { Parts } from './parts.ts'
import { LEASE_SECONDS, wait } from './waiting.ts'
import { callProvider } from './provider-calls.ts'

export interface Followers {
  /**
   * Listens for news of a running job, at most for a while; false where the provider has none to push, or its line broke
   * too often. `heard` takes the last word, null where the line ended without one.
   */
  start(job: Job, heard: (progress: Progress | null) => Promise<unknown>): boolean
  /** Nobody needs to know any more. */
  drop(jobId: string): void
  /** Ends all of them, and hands their jobs back. */
  stop(): Promise<void>
}

/** Shorter than a lease: whoever listens still has the job. */
export const FOLLOW_SECONDS = LEASE_SECONDS - 5
/** After so many broken lines a job is only asked after. */
const CUTS_MAX = 2
const CUTS_KEPT = 10_000
const TELL_SECONDS = 1

interface Line {
  attemptId: string
  controller: AbortController
  done: Promise<void>
}

export function createFollowers(parts: Parts): Followers {
  const lines = new Map<string, Line>()
  const cuts = new Map<string, number>()
  let isStopped = false

  async function listen(job: Job, line: AbortController): Promise<Progress | null> {
    const { signal } = line
    const about = { action: 'follow', timeoutSeconds: FOLLOW_SECONDS, signal } as const
    const startedAt = parts.now()
    try {
      const progress = await callProvider(parts, job, job.attempt!, about, async (provider, call) =>
        asProgress(await provider.follow!({ ...call, operation: job.operation, tell: teller(parts, job, signal) })),
      )
      cuts.delete(job.id)
      return progress
    } catch (error) {
      const isOurs = signal.aborted || parts.now() >= startedAt + FOLLOW_SECONDS * 1000
      if (!isOurs) {
        if (cuts.size >= CUTS_KEPT) cuts.clear()
        cuts.set(job.id, (cuts.get(job.id) ?? 0) + 1)
        parts.trouble(error, { jobId: job.id, doing: 'following' })
      }
      return null
    }
  }

  return {
    start(job, heard) {
      const known = lines.get(job.id)
      if (known?.attemptId === job.attempt?.id) return true
      const canFollow = parts.registry.provider(job.attempt!.provider)?.follow !== undefined
      if (isStopped || !canFollow || (cuts.get(job.id) ?? 0) >= CUTS_MAX) return false
      known?.controller.abort()
      const controller = new AbortController()
      const hold = async () => {
        const progress = await listen(job, controller)
        lines.delete(job.id)
        if (isStopped && progress === null) await wait(parts, job, 0)
        else if (!controller.signal.aborted || progress) await heard(progress)
      }
      const done = hold().catch((error: unknown) =>
        parts.trouble(error, { jobId: job.id, doing: 'taking in what was heard' }),
      )
      lines.set(job.id, { attemptId: job.attempt!.id, controller, done })
      return true
    },
    drop(jobId) {
      lines.get(jobId)?.controller.abort(new Error('Nobody waits any more'))
      cuts.delete(jobId)
    },
    async stop() {
      isStopped = true
      const open = [...lines.values()]
      for (const { controller } of open) controller.abort(new Error('This process ends'))
      await Promise.all(open.map(({ done }) => done))
    },
  }
}

/** Writes interim news down, at most once a second, unless the stage changes. */
function teller(parts: Parts, job: Job, signal: AbortSignal) {
  let last = { at: 0, stage: '' }
  return (news: Extract<Progress, { status: 'running' }>) => {
    const { fraction = null, stage = 'running', queuePosition = null, preview } = news
    const isNew = stage !== last.stage || parts.now() >= last.at + TELL_SECONDS * 1000
    if (!isNew || signal.aborted) return
    last = { at: parts.now(), stage }
    const progress = { fraction, stage, queuePosition, ...(preview === undefined ? {} : { preview }) }
    wait(parts, job, LEASE_SECONDS, { progress, troubles: null })
      .then(noted => noted && parts.changed(noted))
      .catch((error: unknown) => parts.trouble(error, { jobId: job.id, doing: 'writing progress down' }))
  }
}
