/** Rows and requests to test with. Every id is new, so that suites can share a database. */
import { randomUUID } from 'node:crypto'
import type { Candidate, Job, NewAttempt, NewJob, StoredFile } from '../../contracts.ts'

export const IN_TEN_MINUTES_MS = 600_000

export function newJob(userId: string, change: Partial<NewJob> = {}): NewJob {
  return {
    id: randomUUID(),
    userId,
    model: 'conformance-image',
    kind: 'image',
    input: { prompt: 'a red fox in snow', size: 'portrait', count: 1, seed: '90071992547409931234' },
    price: 500,
    count: 1,
    idempotencyKey: null,
    requestHash: randomUUID(),
    requestId: null,
    queueUntil: Date.now() + IN_TEN_MINUTES_MS,
    ...change,
  }
}

export function newAttempt(change: Partial<NewAttempt> = {}): NewAttempt {
  const account = randomUUID()
  return {
    id: randomUUID(),
    number: 1,
    provider: 'conformance',
    endpoint: 'conformance/image',
    token: account,
    account,
    lane: 'image',
    ...change,
  }
}

/** A token of a provider account of its own. */
export function newCandidate(change: Partial<Candidate> = {}): Candidate {
  const account = randomUUID()
  return { provider: 'conformance', endpoint: 'conformance/image', token: account, account, maxOpen: null, ...change }
}

export function newFile(job: Pick<Job, 'id'>, index = 0, change: Partial<StoredFile> = {}): StoredFile {
  return {
    key: `${job.id}/${randomUUID()}/${index}`,
    contentType: 'image/png',
    bytes: 70_000 + index,
    width: 832,
    height: 1216,
    durationSeconds: null,
    hash: randomUUID().replaceAll('-', '').repeat(2),
    ...change,
  }
}

/** An address nobody else uses. */
export function newAddress(): string {
  const groups = randomUUID().replaceAll('-', '').match(/.{4}/g) ?? []
  return groups.join(':')
}
