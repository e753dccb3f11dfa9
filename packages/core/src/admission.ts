/** From a request to an admitted job: validated, priced, hashed, limited, charged; or refused, and then nothing is kept. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { Admission, Admitted, NewJob } from './contracts.ts'
import { SafelightError, type ErrorDetails, type LimitState } from './errors.ts'
import { checkInputImages } from './input-files.ts'
import { choose, parseInput } from './input.ts'
import { advance, charge } from './lifecycle.ts'
import { priceOf, type Model } from './models.ts'
import type { Parts } from './parts.ts'
import { limitsOf } from './settings.ts'

const QUEUE_SECONDS = 600
const KEY_MAX_CHARACTERS = 200
/** One account is one row: more connections on it make it slower, not faster. */
const ADMISSIONS_PER_USER = 4

export interface Request {
  model: string
  input: unknown
  userId: string
  idempotencyKey: string | null
  ip: string | null
  requestId: string | null
}

type Refusal = Exclude<Admitted, { outcome: 'admitted' | 'replayed' }>
type Accepted = Extract<Admitted, { outcome: 'admitted' | 'replayed' }>

/** Admissions of one process, a few at a time for each user. Throws every request code of the error table. */
export function createAdmission(parts: Parts): (request: Request) => Promise<Accepted> {
  const queues = new Map<string, LimitFunction>()
  return async request => {
    const model = parts.registry.model(request.model)
    if (model.lifecycle?.status === 'disabled') throw refusalError({ outcome: 'model_disabled' }, model, 0)
    const job = await newJob(parts, model, request)
    const hasCapacity = parts.registry.makes(model, job.input)
    const queue = queues.get(request.userId) ?? pLimit(ADMISSIONS_PER_USER)
    queues.set(request.userId, queue)
    try {
      const admitted = await queue(() => parts.admit({ job, ip: request.ip, hasCapacity }))
      if (admitted.outcome === 'admitted' || admitted.outcome === 'replayed') return admitted
      if (admitted.outcome === 'no_capacity' && !hasCapacity) throw notMade(parts, model, job, admitted.limits)
      throw refusalError(admitted as Refusal, model, job.price)
    } finally {
      if (queue.activeCount + queue.pendingCount === 0) queues.delete(request.userId)
    }
  }
}

async function newJob(parts: Parts, model: Model, request: Request): Promise<NewJob> {
  const { userId, idempotencyKey, requestId } = request
  if (idempotencyKey !== null && !isKey(idempotencyKey)) {
    const message = 'must be 1 to 200 characters of well-formed text'
    throw new SafelightError('invalid_input', `idempotencyKey ${message}.`, {
      fields: [{ path: 'idempotencyKey', message }],
    })
  }
  const parsed = parseInput(model, request.input)
  // Hashed before a seed is drawn and what is left open is chosen: the same request again must hash the same.
  // Without a key no other request can be the same, and hashing costs as much as an HTTP request.
  const requestHash = idempotencyKey === null ? '' : await hashOf({ model: model.id, ...parsed })
  if (parsed.images) await checkImages(parts, request, parsed.images)
  const chosen = choose(model, request.input, parsed, input => parts.registry.makes(model, input))
  const input = { ...chosen, seed: parsed.seed ?? drawSeed() }
  const { count } = input
  return {
    id: parts.newId(),
    userId,
    model: model.id,
    kind: model.kind,
    input,
    price: priceOf(model, input) * count,
    count,
    idempotencyKey,
    requestHash,
    requestId,
    queueUntil: parts.now() + (model.queueSeconds ?? QUEUE_SECONDS) * 1000,
  }
}

/** A replay is answered even where an input image has been deleted since. */
async function checkImages(
  parts: Parts,
  { userId, idempotencyKey }: Request,
  images: readonly string[],
): Promise<void> {
  const first = idempotencyKey === null ? null : await parts.jobs.findByKey(userId, idempotencyKey)
  if (!first) await checkInputImages(parts, userId, images)
}

