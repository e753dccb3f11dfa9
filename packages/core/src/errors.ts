/**
 * Every way this library can fail, in one table.
 *
 * The HTTP layer answers with `status`, callers branch on `code`, and `retryable` says whether the same request may
 * succeed later without being changed. What can go wrong with an admitted job is the second, smaller table below.
 */
export const ERRORS = {
  invalid_input: { status: 400, retryable: false, title: 'The request does not fit' },
  unauthenticated: { status: 401, retryable: false, title: 'Sign in first' },
  bad_signature: { status: 401, retryable: false, title: 'The signature does not match' },
  insufficient_credits: { status: 402, retryable: false, title: 'Not enough credits' },
  cross_origin: { status: 403, retryable: false, title: 'The request came from another site' },
  not_found: { status: 404, retryable: false, title: 'Not found' },
  unknown_model: { status: 404, retryable: false, title: 'There is no such model' },
  idempotency_conflict: { status: 409, retryable: false, title: 'The key was used for another request' },
  already_finished: { status: 409, retryable: false, title: 'The job has finished' },
  cancel_limit: { status: 409, retryable: true, title: 'No free cancels left today' },
  gone: { status: 410, retryable: false, title: 'The file is no longer kept' },
  too_large: { status: 413, retryable: false, title: 'Too large' },
  unsupported_media: { status: 415, retryable: false, title: 'This kind of content is not accepted' },
  rate_limited: { status: 429, retryable: true, title: 'Too many requests' },
  internal: { status: 500, retryable: true, title: 'Something went wrong on our side' },
  closed: { status: 503, retryable: true, title: 'Generation is switched off' },
  model_disabled: { status: 503, retryable: true, title: 'This model is switched off' },
  no_capacity: { status: 503, retryable: true, title: 'Nobody can take this job now' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>

export type ErrorCode = keyof typeof ERRORS

/** Why an admitted job ended without a result. Its credits are back by the time anyone sees one of these. */
export const FAILURES = {
  refused: 'No provider accepted the job.',
  provider_failed: 'The provider could not finish the job.',
  content_policy: 'The provider declined this content.',
  timed_out: 'The job took longer than its model allows.',
  submit_unknown: 'The connection broke while the job was handed over, and nobody can say what became of it.',
  no_capacity: 'No provider had room for the job in time.',
  no_output: 'The provider finished without a usable result.',
  storage_failed: 'The result could not be copied before it expired.',
} as const

export type FailureCode = keyof typeof FAILURES

/** One field of a request that does not fit: `path` as in `input.size`, `message` as a sentence. */
export interface FieldProblem {
  path: string
  message: string
}

/** What an error carries beside its code; each field belongs to the codes named behind it. */
export interface ErrorDetails {
  /** invalid_input */
  fields?: FieldProblem[]
  /** rate_limited, closed, no_capacity */
  retryAfterSeconds?: number
  /** insufficient_credits */
  balance?: number
  /** insufficient_credits */
  price?: number
  /** the state of every limit that was looked at (rate_limited, and refusals after the limits) */
  limits?: LimitState[]
  /** the job the error speaks of */
  jobId?: string
}

/** Where a caller stands with one limit. */
export interface LimitState {
  name: string
  max: number
  windowSeconds: number
  remaining: number
  resetsInSeconds: number
}

const brand = Symbol.for('safelight.error')

/** The one error class. `SafelightError.is` works across two installed copies, where `instanceof` does not. */
export class SafelightError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'SafelightError'
  readonly [brand] = true
  readonly code: Code
  readonly details: Readonly<ErrorDetails>

  constructor(code: Code, message: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.details = details
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  toJSON(): { code: Code; message: string; retryable: boolean; details: ErrorDetails } {
    return { code: this.code, message: this.message, retryable: this.retryable, details: this.details }
  }

  static is<Code extends ErrorCode = ErrorCode>(error: unknown, code?: Code): error is SafelightError<Code> {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false
    return code === undefined || (error as SafelightError).code === code
  }
}

/** Thrown by `generate()` and `result()` when the job ended without a result; the credits are already back. */
const jobBrand = Symbol.for('safelight.job-failed')

export class JobFailed extends Error {
  override readonly name = 'JobFailed'
  readonly [jobBrand] = true
  readonly code: FailureCode | 'canceled'
  readonly jobId: string
  readonly refundedCredits: number
  /** Whether money was spent at the provider. */
  readonly paid: 'no' | 'yes' | 'unknown'

  constructor(
    code: FailureCode | 'canceled',
    message: string,
    about: { jobId: string; refundedCredits: number; paid: 'no' | 'yes' | 'unknown' },
  ) {
    super(message)
    this.code = code
    this.jobId = about.jobId
    this.refundedCredits = about.refundedCredits
    this.paid = about.paid
  }

  static is(error: unknown): error is JobFailed {
    return typeof error === 'object' && error !== null && jobBrand in error
  }
}
