/** What the clients of the chaos run do: every operation follows from its number alone, so that any may be done again. */
import type { Database, NewJob } from '@safelight/core'
import { createHash } from 'node:crypto'

export const KINDS = ['charge', 'refund', 'grant', 'admit', 'fail', 'deliver', 'limit'] as const
export type Kind = (typeof KINDS)[number]

/** One line of a client's log: what it began, and what the database answered; a client that dies leaves the first alone. */
export interface Entry {
  kind: Kind
  number: number
  /** Null while nobody knows. */
  outcome: string | null
}

export const USERS = 40
export const OPENING_BALANCE = 20_000
const JOB_PRICE = 600
const JOB_COUNT = 3

/** A UUID that follows from a name. */
export function idOf(name: string): string {
  const digits = createHash('sha256').update(name).digest('hex')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}

export const userOf = (number: number): string => idOf(`user ${number % USERS}`)
export const amountOf = (number: number): number => [1, 50, 400, 900][number % 4]!
export const referenceOf = (number: number): string => idOf(`reference ${number}`)
export const grantKeyOf = (number: number): string => `chaos:${number}`
export const jobIdOf = (number: number): string => idOf(`job ${number}`)

function jobOf(number: number): NewJob {
  return {
    id: jobIdOf(number),
    userId: userOf(number),
    model: 'chaos',
    kind: 'image',
    input: { prompt: 'chaos', size: 'square', count: JOB_COUNT, seed: '1' },
    price: JOB_PRICE,
    count: JOB_COUNT,
    idempotencyKey: `key ${number}`,
    requestHash: `hash ${number}`,
    requestId: null,
    queueUntil: Date.now() + 600_000,
  }
}

/** Does it, and answers in one word; throws where the database or the way there fails. */
export async function perform(database: Required<Database>, kind: Kind, number: number): Promise<string> {
  const userId = userOf(number)
  switch (kind) {
    case 'charge': {
      const charge = { userId, amount: amountOf(number), reference: referenceOf(number), description: 'Chaos' }
      return (await database.ledger.charge({ ...charge, kind: 'image' })).outcome
    }
    case 'refund':
      return (await database.ledger.refund({ reference: referenceOf(number), reason: 'Chaos' })).outcome
    case 'grant': {
      const grant = { userId, amount: amountOf(number), key: grantKeyOf(number), description: 'Chaos' }
      return (await database.ledger.grant(grant)).outcome
    }
    case 'admit':
      return (await database.admit({ job: jobOf(number), ip: null, hasCapacity: true })).outcome
    case 'fail':
    case 'deliver':
      return end(database, kind, number)
    case 'limit': {
      const limit = { key: `chaos:${userId}`, name: 'chaos', max: 50, windowSeconds: 1 }
      return (await database.limiter.take([limit])).allowed ? 'taken' : 'full'
    }
  }
}

/** Fails a job, or delivers two of three; whatever others have made of it meanwhile counts. */
async function end(database: Required<Database>, kind: 'fail' | 'deliver', number: number): Promise<string> {
  const job = await database.jobs.find(jobIdOf(number))
  if (!job) return 'no job'
  const to = kind === 'fail' ? 'refunding' : 'storing'
  const ending = kind === 'fail' ? 'failed' : 'succeeded'
  const patch = kind === 'fail' ? ({ ending: 'failed' } as const) : {}
  const moved = job.state === 'charged' ? await database.jobs.move(job, to, patch) : job
  if (!moved) return 'lost'
  if (moved.state !== to) return moved.state
  const files = kind === 'fail' ? [] : [0, 2].map(index => fileOf(number, index))
  const settled = await database.settle({ job: moved, ending, files, reason: 'Chaos' })
  return settled?.state ?? 'lost'
}

function fileOf(number: number, index: number) {
  const key = `${jobIdOf(number)}/a/${index}`
  const size = { width: 1, height: 1, durationSeconds: null }
  const file = { key, contentType: 'image/png', bytes: 70, hash: idOf(key), ...size } as const
  return { id: idOf(`file ${number} ${index}`), index, file }
}
