/**
 * The seams. Everything the engine needs from the outside is one of the small interfaces below; every implementation of
 * one passes the same suite in `@safelight/core/testing`.
 *
 * Instants are milliseconds since 1970 (`…At`, `…Until`); spans are seconds and say so (`…Seconds`).
 */
import type { ErrorCode, FailureCode, LimitState } from './errors.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }
/** Milliseconds since 1970. */
export type Instant = number

// ---------------------------------------------------------------------------------------------------- models

export type Kind = 'image' | 'edit' | 'video'
/** Limits at providers are kept per (provider account, lane); edits share the lane of images. */
export type Lane = 'image' | 'video'
export type SizeId = 'portrait' | 'square' | 'landscape'
export interface Size {
  width: number
  height: number
}

/** A request after validation: defaults filled in, unknown fields refused. This is what is stored, hashed and mapped. */
export interface ModelInput {
  prompt: string
  size: SizeId
  count: number
  /** Decimal digits; a string because seeds pass 2^53. */
  seed: string
  duration?: number
  style?: string
  negativePrompt?: string
  /** Media ids of the owner. */
  images?: string[]
}

// ---------------------------------------------------------------------------------------------------- jobs

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
  | { outcome: 'refused'; refusal: { kind: FailureKind; scope: Scope; paid: Paid } }
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
}

// ---------------------------------------------------------------------------------------------------- money, limits

export interface LedgerEntry {
  id: string
  kind: 'grant' | 'charge' | 'refund' | 'adjustment'
  /** Signed. */
  delta: number
  balanceAfter: number
  description: string
  jobId: string | null
  createdAt: Instant
}

export interface CreditLedger {
  /** Atomic and keyed by `reference`: a second charge changes nothing, a charge after its refund takes nothing. */
  charge(charge: { userId: string; amount: number; reference: string; description: string; kind: Kind }): Promise<{
    outcome: 'charged' | 'replayed' | 'conflict' | 'refunded' | 'insufficient_credits' | 'no_account' | 'invalid'
    balance: number
  }>
  /**
   * Gives back what is left of the charge under `reference`, or `amount` of it when given, and closes the reference:
   * one refund for each, ever. With nothing charged it only closes, so a late charge cannot land.
   */
  refund(refund: { reference: string; amount?: number; reason: string }): Promise<{
    outcome: 'refunded' | 'replayed' | 'nothing_charged'
    /** Credits given back under this reference in all, now or before. */
    refunded: number
    balance: number | null
  }>
  /** Idempotent by `key`; makes the account where there is none. */
  grant(grant: { userId: string; amount: number; key: string; description: string }): Promise<{
    outcome: 'granted' | 'replayed' | 'conflict' | 'invalid'
    balance: number
  }>
  balance(userId: string): Promise<number>
  entries(query: { userId: string; limit: number; cursor?: string }): Promise<Page<LedgerEntry>>
}

export interface Limit {
  /** As in `user:<id>` or `ip:<address>`. */
  key: string
  /** What people call it: `user`, `ip`, `cancel`. */
  name: string
  max: number
  windowSeconds: number
}

export interface RateLimiter {
  /** Takes one from every bucket or from none. Exact: never more than `max` in any `windowSeconds`. */
  take(limits: readonly Limit[]): Promise<{ allowed: boolean; retryAfterSeconds: number; limits: LimitState[] }>
  /** Where the caller stands; takes nothing. */
  peek(limits: readonly Limit[]): Promise<LimitState[]>
}

export interface SettingsValues {
  appEnabled: boolean
  disabledModels: string[]
  limits: { userPerMinute: number; ipPerMinute: number; windowSeconds: number }
  signupBonus: number
  retentionDays: number
  freeCancelsPerDay: number
}

export interface Settings {
  read(): Promise<SettingsValues>
  write(change: Partial<SettingsValues>): Promise<SettingsValues>
}

// ---------------------------------------------------------------------------------------------------- tokens

/** One API key of a provider. The secret lives in this process only; everyone else knows the label. */
export interface Token {
  provider: string
  label: string
  secret: string
  /** The provider account it belongs to; its own label where none is named. */
  account: string
  /** No new submits; looks go on. */
  draining: boolean
  /** Open attempts at most, per provider account and lane; null where nobody knows. */
  maxOpen: number | null
}

/** A token that could submit this job, in the order we would like to use them. */
export interface Candidate {
  provider: string
  endpoint: string
  token: string
  account: string
  maxOpen: number | null
}

export interface TokenPool {
  /**
   * Chooses the first candidate that is neither disabled, resting nor full, least busy first within a provider, and
   * binds it to `attemptId`. A token is busy because open attempts name it: there is nothing to return.
   */
  acquire(request: {
    attemptId: string
    jobId: string
    model: string
    lane: Lane
    candidates: readonly Candidate[]
  }): Promise<Acquired>
  /** What an answer said about a token, its account or its model. Never fails a job. */
  report(event: TokenEvent): Promise<void>
}
export type Acquired =
  | { status: 'token'; candidate: Candidate }
  /** All are resting or full; worth asking again then. */
  | { status: 'wait'; waitSeconds: number }
  /** None could serve it, now or later: no candidates, or all disabled. */
  | { status: 'none' }

