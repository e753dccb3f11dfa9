/** What a caller sees: everything goes through the `Studio` that `createStudio` returns. */
import type {
  Database,
  Job,
  JobQuery,
  Json,
  MediaRecord,
  MediaStore,
  Page,
  Provider,
  Scheduler,
  StoredFile,
  Token,
  Transport,
} from './contracts.ts'
import type { LimitState } from './errors.ts'
import type { InputOf, Model } from './models.ts'

/** A provider that brings its own models along. */
export type ProviderWithModels<Models extends readonly Model[] = readonly Model[]> = Provider & {
  readonly models: Models
}

/** A provider, with its models where it carries any. */
export type ProviderOption = Provider & { readonly models?: readonly Model[] }

/** Every model that a studio offers: its own list, or else what its providers carry. */
export type ModelsOf<
  Providers extends readonly ProviderOption[],
  Own extends readonly Model[] | undefined,
> = Own extends readonly Model[] ? Own[number] : NonNullable<Providers[number]['models']>[number]

export interface StudioOptions<
  Providers extends readonly ProviderOption[] = readonly ProviderOption[],
  Own extends readonly Model[] | undefined = readonly Model[] | undefined,
> {
  /** Providers; the models they carry are offered unless `models` is given. */
  providers: Providers
  models?: Own
  tokens?: readonly Token[]
  /** Jobs, money, limits and people; in memory where absent, and then without limits and with unlimited credit. */
  database?: Database
  /** Replaces single ports of the database; the fused calls are then not used. */
  ports?: Partial<Pick<Database, 'jobs' | 'ledger' | 'limiter' | 'tokens' | 'settings' | 'library' | 'journal'>>
  /** The bytes; in memory where absent. */
  media?: MediaStore
  /** Every request to a provider goes through it; the platform's own where absent. */
  fetch?: typeof globalThis.fetch
  /** Instead of `fetch`: as `nodeTransport()` of `@safelight/core/node`. Closed with the studio. */
  transport?: Transport
  now?: () => number
  /** Where a provider may call back for this attempt; null where nobody can reach us. */
  webhookUrl?: (attempt: { provider: string; jobId: string; attemptId: string }) => string | null
  /** How often the copy of an output is tried again at once, before the job waits for another time; 2 where absent. */
  transferRetries?: number
  /** Hears when each open job is worth looking at next; see the worker loop for what happens without one. */
  scheduler?: Scheduler
  /** Called with trouble that no caller is waiting for: a failed look, a copy that is tried again. The default is silent. */
  onTrouble?: (error: unknown, about: { jobId?: string; doing: string }) => void
}

export type JobRequest<Models extends Model = Model> = {
  [Id in Models['id']]: {
    model: Id
    input: InputOf<Extract<Models, { id: Id }>>
    /** Any stable id; a UUID where the database is Postgres. One and the same user where absent. */
    userId?: string
    /** The same key and request from the same user again is the same job. */
    idempotencyKey?: string
    /** Counts against the address's limit as well. */
    ip?: string
    /** Kept on the job, for logs. */
    requestId?: string
  }
}[Models['id']]

/** A finished file of a job. */
export interface Picture extends StoredFile {
  read(): Promise<Uint8Array>
  stream(): Promise<ReadableStream<Uint8Array>>
}

/** A job that succeeded. */
export interface FinishedJob extends Omit<Job, 'media'> {
  media: [Picture, ...Picture[]]
}

/** A job that goes on without us: watch it, wait for it, cancel it, or pass `toJSON()` on and continue elsewhere. */
export interface JobHandle {
  readonly id: string
  /** Every visible change, the present state first; advances the job as it goes, and ends after the end state. */
  events(options?: { signal?: AbortSignal }): AsyncGenerator<Job, void, undefined>
  /** Waits for the end. Throws `JobFailed`. Aborting only stops the waiting. */
  result(options?: { signal?: AbortSignal }): Promise<FinishedJob>
  find(): Promise<Job>
  /** Throws `already_finished`, `cancel_limit`. */
  cancel(): Promise<Job>
  toJSON(): { jobId: string }
}

export interface SubmittedJob extends JobHandle {
  /** As admitted. */
  readonly job: Job
  /** The request was made before, and this is that job; nothing was charged. */
  readonly replayed: boolean
  readonly balance: number
  readonly limits: LimitState[]
}

export interface Studio<Models extends Model = Model> {
  readonly models: readonly Models[]
  readonly database: Database
  readonly media: MediaStore
  /** Admits, charges, and lets the job go. Throws every request code of the error table. */
  submit(request: JobRequest<Models>): Promise<SubmittedJob>
  /** Submits and waits. Aborting cancels the job, and the credits come back. */
  generate(request: JobRequest<Models>, options?: { signal?: AbortSignal }): Promise<FinishedJob>
  /** A handle on a job that this or another process submitted. */
  job(reference: string | { jobId: string }): JobHandle
  /** Takes a job as far as it can go now. Idempotent and cheap: anyone may call it at any time. Throws `not_found`. */
  resume(jobId: string): Promise<Job>
  /** Throws `not_found`, `already_finished`, `cancel_limit`. `userId` makes other people's jobs `not_found`. */
  cancel(jobId: string, options?: { userId?: string }): Promise<Job>
  /** A verified delivery told us what the provider calls this attempt: takes that in and looks at once. */
  adopt(delivery: { jobId: string; attemptId: string; operation: Json }): Promise<Job>
  /**
   * A delivery that came in under the address of an attempt: verified by its provider, it wakes the job, and tells a lost
   * submit what the provider calls it. Throws `bad_signature`, `not_found`; a repeated or late one changes nothing.
   */
  webhook(delivery: {
    provider: string
    jobId: string
    attemptId: string
    body: Uint8Array
    headers: Headers
  }): Promise<void>
  list(query: JobQuery): Promise<Page<Job>>
  /** Claims due jobs and advances each once; how many there were. */
  sweep(options?: { limit?: number; leaseSeconds?: number }): Promise<number>
  /** The worker loop: sweeps until aborted, sleeping until the next wake time; then waits for the steps under way. */
  work(options: { signal: AbortSignal; concurrency?: number; pollSeconds?: number }): Promise<void>
  /** Called after every change of a job that this process makes or sees. Returns the way to stop. */
  watch(listener: (job: Job) => void): () => void
  /** Low and high seconds from request to picture, from the last jobs of a model; null where there are too few. */
  estimate(model: string): Promise<{ low: number; high: number } | null>
  /** Stores an input file of a user. Throws `too_large`, `unsupported_media`. */
  upload(upload: {
    userId?: string
    source: ReadableStream<Uint8Array> | Uint8Array
    maxBytes?: number
    signal?: AbortSignal
  }): Promise<MediaRecord>
  /** Waits for steps under way and closes the database. */
  close(): Promise<void>
}
