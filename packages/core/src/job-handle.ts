/** A handle on a job: it holds nothing but the id, so it can be made anywhere, at any time. */
import type { Job, MediaStore, StoredFile } from './contracts.ts'
import { JobFailed } from './errors.ts'
import { isEnded } from './lifecycle.ts'
import { sleep } from './sleep.ts'
import type { FinishedJob, JobHandle, Picture } from './studio.ts'

/** Another process may be moving the job: look at the store at least this often. */
const POLL_SECONDS = 1

export interface HandleParts {
  media: MediaStore
  now(): number
  resume(jobId: string): Promise<Job>
  find(jobId: string): Promise<Job>
  cancel(jobId: string): Promise<Job>
  /** Resolves at the job's next change in this process. */
  changeOf(jobId: string): { next: Promise<void>; stop(): void }
}

type Watching = { signal?: AbortSignal }

export function handleOn(parts: HandleParts, id: string): JobHandle {
  async function* events({ signal }: Watching = {}): AsyncGenerator<Job, void, undefined> {
    let revision = -1
    for (;;) {
      signal?.throwIfAborted()
      const change = parts.changeOf(id)
      try {
        const job = await parts.resume(id)
        if (job.revision !== revision) yield job
        revision = job.revision
        if (isEnded(job)) return
        const untilWake = (job.wakeAt - parts.now()) / 1000
        await Promise.race([change.next, sleep(Math.max(0.01, Math.min(untilWake, POLL_SECONDS)), signal)])
      } finally {
        change.stop()
      }
    }
  }
  return {
    id,
    events,
    async result(options) {
      let last: Job | undefined
      for await (const job of events(options)) last = job
      return finished(parts.media, last ?? (await parts.find(id)))
    },
    find: () => parts.find(id),
    cancel: () => parts.cancel(id),
    toJSON: () => ({ jobId: id }),
  }
}

/** Throws `JobFailed` where there is nothing to show. */
export function finished(media: MediaStore, job: Job): FinishedJob {
  const [first, ...rest] = job.media.map(file => pictureOf(media, file))
  if (job.state === 'succeeded' && first) return { ...job, media: [first, ...rest] }
  const { id: jobId, refundedCredits, failure } = job
  const paid = failure?.paid ?? 'unknown'
  const message = failure?.message ?? (job.state === 'succeeded' ? 'The files were deleted.' : 'The job was canceled.')
  throw new JobFailed(failure?.code ?? 'canceled', message, { jobId, refundedCredits, paid })
}

function pictureOf(media: MediaStore, file: StoredFile): Picture {
  const stream = () => media.open(file.key)
  return { ...file, stream, read: async () => new Uint8Array(await new Response(await stream()).arrayBuffer()) }
}