export interface TokenEvent {
  provider: string
  token: string
  account: string
  lane: Lane
  model: string
  outcome: 'accepted' | 'refused' | 'ended'
  refusal?: { kind: FailureKind; scope: Scope; retryAfterSeconds?: number }
  attemptId: string
}

// ---------------------------------------------------------------------------------------------------- providers

/** A file a provider made. `url` expires; `key` names a file that is already in our store. */
export interface Output {
  url?: string
  key?: string
  contentType?: string
  /** The provider's own safety check fired. */
  flagged?: boolean
  /** When the provider deletes it; one hour from now where it does not say. */
  expiresAt?: Instant
}
/** An output as a synchronous provider hands it over: bytes, or where to get them. */
export type FreshOutput =
  | Output
  | { bytes: ReadableStream<Uint8Array> | Uint8Array; contentType?: string; flagged?: boolean }

/** What went wrong, in the terms of `providers/README`: decides what may be tried next. */
export type FailureKind =
  | 'auth'
  | 'permission'
  | 'credits_exhausted'
  | 'rate_limited'
  | 'concurrency'
  | 'invalid_input'
  | 'content_policy'
  | 'model_unavailable'
  | 'unreachable'
  | 'provider_error'
  | 'no_output'
  | 'canceled'
/** Whose fault it is. */
export type Scope = 'request' | 'token' | 'account' | 'model' | 'provider'

/** Every submit ends as one of these, or throws, which means that nobody knows. */
export type Submitted =
  | { status: 'running'; operation: Json }
  | { status: 'done'; outputs: FreshOutput[]; operation?: Json }
  | { status: 'refused'; kind: FailureKind; scope: Scope; message: string; retryAfterSeconds?: number; paid: Paid }

export type Progress =
  | ({ status: 'running'; operation?: Json; lookAgainInSeconds?: number } & Partial<JobProgress>)
  | { status: 'done'; outputs: Output[] }
  | { status: 'failed'; kind: FailureKind; paid: Paid; message: string }

/** An input file, ours, ready to be inlined or uploaded. */
export interface InputFile {
  id: string
  contentType: string
  bytes: number
  open(): Promise<ReadableStream<Uint8Array>>
}

export interface ProviderCall {
  token: Token
  /** The attempt's id: the idempotency key where a provider takes one. */
  attemptId: string
  fetch: typeof globalThis.fetch
  signal: AbortSignal
}
export interface SubmitCall extends ProviderCall {
  endpoint: string
  body: Json
  files: InputFile[]
  /** Where the provider may call back; null where nobody can reach us. */
  webhookUrl: string | null
}
export interface LookCall extends ProviderCall {
  operation: Json
}

/**
 * The transport to one vendor. It answers and never waits: no loop, no sleep, no retry, no key of its own. A method that
 * throws has said nothing about the job.
 */
export interface Provider {
  readonly id: string
  /**
   * What to do about a submit whose answer was lost. `idempotent`: the same POST under the attempt's key is harmless;
   * `lookup`: it can be asked; `atMostOnce`: never again.
   */
  readonly recovery: 'idempotent' | 'lookup' | 'atMostOnce'
  /** After this a submit has surely ended, one way or the other. */
  readonly requestTimeoutSeconds: number
  /** Works without an API key. */
  readonly keyless?: boolean
  /** A finished operation hands out fresh URLs when it is looked at again. */
  readonly reissuesOutputs?: boolean
  submit(call: SubmitCall): Promise<Submitted>
  look(call: LookCall): Promise<Progress>
  /** Only for `recovery: 'lookup'`: was this attempt accepted? */
  lookup?(call: ProviderCall & { endpoint: string }): Promise<Submitted | { status: 'absent' }>
  /** Best effort; says nothing about money. */
  cancel?(call: LookCall): Promise<void>
  /** Opens an output that plain HTTP cannot fetch, or that needs the token. */
  download?(call: ProviderCall & { output: Output }): Promise<ReadableStream<Uint8Array>>
}

// ---------------------------------------------------------------------------------------------------- media

/** A file in our store, as found by looking at its bytes. */
export interface StoredFile {
  key: string
  contentType: string
  bytes: number
  width: number | null
  height: number | null
  durationSeconds: number | null
  /** SHA-256 of the bytes, in hex. */
  hash: string
}

