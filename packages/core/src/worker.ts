/** The worker loop: one of several things that may drive jobs. No promise depends on it. */
import type { Job, JobStore } from './contracts.ts'
import { isEnded } from './lifecycle.ts'

export interface WorkerParts {
  jobs: Pick<JobStore, 'due'>
  now(): number
  /** Never throws. */
  step(job: Job): Promise<Job | null>
  trouble(error: unknown, about: { doing: string }): void
}

export interface WorkerOptions {
  signal: AbortSignal
  concurrency: number
  pollSeconds: number
  leaseSeconds: number
}

export interface Worker {
  /** Due work may have appeared: look now. */
  nudge(inSeconds: number): void
  /** Ends after the abort, when the steps under way have ended. */
  done: Promise<void>
}

export function startWorker(
  parts: WorkerParts,
  { signal, concurrency, pollSeconds, leaseSeconds }: WorkerOptions,
): Worker {
  const underWay = new Set<Promise<void>>()
  const alarm = createAlarm(parts.now)
  signal.addEventListener('abort', () => alarm.set(0), { once: true })

  const finish = async (job: Job) => {
    const after = await parts.step(job)
    if (after && !isEnded(after)) alarm.set((after.wakeAt - parts.now()) / 1000)
    else if (underWay.size === concurrency) alarm.set(0)
  }
  const take = (job: Job) => {
    const step = finish(job).finally(() => underWay.delete(step))
    underWay.add(step)
  }
  const loop = async () => {
    while (!signal.aborted) {
      const limit = concurrency - underWay.size
      let claimed: Job[] = []
      try {
        if (limit > 0) claimed = await parts.jobs.due({ limit, leaseSeconds })
      } catch (error) {
        parts.trouble(error, { doing: 'looking for due jobs' })
      }
      for (const job of claimed) take(job)
      if (limit === 0 || claimed.length < limit) await alarm.wait(pollSeconds)
    }
    await Promise.all(underWay)
  }
  return { nudge: alarm.set, done: loop() }
}

/** A timer that can be set to ring earlier, also before anyone waits for it. */
function createAlarm(now: () => number) {
  let ringsAt = Infinity
  let ring: (() => void) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const arm = () => {
    clearTimeout(timer)
    if (ring) timer = setTimeout(ring, Math.max(0, ringsAt - now()))
  }
  return {
    set(inSeconds: number) {
      ringsAt = Math.min(ringsAt, now() + Math.max(0, inSeconds) * 1000)
      arm()
    },
    async wait(atMostSeconds: number) {
      ringsAt = Math.min(ringsAt, now() + atMostSeconds * 1000)
      await new Promise<void>(resolve => {
        ring = resolve
        arm()
      })
      ring = undefined
      ringsAt = Infinity
    },
  }
}
