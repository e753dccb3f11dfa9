/** Puts the parts together; what each call means is said at `Studio`. */
import { v7 } from 'uuid'
import { createAdmission } from './admission.ts'
import type { Database, Job, MediaRecord, MediaStore, Transport } from './contracts.ts'
import { createDriver, type Driver } from './driver.ts'
import { SafelightError } from './errors.ts'
import { createEstimates } from './estimates.ts'
import { handleOn } from './job-handle.ts'
import { createJournalBuffer } from './journal-buffer.ts'
import { cancel, isEnded } from './lifecycle.ts'
import { memoryDatabase, memoryMedia } from './memory/index.ts'
import type { Model } from './models.ts'
import { partsOf, type Parts } from './parts.ts'
import { createRegistry } from './registry.ts'
import { streamOf } from './streams.ts'
import type { JobHandle, ModelsOf, ProviderOption, Studio, StudioOptions, SubmittedJob } from './studio.ts'
import { createWatchers, type Watchers } from './watchers.ts'
import { adopt, takeDelivery } from './webhooks.ts'

const UPLOAD_MAX_BYTES = 10 * 1024 * 1024
/** Whoever embeds the library without people; an id that every database takes. */
const NOBODY = '00000000-0000-4000-8000-000000000000'

/** Everything has a default: with nothing but a provider it is a studio in memory, without accounts and without limits. */
export function createStudio<
  const Providers extends readonly ProviderOption[],
  const Own extends readonly Model[] | undefined = undefined,
>(options: StudioOptions<Providers, Own>): Studio<ModelsOf<Providers, Own>> {
  const database = options.database ?? boundlessDatabase(options.now)
  const media = options.media ?? memoryMedia()
  const watchers = createWatchers<Job>()
  const { parts, journal } = assemble(options, database, media, job => watchers.tell(job.id, job))
  const driver = createDriver(parts, options.scheduler)
  const jobs = jobCalls(parts, driver, watchers)
  const studio: Studio = {
    models: parts.registry.models,
    database,
    media,
    ...jobs,
    sweep: driver.sweep,
    work: driver.work,
    watch: watchers.watch,
    list: query => parts.jobs.list(query),
    estimate: createEstimates(parts),
    upload: upload => keepUpload(parts, upload),
    async close() {
      await parts.followers.stop()
      await driver.idle()
      await journal.flush()
      await parts.transport.close()
      await database.close()
    },
  }
  // Inside, a request is checked when it comes; outside, the types know which models there are.
  return studio as unknown as Studio<ModelsOf<Providers, Own>>
}

type JobCalls = Pick<Studio, 'submit' | 'generate' | 'job' | 'resume' | 'cancel' | 'adopt' | 'webhook'>