/** The same order of refusal as the fused call, one port after the other. */
export async function admitSeparately(parts: Parts, { job, ip, hasCapacity }: Admission): Promise<Admitted> {
  const { userId, idempotencyKey, requestHash, price } = job
  const first = idempotencyKey === null ? null : await parts.jobs.findByKey(userId, idempotencyKey)
  const balance = () => parts.ledger.balance(userId)
  const settings = await parts.settings.read()
  const callerLimits = limitsOf(settings, { userId, ip })
  if (first?.requestHash === requestHash) {
    return { outcome: 'replayed', job: first, balance: await balance(), limits: await parts.limiter.peek(callerLimits) }
  }
  const { allowed, retryAfterSeconds, limits } = await parts.limiter.take(callerLimits)
  const has = await balance()
  if (!allowed) return { ...refusal('rate_limited', has, limits), retryAfterSeconds }
  if (first) return refusal('idempotency_conflict', has, limits)
  if (!settings.appEnabled) return refusal('closed', has, limits)
  if (settings.disabledModels.includes(job.model)) return refusal('model_disabled', has, limits)
  if (!hasCapacity) return refusal('no_capacity', has, limits)
  if (has < price) return refusal('insufficient_credits', has, limits)
  const created = await parts.jobs.create(job)
  if (created.outcome === 'conflict') return refusal('idempotency_conflict', has, limits)
  if (created.outcome === 'replayed') return { outcome: 'replayed', job: created.job, balance: has, limits }
  const charged = await charge(parts, created.job)
  if (charged?.state === 'refunding') {
    await advance(parts, charged, { early: true })
    return refusal('insufficient_credits', await balance(), limits)
  }
  return { outcome: 'admitted', job: charged ?? created.job, balance: await balance(), limits }
}

function refusal(outcome: Refusal['outcome'], balance: number, limits: LimitState[]): Refusal {
  return { outcome, balance, limits, retryAfterSeconds: 0 }
}

function refusalError(
  { outcome, balance = 0, retryAfterSeconds, limits = [] }: Pick<Refusal, 'outcome'> & Partial<Refusal>,
  model: Model,
  price: number,
): SafelightError {
  const details: ErrorDetails = { limits, ...(retryAfterSeconds ? { retryAfterSeconds } : {}) }
  switch (outcome) {
    case 'idempotency_conflict':
      return new SafelightError(outcome, 'This Idempotency-Key was used for another request; use a new one.', details)
    case 'rate_limited': {
      const full = limits
        .filter(({ remaining }) => remaining === 0)
        .map(({ max, windowSeconds }) => `${max} in ${windowSeconds} s`)
      const message = `Only ${full.join(' and ')} are allowed; try again in ${retryAfterSeconds ?? 1} s.`
      return new SafelightError(outcome, message, details)
    }
    case 'closed':
      return new SafelightError(outcome, 'Generation is switched off for the moment.', details)
    case 'model_disabled':
      return new SafelightError(outcome, `${model.name} is switched off for the moment; choose another model.`, details)
    case 'no_capacity':
      return new SafelightError(outcome, `No provider can make ${model.name} now; try again later.`, details)
    case 'insufficient_credits':
    case 'no_account': {
      const message = `This costs ${price} credits and the balance is ${balance}.`
      return new SafelightError('insufficient_credits', message, { ...details, balance, price })
    }
  }
}

/** Nobody at hand makes it: said with the lengths that somebody does make, where the length is what is in the way. */
function notMade({ registry }: Parts, model: Model, { input }: NewJob, limits: LimitState[]): SafelightError {
  const made = (model.durations ?? []).filter(duration => registry.makes(model, { ...input, duration }))
  if (made.length === 0) return refusalError({ outcome: 'no_capacity', limits }, model, 0)
  const message = `No provider here makes ${model.name} in ${input.duration} s; it can be had in ${made.join(', ')} s.`
  return new SafelightError('no_capacity', message, { limits })
}

async function hashOf(request: object): Promise<string> {
  const entries = Object.entries(request).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(entries)))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}

function isKey(key: string): boolean {
  return key.length >= 1 && key.length <= KEY_MAX_CHARACTERS && !key.includes('\0') && key.isWellFormed()
}

function drawSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1)
}
