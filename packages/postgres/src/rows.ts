/** From the rows that SQL functions answer to the shapes of the contracts. Instants come as text and leave as milliseconds. */
import type { Attempt, Instant, Job, LedgerEntry, LimitState, MediaRecord } from '@safelight/core'

type Timestamp = string

export interface JobRow {
  id: string
  user_id: string
  model: string
  kind: Job['kind']
  input: Job['input']
  price: number
  count: number
  idempotency_key: string | null
  request_hash: string
  request_id: string | null
  state: Job['state']
  version: number
  revision: number
  attempt: Job['attempt']
  operation: Job['operation']
  outputs: Job['outputs']
  media: Job['media']
  progress: Job['progress']
  failure: Job['failure']
  ending: Job['ending']
  refunded_credits: number
  troubles: Job['troubles']
  created_at: Timestamp
  queue_until: Timestamp
  run_until: Timestamp | null
  wake_at: Timestamp
  finished_at: Timestamp | null
}

export function toJob(row: JobRow): Job {
  const { id, model, kind, input, price, count, state, version, revision } = row
  const { attempt, operation, outputs, media, progress, failure, ending, troubles } = row
  return {
    id,
    userId: row.user_id,
    model,
    kind,
    input,
    price,
    count,
    idempotencyKey: row.idempotency_key,
    requestHash: row.request_hash,
    requestId: row.request_id,
    state,
    version,
    revision,
    attempt,
    operation,
    outputs,
    media,
    progress,
    failure,
    ending,
    refundedCredits: row.refunded_credits,
    troubles,
    createdAt: Date.parse(row.created_at),
    queueUntil: Date.parse(row.queue_until),
    runUntil: instant(row.run_until),
    wakeAt: Date.parse(row.wake_at),
    finishedAt: instant(row.finished_at),
  }
}

export interface AttemptRow {
  id: string
  job_id: string
  number: number
  provider: string
  endpoint: string
  token: string
  outcome: Attempt['outcome']
  operation: Attempt['operation']
  refusal: Attempt['refusal']
  started_at: Timestamp
  accepted_at: Timestamp | null
  cancel_asked_at: Timestamp | null
}

export function toAttempt(row: AttemptRow): Attempt {
  const { id, number, provider, endpoint, token, outcome, operation, refusal } = row
  return {
    id,
    jobId: row.job_id,
    number,
    provider,
    endpoint,
    token,
    outcome,
    operation,
    refusal,
    startedAt: Date.parse(row.started_at),
    acceptedAt: instant(row.accepted_at),
    cancelAskedAt: instant(row.cancel_asked_at),
  }
}

export interface MediaRow {
  id: string
  kind: MediaRecord['kind']
  user_id: string
  job_id: string | null
  index: number
  storage_key: string
  content_type: string
  bytes: number
  width: number | null
  height: number | null
  duration: number | null
  hash: string
  placeholder: string | null
  saved: boolean
  starred: boolean
  expires_at: Timestamp | null
  archived_at: Timestamp | null
  deleted_at: Timestamp | null
  created_at: Timestamp
}

export function toMediaRecord(row: MediaRow): MediaRecord {
  const { id, kind, index, bytes, width, height, hash, placeholder, saved, starred } = row
  return {
    id,
    kind,
    userId: row.user_id,
    jobId: row.job_id,
    index,
    key: row.storage_key,
    contentType: row.content_type,
    bytes,
    width,
    height,
    durationSeconds: row.duration,
    hash,
    placeholder,
    saved,
    starred,
    expiresAt: instant(row.expires_at),
    archivedAt: instant(row.archived_at),
    deletedAt: instant(row.deleted_at),
    createdAt: Date.parse(row.created_at),
  }
}

export interface LedgerRow {
  user_id: string
  seq: number
  kind: LedgerEntry['kind']
  delta: number
  balance_after: number
  job_id: string | null
  description: string
  created_at: Timestamp
}

export function toLedgerEntry(row: LedgerRow): LedgerEntry {
  const { kind, delta, description } = row
  return {
    id: `${row.user_id}:${row.seq}`,
    kind,
    delta,
    balanceAfter: row.balance_after,
    description,
    jobId: row.job_id,
    createdAt: Date.parse(row.created_at),
  }
}

export interface LimitRow {
  name: string
  max: number
  window_seconds: number
  remaining: number
  resets_in_ms: number
}

export function toLimitState(row: LimitRow): LimitState {
  const { name, max, remaining } = row
  return { name, max, windowSeconds: row.window_seconds, remaining, resetsInSeconds: wholeSeconds(row.resets_in_ms) }
}

/** Rounded up: whoever waits this long does not come too early. */
export function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}

function instant(timestamp: Timestamp | null): Instant | null {
  return timestamp === null ? null : Date.parse(timestamp)
}