function jobCalls(parts: Parts, driver: Driver, watchers: Watchers<Job>): JobCalls {
  const { media } = parts
  const admit = createAdmission(parts)
  const find = async (jobId: string, userId?: string): Promise<Job> => {
    const job = await parts.jobs.find(jobId)
    if (job && (userId === undefined || job.userId === userId)) return job
    throw new SafelightError('not_found', 'There is no such job.')
  }
  const resume = async (jobId: string) => driver.move(await find(jobId))
  const cancelJob: Studio['cancel'] = async (jobId, { userId } = {}) => cancel(parts, await find(jobId, userId))
  const handleParts = { media, now: parts.now, resume, find, cancel: cancelJob, changeOf: watchers.changeOf }
  const job: Studio['job'] = reference =>
    handleOn(handleParts, typeof reference === 'string' ? reference : reference.jobId)

  const submit = async (request: Parameters<Studio['submit']>[0], signal?: AbortSignal): Promise<SubmittedJob> => {
    const { userId = NOBODY, idempotencyKey = null, ip = null, requestId = null, model, input } = request
    const admitted = await admit({ model, input, userId, idempotencyKey, ip, requestId })
    const replayed = admitted.outcome === 'replayed'
    if (!replayed) {
      parts.changed(admitted.job)
      // Whoever has gone wants it canceled: handed over it might be paid for first.
      if (!signal?.aborted) driver.letGo(admitted.job)
    }
    const { balance, limits } = admitted
    return { ...job(admitted.job.id), job: admitted.job, replayed, balance, limits }
  }
  return {
    submit: request => submit(request),
    job,
    resume,
    cancel: cancelJob,
    async generate(request, { signal } = {}) {
      signal?.throwIfAborted()
      const submitted = submit(request, signal)
      try {
        return await unlessAborted(
          signal,
          submitted.then(handle => handle.result(signal ? { signal } : {})),
        )
      } catch (error) {
        // The caller is told at once; the provider and the credits are seen to behind its back.
        if (signal?.aborted)
          driver.aside(submitted.then(cancelUnlessFinished, nothingToCancel), 'canceling an aborted job')
        throw error
      }
    },
    async webhook(delivery) {
      const woken = await takeDelivery(parts, delivery)
      if (woken) driver.hurry(woken)
    },
    async adopt({ jobId, attemptId, operation }) {
      const waiting = await find(jobId)
      if (isEnded(waiting)) return waiting
      const attempt = (await parts.jobs.attempts(jobId)).find(({ id }) => id === attemptId)
      if (!attempt) throw new SafelightError('not_found', 'There is no such attempt.')
      await adopt(parts, waiting, attempt, operation)
      return driver.move(await find(jobId), { early: true })
    },
  }
}

/** Whoever aborts wants no picture; one that is already being stored is kept all the same. */
async function cancelUnlessFinished(handle: JobHandle): Promise<void> {
  await handle.cancel().catch((error: unknown) => {
    if (!SafelightError.is(error, 'already_finished')) throw error
  })
}

/** The request was refused: there is no job, and the caller has heard about the abort. */
function nothingToCancel(): void {}

/** Rejects with the signal's reason as soon as it fires, whatever the other is still doing. */
async function unlessAborted<Value>(signal: AbortSignal | undefined, value: Promise<Value>): Promise<Value> {
  if (!signal) return value
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([value, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function keepUpload(parts: Parts, upload: Parameters<Studio['upload']>[0]): Promise<MediaRecord> {
  const { userId = NOBODY, source, maxBytes = UPLOAD_MAX_BYTES, signal } = upload
  const id = parts.newId()
  const file = await parts.media.save(`uploads/${id}`, streamOf(source), { maxBytes, ...(signal ? { signal } : {}) })
  const { retentionDays } = await parts.settings.read()
  const expiresAt = parts.now() + retentionDays * 86_400_000
  return parts.library.add({ id, userId, kind: 'upload', jobId: null, index: 0, file, expiresAt })
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
      transport: options.transport ?? plainTransport(options.fetch),
      deliveries: database.deliveries,
      newId: () => v7(),
      webhookUrl: ({ id, provider }, jobId) => options.webhookUrl?.({ provider, jobId, attemptId: id }) ?? null,
      journal: journal.add,
      transferRetries: options.transferRetries ?? 2,
    },
    isReplaced ? {} : database,
  )
  return { parts, journal }
}

/** Whatever `fetch` there is, looked up at each call: one that was replaced for a test is used. */
function plainTransport(fetch: typeof globalThis.fetch = (...call) => globalThis.fetch(...call)): Transport {
  return { api: () => fetch, outputs: fetch, close: async () => undefined }
}

/** For an app without people: nobody runs out of credit, and nobody is limited. */
function boundlessDatabase(now?: () => number): Database {
  const limits = { userPerMinute: 1e6, ipPerMinute: 1e6, windowSeconds: 60 }
  const settings = { limits, freeCancelsPerDay: 1e6 }
  return memoryDatabase({ openingBalance: 1e12, settings, ...(now ? { now } : {}) })
}
