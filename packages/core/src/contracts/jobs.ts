/** Jobs, their attempts, and the store of both. */
import type { FailureCode } from '../errors.ts'
import type { StoredFile } from './media.ts'
import type { Kind, Lane, ModelInput } from './models.ts'
import type { FailureKind, Output, Scope } from './providers.ts'
import type { Instant, Json } from './values.ts'

export type OpenState = 'created' | 'charged' | 'submitting' | 'running' | 'storing' | 'refunding'
export type EndState = 'succeeded' | 'failed' | 'canceled'
export type JobState = OpenState | EndState
/** Whether money was spent at the provider. */
export type Paid = 'no' | 'yes' | 'unknown'

export interface Failure {
  code: FailureCode
  /** A sentence for people; nothing a provider or database said verbatim. */
  message: string
  paid: Paid
}

export interface JobProgress {
  /** 0..1, or null where the provider does not say. Never invented. */
  fraction: number | null
  stage: string
  queuePosition: number | null
  /** A small data URL, where a provider shows the picture coming. */
  preview?: string
}

/** The hand-over that a job currently stands on. */
export interface CurrentAttempt {
  id: string
  /** 1, 2, 3 … */
  number: number
  provider: string
  endpoint: string
  /** The token's label. */
  token: string
  startedAt: Instant
  /** When the provider took it; null before. */
  acceptedAt: Instant | null
}

export interface Job {
  readonly id: string
  readonly userId: string
  readonly model: string
  readonly kind: Kind
  readonly input: ModelInput
  /** What was charged in all: the price of one output times `count`. */
  readonly price: number
  readonly count: number
  readonly idempotencyKey: string | null
  /** What was asked for, in 64 hexadecimal digits; empty where no key could make another request the same. */
  readonly requestHash: string
  /** Of the HTTP request that made it. */
  readonly requestId: string | null

  readonly state: JobState
  /** Counts moves. Every move names the version it starts from. */
  readonly version: number
  /** Counts visible changes. */
  readonly revision: number
  readonly attempt: CurrentAttempt | null
  /** Opaque to us: what the provider gave to ask again with. */
  readonly operation: Json | null
  readonly outputs: Output[] | null
  readonly media: StoredFile[]
  readonly progress: JobProgress | null
  readonly failure: Failure | null
  /** How a job in `refunding` will end. */
  readonly ending: 'failed' | 'canceled' | null
  readonly refundedCredits: number

  readonly createdAt: Instant
  /** A job still `charged` then is refunded as `no_capacity`. */
  readonly queueUntil: Instant
  /** From acceptance plus the model's timeout; null before. */
  readonly runUntil: Instant | null
  /** Looks that failed in a row, and since when. */
  readonly troubles: { count: number; since: Instant } | null
  /** When the next step is worth trying. */
  readonly wakeAt: Instant
  readonly finishedAt: Instant | null
}

export type NewJob = Pick<
  Job,
  | 'id'
  | 'userId'
  | 'model'
  | 'kind'
  | 'input'
  | 'price'
  | 'count'
  | 'idempotencyKey'
  | 'requestHash'
  | 'requestId'
  | 'queueUntil'
>

/** What a move may change beside the state. A field that is absent stays as it is. */
export type JobPatch = Partial<
  Pick<
    Job,
    | 'operation'
    | 'outputs'
    | 'progress'
    | 'failure'
    | 'ending'
    | 'runUntil'
    | 'troubles'
    | 'idempotencyKey'
    | 'media'
    | 'refundedCredits'
  >
>

export interface Attempt extends CurrentAttempt {
  jobId: string
  /** `open`: nobody has answered yet. `late`: accepted after the job had gone on without it. */
  outcome: 'open' | 'accepted' | 'refused' | 'unknown' | 'late'
  operation: Json | null
  refusal: { kind: FailureKind; scope: Scope; paid: Paid } | null
  /** The provider was asked to stop it (asked once, best effort). */
  cancelAskedAt: Instant | null
}

