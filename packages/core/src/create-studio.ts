/** Puts the parts together; what each call means is said at `Studio`. */
import { v7 } from 'uuid'
import { createAdmission } from './admission.ts'
import type { Database, Job, MediaStore } from './contracts.ts'
import { SafelightError } from './errors.ts'
import { createEstimates } from './estimates.ts'
import { finished, handleOn, type HandleParts } from './job-handle.ts'
import { createJournalBuffer } from './journal-buffer.ts'
import { advance, cancel, isEnded } from './lifecycle.ts'
import { memoryDatabase, memoryMedia } from './memory/index.ts'
import type { Model } from './models.ts'
import { streamOf } from './outputs.ts'
import { LEASE_SECONDS, partsOf, type Parts } from './parts.ts'
import { createRegistry } from './registry.ts'
import type { JobHandle, JobRequest, ModelsOf, ProviderOption, Studio, StudioOptions, SubmittedJob } from './studio.ts'
import { createWatchers } from './watchers.ts'
import { startWorker, type Worker } from './worker.ts'

const UPLOAD_MAX_BYTES = 10 * 1024 * 1024
const WORKER_CONCURRENCY = 32
const WORKER_POLL_SECONDS = 1
const SWEEP_LIMIT = 100
/** Whoever embeds the library without people. */
const NOBODY = 'local'

/** Everything has a default: with nothing but a provider it is a studio in memory, without accounts and without limits. */
export function createStudio<
  const Providers extends readonly ProviderOption[],
  const Own extends readonly Model[] | undefined = undefined,
>(options: StudioOptions<Providers, Own>): Studio<ModelsOf<Providers, Own>> {
  const database = options.database ?? boundlessDatabase(options.now)
  const media = options.media ?? memoryMedia()
  const watchers = createWatchers<Job>()
  const { parts, journal } = assemble(options, database, media, job => watchers.tell(job.id, job))
  const admit = createAdmission(parts)
  const estimate = createEstimates(parts)
  const underWay = new Set<Promise<unknown>>()
  let worker: Worker | undefined

  /** A step that nobody waits for; its trouble is told, and whoever picks the job up next repeats it. */
  const inBackground = (job: Job): Promise<Job | null> => {
    const step = move(job).catch((error: unknown) => {
      parts.trouble(error, { jobId: job.id, doing: 'advancing a job' })
      return null
    })
    underWay.add(step)
    void step.finally(() => underWay.delete(step))
    return step
  }
  const move = async (job: Job, how?: { early: boolean }): Promise<Job> => {
    const after = await advance(parts, job, how)
    if (!isEnded(after)) options.scheduler?.wake(job.id, Math.max(0, (after.wakeAt - parts.now()) / 1000))
    return after
  }
  const find = async (jobId: string, userId?: string): Promise<Job> => {
    const job = await parts.jobs.find(jobId)
    if (!job || (userId !== undefined && job.userId !== userId)) {
      throw new SafelightError('not_found', 'There is no such job.')
    }
    return job
  }
  const resume = async (jobId: string) => move(await find(jobId))
  const cancelJob = async (jobId: string, { userId }: { userId?: string } = {}) =>
    cancel(parts, await find(jobId, userId))

  const handleParts: HandleParts = {
    media,
    now: parts.now,
    resume,
    find,
    cancel: cancelJob,
    changeOf: watchers.changeOf,
  }
  const job = (reference: string | { jobId: string }): JobHandle =>
    handleOn(handleParts, typeof reference === 'string' ? reference : reference.jobId)

  const submit = async (request: JobRequest): Promise<SubmittedJob> => {
    const { userId = NOBODY, idempotencyKey = null, ip = null, requestId = null } = request
    const { model, input } = request
    const admitted = await admit({ model, input, userId, idempotencyKey, ip, requestId })
    const replayed = admitted.outcome === 'replayed'
    if (!replayed) {
      parts.changed(admitted.job)
      if (worker) worker.nudge(0)
      else void inBackground(admitted.job)
    }
    const { balance, limits } = admitted
    return { ...job(admitted.job.id), job: admitted.job, replayed, balance, limits }
  }

  const studio: Studio = {
    models: parts.registry.models,
    database,
    media,
    submit,
    job,
    resume,
    cancel: cancelJob,
    estimate,
    watch: watchers.watch,
    list: query => parts.jobs.list(query),

    async generate(request, { signal } = {}) {
      signal?.throwIfAborted()
      const handle = await submit(request)
      try {
        return await handle.result(signal ? { signal } : {})
      } catch (error) {
        if (!signal?.aborted) throw error
        const last = await cancelJob(handle.id).catch(async (late: unknown) => {
          if (SafelightError.is(late, 'already_finished')) return find(handle.id)
          throw late
        })
        if (last.state === 'succeeded') return finished(media, last)
        throw error
      }
    },

    async adopt({ jobId, attemptId, operation }) {
      const waiting = await find(jobId)
      if (isEnded(waiting)) return waiting
      const { timeoutSeconds } = parts.registry.model(waiting.model)
      const runUntil = parts.now() + timeoutSeconds * 1000
      await parts.jobs.record(attemptId, { outcome: 'accepted', operation, runUntil, wakeInSeconds: 0 })
      return move(await find(jobId), { early: true })
    },

    async sweep({ limit = SWEEP_LIMIT, leaseSeconds = LEASE_SECONDS } = {}) {
      const due = await parts.jobs.due({ limit, leaseSeconds })
      await Promise.all(due.map(inBackground))
      return due.length
    },

    async work({ signal, concurrency = WORKER_CONCURRENCY, pollSeconds = WORKER_POLL_SECONDS }) {
      const { jobs, now, trouble } = parts
      const settings = { signal, concurrency, pollSeconds, leaseSeconds: LEASE_SECONDS }
      worker = startWorker({ jobs, now, trouble, step: inBackground }, settings)
      await worker.done
      worker = undefined
    },

    async upload({ userId = NOBODY, source, maxBytes = UPLOAD_MAX_BYTES, signal }) {
      const id = parts.newId()
      const file = await media.save(`uploads/${id}`, streamOf(source), { maxBytes, ...(signal ? { signal } : {}) })
      const { retentionDays } = await parts.settings.read()
      const expiresAt = parts.now() + retentionDays * 86_400_000
      return parts.library.add({ id, userId, kind: 'upload', jobId: null, index: 0, file, expiresAt })
    },

    async close() {
      await Promise.all(underWay)
      await journal.flush()
      await database.close()
    },
  }
  // Inside, a request is checked when it comes; outside, the types know which models there are.
  return studio as unknown as Studio<ModelsOf<Providers, Own>>
}