export interface MediaStore {
  /**
   * Writes all or nothing: what is not complete is never seen. The same key again replaces it. Throws
   * `unsupported_media` for bytes that are none of our types, `too_large` beyond `maxBytes`, `no` bytes included.
   */
  save(
    key: string,
    source: ReadableStream<Uint8Array>,
    options: { maxBytes: number; signal?: AbortSignal },
  ): Promise<StoredFile>
  /** Complete files whose key begins with `prefix`, sorted by key. */
  find(prefix: string): Promise<StoredFile[]>
  /** `range` is inclusive on both ends. Throws `not_found`. */
  open(key: string, range?: { start: number; end: number }): Promise<ReadableStream<Uint8Array>>
  /** Deleting what is not there is fine. */
  delete(key: string): Promise<void>
}

/** A row of the gallery: a stored file and whose it is. */
export interface MediaRecord extends StoredFile {
  id: string
  userId: string
  kind: Kind | 'upload'
  jobId: string | null
  index: number
  placeholder: string | null
  saved: boolean
  starred: boolean
  expiresAt: Instant | null
  archivedAt: Instant | null
  deletedAt: Instant | null
  createdAt: Instant
}

export interface MediaLibrary {
  /** Keyed by id, and by (jobId, index) where there is a job: adding again answers the first row. */
  add(record: {
    id: string
    userId: string
    kind: Kind | 'upload'
    jobId: string | null
    index: number
    file: StoredFile
    expiresAt: Instant | null
  }): Promise<MediaRecord>
  find(id: string): Promise<MediaRecord | null>
  /** Of these jobs, by index; deleted ones left out. */
  ofJobs(jobIds: readonly string[]): Promise<MediaRecord[]>
  list(query: {
    userId: string
    kind?: Kind | 'upload'
    saved?: boolean
    starred?: boolean
    search?: string
    limit: number
    cursor?: string
  }): Promise<Page<MediaRecord>>
  /** Null when it is not this user's. Saving takes the expiry away. */
  change(
    id: string,
    userId: string,
    change: { saved?: boolean; starred?: boolean; deleted?: boolean },
  ): Promise<MediaRecord | null>
}

// ---------------------------------------------------------------------------------------------------- people, journal, time

export interface User {
  id: string
  email: string | null
  name: string | null
  role: 'user' | 'admin'
}
export interface Users {
  find(id: string): Promise<User | null>
  /** Local accounts: the first call for an e-mail makes the user, with the sign-up bonus, once. */
  signIn(email: string): Promise<User>
}

/** One call to a provider, for `provider_logs`. */
export interface ProviderCallRecord {
  at: Instant
  provider: string
  token: string
  jobId: string
  attemptId: string
  action: 'submit' | 'look' | 'lookup' | 'cancel' | 'download'
  outcome: string
  latencyMs: number
}
export interface Journal {
  /** Never on the money path; losing some is allowed. */
  record(calls: readonly ProviderCallRecord[]): Promise<void>
}

/** Decides when a job is looked at again, never whether it may move. */
export interface Scheduler {
  wake(jobId: string, inSeconds: number): void
}

// ---------------------------------------------------------------------------------------------------- the database

/** What admission needs to know; everything else is in the database. */
export interface Admission {
  job: NewJob
  ip: string | null
  /** Some route has a token that could ever serve it. */
  hasCapacity: boolean
}
export type Admitted =
  | { outcome: 'admitted' | 'replayed'; job: Job; balance: number; limits: LimitState[] }
  | {
      outcome:
        | Extract<
            ErrorCode,
            | 'idempotency_conflict'
            | 'rate_limited'
            | 'closed'
            | 'model_disabled'
            | 'no_capacity'
            | 'insufficient_credits'
          >
        | 'no_account'
      balance: number
      retryAfterSeconds: number
      limits: LimitState[]
    }

export type Begun =
  | { status: 'begun'; job: Job; candidate: Candidate }
  | { status: 'lost' }
  | Exclude<Acquired, { status: 'token' }>

/** How a job ends: the files that were delivered, and the rest refunded. */
export interface Settlement {
  /** In `storing` or `refunding`; the compare-and-set is part of it. */
  job: Job
  ending: EndState
  files: { id: string; index: number; file: StoredFile }[]
  reason: string
}

/**
 * The ports that live in a database together. Where `admit`, `begin` and `settle` are offered each is one round trip and
 * one transaction; without them, or when the app replaces one of the ports, the engine uses the single ports.
 */
export interface Database {
  jobs: JobStore
  ledger: CreditLedger
  limiter: RateLimiter
  tokens: TokenPool
  settings: Settings
  library: MediaLibrary
  users: Users
  journal: Journal
  /** Order of refusal: replay, limits, kill switch, model, capacity, balance. Only a 429 and a replay write nothing. */
  admit?(admission: Admission): Promise<Admitted>
  begin?(request: {
    job: Job
    attemptId: string
    number: number
    lane: Lane
    candidates: readonly Candidate[]
    wakeInSeconds: number
  }): Promise<Begun>
  /** Media rows, refund of what was not delivered, end state: once. Null when the job had moved. */
  settle?(settlement: Settlement): Promise<Job | null>
  /** Answers, with a schema this code knows; throws with a plain sentence otherwise. */
  check(): Promise<void>
  close(): Promise<void>
}