export interface NewAttempt {
  id: string
  number: number
  provider: string
  endpoint: string
  token: string
  /** The provider account the token belongs to. */
  account: string
  lane: Lane
}

/** The answer to a submit, written by attempt id and always accepted. `wakeInSeconds` counts where the job moves. */
export type AttemptAnswer = { wakeInSeconds: number } & (
  | { outcome: 'accepted'; operation: Json | null; outputs?: Output[]; runUntil: Instant }
  /**
   * With `version`, only where the job still has it; else nothing is written: somebody is sending the attempt again, and
   * that one may be taken.
   */
  | { outcome: 'refused'; refusal: { kind: FailureKind; scope: Scope; paid: Paid }; version?: number }
  /** No answer at all: the job stays, and an answer that comes after all replaces it. */
  | { outcome: 'unknown' }
)

export interface JobQuery {
  userId?: string
  kind?: Kind
  /** Any of these. */
  states?: readonly JobState[]
  limit: number
  /** From `nextCursor` of the page before; opaque. */
  cursor?: string
}
export interface Page<Item> {
  items: Item[]
  nextCursor: string | null
}

export interface JobStore {
  /**
   * Keyed twice: by job id and, where given, by (userId, idempotencyKey). The same request again answers `replayed` with
   * the first job, unchanged; another request under the same key, or an id that is somebody else's, `conflict`.
   */
  create(job: NewJob): Promise<{ outcome: 'created' | 'replayed'; job: Job } | { outcome: 'conflict' }>
  find(id: string): Promise<Job | null>
  findByKey(userId: string, idempotencyKey: string): Promise<Job | null>
  /**
   * Compare-and-set on (state, version); null when somebody else moved the job first. Counts version and revision up,
   * stamps `finishedAt` on an end state, and lets others see the job again after `wakeInSeconds`.
   */
  move(job: Job, to: JobState, patch?: JobPatch & { wakeInSeconds?: number }): Promise<Job | null>
  /** Writes the attempt and moves `charged` → `submitting`, in one. Null when the move was lost: then nothing is written. */
  begin(job: Job, attempt: NewAttempt, wakeInSeconds: number): Promise<Job | null>
  /**
   * Accepts the answer of a submit, whoever asks. A job still `submitting` with this attempt moves: accepted → `running`
   * (`storing` where outputs came along), refused → `charged`, unknown → stays. Otherwise the job is left alone and the
   * attempt keeps the answer (`late` when it was accepted). The first acceptance or refusal counts, a second one changes
   * nothing; `unknown` only marks an attempt that is still `open`.
   */
  record(attemptId: string, answer: AttemptAnswer): Promise<{ moved: boolean; job: Job; attempt: Attempt }>
  /** Oldest first. */
  attempts(jobId: string): Promise<Attempt[]>
  /** Marks the intent to cancel at the provider; false when it was marked before. */
  askCancel(attemptId: string): Promise<boolean>
  /**
   * What a look found, without a move: state and version stay. `revision` counts up only where `progress` changed.
   * Ignored when the job has moved since.
   */
  note(
    job: Job,
    news: { progress?: JobProgress; troubles?: Job['troubles']; operation?: Json; wakeInSeconds: number },
  ): Promise<Job | null>
  /**
   * Claims open jobs whose wake time has come, round-robin over users, and hides them for `leaseSeconds`: the stored
   * `wakeAt` is pushed ahead, the jobs are answered with the one they had. No version changes.
   */
  due(query: { limit: number; leaseSeconds: number }): Promise<Job[]>
  list(query: JobQuery): Promise<Page<Job>>
  /** Seconds from creation to success of the last jobs of a model, newest first. */
  durations?(model: string, limit: number): Promise<number[]>
  /** Seconds from acceptance until the provider was done, of the last jobs like this that succeeded, newest first. */
  runtimes?(query: { model: string; endpoint: string; duration: number | null; limit: number }): Promise<number[]>
  /** The tokens, each once, that jobs in `submitting`, `running` or `storing` began with and cannot go on without. */
  tokensInUse?(limit: number): Promise<{ provider: string; token: string }[]>
}
