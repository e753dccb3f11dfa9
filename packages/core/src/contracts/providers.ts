/** The transport to one vendor, and everything it may answer. */
import type { JobProgress, Paid } from './jobs.ts'
import type { Lane } from './models.ts'
import type { Token } from './tokens.ts'
import type { Instant, Json } from './values.ts'

/** A file a provider made. `url` expires, or is a `data:` address with the bytes; `key` names a file of our store. */
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

/** A call about a token, and about no attempt. */
export interface TokenCall {
  token: Token
  fetch: typeof globalThis.fetch
  signal: AbortSignal
}
/** What a provider says about a key when it is asked for nothing else; costs nothing. */
export type KeyCheck =
  | { status: 'accepted'; balance?: { amount: number; unit: 'USD' | 'credits' } }
  | { status: 'refused'; kind: 'auth' | 'permission' | 'credits_exhausted' }

/** A request to us that says it comes from the provider, as it came in. */
export interface WebhookCall extends ProviderCall {
  /** Where the attempt was handed over to. */
  endpoint: string
  body: Uint8Array
  headers: Headers
  now: Instant
}
/**
 * `verified`: the provider signed it. `unsigned`: it never signs, so only the address speaks for it, and nothing in it is
 * believed. `forged`: the signature is missing, wrong or too old. `deliveryId` is the same when it is delivered again.
 * `operation` names the work at the provider, where the delivery says it.
 */
export type WebhookNews =
  | { status: 'verified'; deliveryId: string; operation?: Json }
  | { status: 'unsigned'; deliveryId: string }
  | { status: 'forged' }

/** What a provider account may do before anything is learned about it. */
export interface StartingLimits {
  /** Submits in any 60 seconds. */
  perMinute?: number
  /** Open attempts at once. */
  maxOpen?: number
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
  /** Looks of one job come no closer together than this. */
  readonly lookSecondsMin?: number
  readonly limits?: Readonly<Partial<Record<Lane, StartingLimits>>>
  submit(call: SubmitCall): Promise<Submitted>
  look(call: LookCall): Promise<Progress>
  /**
   * A look that holds the line: tells interim news as they come and answers with the last word, in one go. It throws when
   * the line is cut or the signal fires, which says nothing about the job: it is then looked at as usual.
   */
  follow?(call: LookCall & { tell(news: Extract<Progress, { status: 'running' }>): void }): Promise<Progress>
  /** Only for `recovery: 'lookup'`: was this attempt accepted? */
  lookup?(call: ProviderCall & { endpoint: string }): Promise<Submitted | { status: 'absent' }>
  /** Best effort; says nothing about money. */
  cancel?(call: LookCall): Promise<void>
  /** Opens an output that plain HTTP cannot fetch, or that needs the token. */
  download?(call: ProviderCall & { output: Output }): Promise<ReadableStream<Uint8Array>>
  /** Reads a delivery: raw bytes, verified before anything in them is used. */
  webhook?(call: WebhookCall): Promise<WebhookNews>
  /** Is this key good, and what is left on its account? */
  check?(call: TokenCall): Promise<KeyCheck>
}

/** How this process reaches the outside. */
export interface Transport {
  /** For a provider's API: its own connections, with its token. */
  api(provider: string): typeof globalThis.fetch
  /** For addresses that came out of an answer: nothing private is reached, and no key goes along. */
  readonly outputs: typeof globalThis.fetch
  close(): Promise<void>
}