function assemble(options: StudioOptions, database: Database, media: MediaStore, changed: (job: Job) => void) {
  const { providers, ports = {}, now = Date.now } = options
  const models = options.models ?? providers.flatMap(provider => provider.models ?? [])
  const trouble = options.onTrouble ?? (() => undefined)
  const { jobs, ledger, limiter, tokens, settings, library } = { ...database, ...ports }
  const journal = createJournalBuffer(ports.journal ?? database.journal, error =>
    trouble(error, { doing: 'writing the journal' }),
  )
  const isReplaced = Object.keys(ports).some(port => port !== 'journal')
  const parts: Parts = partsOf(
    {
      jobs,
      ledger,
      limiter,
      tokens,
      settings,
      library,
      media,
      changed,
      trouble,
      now,
      registry: createRegistry(models, providers, options.tokens ?? []),
      fetch: options.fetch ?? ((...call) => globalThis.fetch(...call)),
      newId: () => v7(),
      webhookUrl: ({ id, provider }, jobId) => options.webhookUrl?.({ provider, jobId, attemptId: id }) ?? null,
      journal: journal.add,
      transferRetries: options.transferRetries ?? 2,
    },
    isReplaced ? {} : database,
  )
  return { parts, journal }
}

/** For an app without people: nobody runs out of credit, and nobody is limited. */
function boundlessDatabase(now?: () => number): Database {
  const limits = { userPerMinute: 1e6, ipPerMinute: 1e6, windowSeconds: 60 }
  return memoryDatabase({ openingBalance: 1e12, settings: { limits }, ...(now ? { now } : {}) })
}
