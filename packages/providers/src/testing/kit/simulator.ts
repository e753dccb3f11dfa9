/**
 * What a provider simulator is made of. A simulator answers HTTP requests as its vendor does, keeps books of what it
 * accepted and would bill, and misbehaves on demand. It knows nothing of safelight: official clients run against it.
 */
import type { Books } from './books.ts'
import type { SampleKind } from './sample-media.ts'

/** What a request wants, for scripts that misbehave only there. */
export type Action = 'submit' | 'look' | 'stream' | 'result' | 'cancel' | 'upload' | 'media' | 'account' | 'other'

/** One vendor. Stateless: everything that is remembered is in the `Desk` it is given. */
export interface Simulator {
  /** As in `fal`. */
  readonly provider: string
  /**
   * The vendor's origins, by the name of the environment variable that replaces each, as in
   * `{ FAL_BASE_URL: 'https://queue.fal.run' }`. Origins that no variable replaces (a CDN) have a name of their own in lower
   * case.
   */
  readonly origins: Readonly<Record<string, string>>
  /** Origins that the API itself leads to without its key: they stay somebody else's address, whoever serves them. */
  readonly apart?: readonly string[]
  /** What the request wants; the path has the origin's name in front of it, see `Exchange`. */
  actionOf(exchange: Exchange): Action
  /** Answers it. `desk` remembers. */
  answer(exchange: Exchange, desk: Desk): Promise<Response>
  /** The signed delivery for a job that has settled, where the vendor calls back. The kit posts it. */
  delivery?(job: SimulatedJob, desk: Desk): Promise<{ headers: Record<string, string>; body: string }>
  /** Ways in which this vendor fails, each with the section of its sheet; the names work in scripts and prompts. */
  readonly scenarios: readonly Scenario[]
}

/** A request as it came in, over a socket or through msw. */
export interface Exchange {
  /** Which of the simulator's origins it was sent to, by name. */
  origin: string
  method: string
  /** Behind the origin, without the query. */
  path: string
  query: URLSearchParams
  headers: Headers
  body: Uint8Array
  /** `body` as JSON; undefined where it is none. */
  json: unknown
}

/** How one job goes. Everything has a default: it is accepted and succeeds after `seconds`. */
export interface Plan {
  /** From acceptance to the end; the desk's `seconds` where absent. */
  seconds?: number
  /** Of these, in the queue; a quarter where absent. */
  queueSeconds?: number
  /** The vendor's own way to fail, by the name of a `Scenario`. */
  scenario?: string
  outputs?: OutputPlan
  /** How its delivery comes: once where absent. `forged` has another body than was signed, `late` comes 600 s old. */
  webhook?: 'once' | 'none' | 'twice' | 'forged' | 'late'
}

/** What comes out: a small real file of the right type, unless something is said here. */
export interface OutputPlan {
  /** Each output by itself; as many as were asked for where absent. */
  kinds?: readonly ('good' | 'flagged' | 'broken' | 'empty' | 'truncated' | 'expired' | 'html' | 'missing')[]
  /** Says one content type and sends another file. */
  contentType?: string
  /** Pads the file to this size, streamed. */
  bytes?: number
}

/** One row of a vendor's sheet. */
export interface Scenario {
  /** As in `content_policy`, `balance_exhausted`. */
  name: string
  /** As in `fal.md §4`. */
  sheet: string
  /** What a client may conclude, for the table-driven suites. */
  expect: {
    /** Where it shows. */
    at: 'submit' | 'look' | 'result' | 'media'
    /** A failure kind of `@safelight/core`, or `success` where it must be survived. */
    kind: string
    paid: 'no' | 'yes' | 'unknown'
  }
}

/** A job in a simulator's memory. Vendors keep their own fields in `details`. */
export interface SimulatedJob {
  id: string
  provider: string
  /** The vendor's id of the model. */
  endpoint: string
  /** Of the key that submitted it. */
  account: string
  plan: Plan
  input: unknown
  webhook: string | null
  acceptedAt: number
  cancelledAt: number | null
  details: Record<string, unknown>
}

export interface NewSimulatedJob {
  /** A UUID where absent. */
  id?: string
  endpoint: string
  /** The whole key; the books keep its end. */
  key: string
  /** Of `Desk.account`. */
  account: string
  plan: Plan
  input: unknown
  webhook?: string | null
  details?: Record<string, unknown>
}

/** What a simulator remembers and can do. One for each simulator and world. */
export interface Desk {
  readonly books: Books
  now(): number
  /** Where the vendor's origin is in this world: the real one under msw, a local one on a socket. */
  url(origin: string, path: string): string
  /**
   * The account behind a key: a key that was revoked is `revoked`, one that is not on a list of known keys `unknown`. All
   * keys are known unless the script names some.
   */
  account(key: string): SimulatedAccount
  /** Whether the account may submit now; counts it. */
  admit(
    account: string,
    lane: 'image' | 'video',
  ): { status: 'ok' } | { status: 'rate_limited' | 'concurrency'; retryAfterSeconds: number }
  /** The plan of the next submit: what a script queued, or a word in the prompt names, or none. */
  plan(prompt: string): Plan
  /** Writes an accepted job down, and its webhook for later. */
  accept(job: NewSimulatedJob): SimulatedJob
  job(id: string): SimulatedJob | undefined
  /** Where a job is: `position` in the queue, `fraction` while it runs. */
  phase(
    job: SimulatedJob,
  ):
    | { phase: 'queued'; position: number }
    | { phase: 'running'; fraction: number }
    | { phase: 'done' }
    | { phase: 'cancelled' }
  cancel(job: SimulatedJob): 'cancelled' | 'too_late'
  /** Waits until the job is done or cancelled, for answers that hold the line. */
  settled(job: SimulatedJob, atMostSeconds: number): Promise<void>
  /** Names of the files a job made; each is served by `file`. `kind` picks PNG, JPEG, WebP or MP4. */
  outputs(
    job: SimulatedJob,
    count: number,
    kind: SampleKind,
    size?: { width: number; height: number },
  ): readonly SimulatedFile[]
  /** The whole answer to a GET of a file, with `Range`; 404 for none, 410 or 403 where it has expired. */
  file(name: string, exchange: Exchange): Response
  bytesOf(file: SimulatedFile): Uint8Array
  /** The scenario of the job's plan, where it names one that this vendor has. */
  scenario(job: Pick<SimulatedJob, 'plan'>): Scenario | undefined
}

export interface SimulatedAccount {
  status: 'ok' | 'revoked' | 'unknown'
  account: string
  balance: number
  isExhausted: boolean
}

export interface SimulatedFile {
  /** As in `<job>-0.png`: to be put behind the vendor's own media path. */
  name: string
  contentType: string
  width: number
  height: number
  bytes: number
  isFlagged: boolean
}
