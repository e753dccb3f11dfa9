/** Who moves jobs in this process: callers, sweeps and the worker loop, all through `advance`. */
import type { Job, Scheduler } from './contracts.ts'
import { advance, isEnded } from './lifecycle.ts'
import type { Parts } from './parts.ts'
import { LEASE_SECONDS } from './waiting.ts'
import type { Studio } from './studio.ts'
import { startWorker, type Worker } from './worker.ts'

const WORKER_CONCURRENCY = 32
const WORKER_POLL_SECONDS = 1
const SWEEP_LIMIT = 100

export interface Driver extends Pick<Studio, 'sweep' | 'work'> {
  move(job: Job, how?: { early: boolean }): Promise<Job>
  /** Somebody should take this job on soon: the worker loop, or else a step in the background. */
  letGo(job: Job): void
  /** Something happened to this job just now: a step in the background, whatever its wake time. */
  hurry(job: Job): void
  /** Something that nobody waits for; its trouble is told. */
  aside(work: Promise<unknown>, doing: string): void
  /** Waits for the steps under way. */
  idle(): Promise<void>
}

export function createDriver(parts: Parts, scheduler: Scheduler | undefined): Driver {
  const underWay = new Set<Promise<unknown>>()
  let worker: Worker | undefined

  const move = async (job: Job, how?: { early: boolean }): Promise<Job> => {
    const after = await advance(parts, job, how)
    if (!isEnded(after)) scheduler?.wake(job.id, Math.max(0, (after.wakeAt - parts.now()) / 1000))
    return after
  }
  /** A step that nobody waits for; its trouble is told, and whoever picks the job up next repeats it. */
  const inBackground = (job: Job, how?: { early: boolean }): Promise<Job | null> => {
    const step = move(job, how).catch((error: unknown) => {
      parts.trouble(error, { jobId: job.id, doing: 'advancing a job' })
      return null
    })
    underWay.add(step)
    void step.finally(() => underWay.delete(step))
    return step
  }
  return {
    move,
    letGo(job) {
      if (worker) worker.nudge(0)
      else void inBackground(job)
    },
    hurry: job => void inBackground(job, { early: true }),
    async sweep({ limit = SWEEP_LIMIT, leaseSeconds = LEASE_SECONDS } = {}) {
      const due = await parts.jobs.due({ limit, leaseSeconds })
      await Promise.all(due.map(job => inBackground(job)))
      return due.length
    },
    async work({ signal, concurrency = WORKER_CONCURRENCY, pollSeconds = WORKER_POLL_SECONDS }) {
      const settings = { signal, concurrency, pollSeconds, leaseSeconds: LEASE_SECONDS }
      const { jobs, now, trouble } = parts
      worker = startWorker({ jobs, now, trouble, step: job => inBackground(job) }, settings)
      await worker.done
      worker = undefined
    },
    aside(work, doing) {
      const told = work.catch((error: unknown) => parts.trouble(error, { doing }))
      underWay.add(told)
      void told.finally(() => underWay.delete(told))
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}
