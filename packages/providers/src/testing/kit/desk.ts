/** What one simulator remembers: keys and accounts, jobs and plans, files. */
import { randomUUID } from 'node:crypto'
import type { BookEntry, Books } from './books.ts'
import { fileAnswer } from './file-answer.ts'
import { CONTENT_TYPES, sampleFile, sizeOfSample, type SampleKind } from './sample-media.ts'
import type {
  Desk,
  Exchange,
  NewSimulatedJob,
  Plan,
  SimulatedAccount,
  SimulatedFile,
  SimulatedJob,
  Simulator,
} from './simulator.ts'

export interface Limits {
  perMinute?: number
  maxOpen?: number
}

/** A desk, and what scripts may set on it. */
export interface ScriptedDesk extends Desk {
  readonly books: Books
  /** Plans of the next jobs, in this order; then `always`. */
  readonly next: Plan[]
  always: Plan
  readonly revoked: Set<string>
  /** Known keys and their accounts; all keys are known while it is empty. */
  readonly keys: Map<string, string>
  readonly exhausted: Set<string>
  /** By account; `*` for all others. */
  readonly limits: Map<string, Limits>
}

export interface DeskOptions {
  simulator: Simulator
  now: () => number
  seconds: number
  url: Desk['url']
  accepted: (job: SimulatedJob) => void
}

const WINDOW_MS = 60_000
const DEFAULT_SIZE = { width: 64, height: 64 }

export function createDesk({ simulator, now, seconds, url, accepted }: DeskOptions): ScriptedDesk {
  const jobs = new Map<string, SimulatedJob>()
  const books: Books = { jobs: [], requests: [] }
  const made = new Map<string, { job: SimulatedJob; index: number; kind: SampleKind; size: typeof DEFAULT_SIZE }>()
  const submits = new Map<string, number[]>()
  const wakers = new Map<string, Set<() => void>>()

  const secondsOf = (job: SimulatedJob) => job.plan.seconds ?? seconds
  const endOf = (job: SimulatedJob) => job.acceptedAt + secondsOf(job) * 1000
  const queueEndOf = (job: SimulatedJob) => job.acceptedAt + (job.plan.queueSeconds ?? secondsOf(job) / 4) * 1000
  const isOpen = (job: SimulatedJob) => job.cancelledAt === null && now() < endOf(job)

  const desk: ScriptedDesk = {
    books,
    next: [],
    always: {},
    revoked: new Set(),
    keys: new Map(),
    exhausted: new Set(),
    limits: new Map(),
    now,
    url,
    account(key): SimulatedAccount {
      const account = desk.keys.get(key) ?? key
      const isKnown = key !== '' && (desk.keys.size === 0 || desk.keys.has(key))
      const status = desk.revoked.has(key) ? 'revoked' : isKnown ? 'ok' : 'unknown'
      const isExhausted = desk.exhausted.has(account)
      return { status, account, isExhausted, balance: isExhausted ? 0 : 25 }
    },
    admit(account, lane) {
      const { perMinute = Infinity, maxOpen = Infinity } = desk.limits.get(account) ?? desk.limits.get('*') ?? {}
      const key = `${account} ${lane}`
      const recent = (submits.get(key) ?? []).filter(at => at > now() - WINDOW_MS)
      const open = [...jobs.values()].filter(job => job.account === account && isOpen(job)).length
      if (open >= maxOpen) return { status: 'concurrency', retryAfterSeconds: 1 }
      if (recent.length >= perMinute) {
        return { status: 'rate_limited', retryAfterSeconds: Math.ceil((recent[0]! + WINDOW_MS - now()) / 1000) }
      }
      submits.set(key, [...recent, now()])
      return { status: 'ok' }
    },
    plan: prompt => desk.next.shift() ?? { ...desk.always, ...planOf(prompt) },
    accept(wanted) {
      const job = newJob(wanted, simulator.provider, now())
      jobs.set(job.id, job)
      books.jobs.push(entryOf(job, wanted.key, desk))
      accepted(job)
      return job
    },
    job: id => jobs.get(id),
    scenario: ({ plan }) => simulator.scenarios.find(({ name }) => name === plan.scenario),
    phase(job) {
      if (job.cancelledAt !== null) return { phase: 'cancelled' }
      if (now() >= endOf(job)) return { phase: 'done' }
      const started = queueEndOf(job)
      if (now() < started) {
        const ahead = [...jobs.values()].filter(other => other.acceptedAt < job.acceptedAt && now() < queueEndOf(other))
        return { phase: 'queued', position: ahead.filter(isOpen).length }
      }
      return { phase: 'running', fraction: (now() - started) / Math.max(1, endOf(job) - started) }
    },
    cancel(job) {
      if (!isOpen(job)) return 'too_late'
      job.cancelledAt = now()
      for (const wake of wakers.get(job.id) ?? []) wake()
      return 'cancelled'
    },
    async settled(job, atMostSeconds) {
      const until = now() + atMostSeconds * 1000
      while (isOpen(job) && now() < until) {
        const wait = Math.max(1, Math.min(50, endOf(job) - now(), until - now()))
        await pause(wait, wakersOf(wakers, job.id))
      }
    },
    outputs(job, count, kind, size = DEFAULT_SIZE) {
      const wanted = job.plan.outputs?.kinds?.length ?? count
      return Array.from({ length: wanted }, (_, index): SimulatedFile => {
        const name = `${job.id}-${index}.${kind === 'jpeg' ? 'jpg' : kind}`
        made.set(name, { job, index, kind, size })
        const contentType = job.plan.outputs?.contentType ?? CONTENT_TYPES[kind]
        const isFlagged = job.plan.outputs?.kinds?.[index] === 'flagged'
        const bytes = job.plan.outputs?.bytes ?? sampleFile(kind, size, index).length
        return { name, contentType, isFlagged, bytes, ...sizeOfSample(kind, size) }
      })
    },
    bytesOf(file) {
      const known = made.get(file.name)
      if (!known) throw new Error(`No job made ${file.name}`)
      return sampleFile(known.kind, known.size, shadeOf(known.job.id, known.index))
    },
    file(name, exchange: Exchange) {
      const known = made.get(name)
      if (!known) return new Response('Not found', { status: 404 })
      const { job, index, kind, size } = known
      const outputKind = job.plan.outputs?.kinds?.[index] ?? 'good'
      return fileAnswer(exchange, {
        outputKind,
        bytes: sampleFile(kind, size, shadeOf(job.id, index)),
        contentType: job.plan.outputs?.contentType ?? CONTENT_TYPES[kind],
        totalBytes: job.plan.outputs?.bytes,
        isClip: kind === 'mp4',
      })
    },
  }
  return desk
}

function newJob(wanted: NewSimulatedJob, provider: string, acceptedAt: number): SimulatedJob {
  const { id = randomUUID(), endpoint, account, plan, input, webhook = null, details = {} } = wanted
  return { id, provider, endpoint, account, plan, input, webhook, acceptedAt, cancelledAt: null, details }
}

/** Looks at the job whenever somebody reads the books. */
function entryOf(job: SimulatedJob, key: string, desk: ScriptedDesk): BookEntry {
  return {
    provider: job.provider,
    id: job.id,
    endpoint: job.endpoint,
    account: job.account,
    keyEnd: key.slice(-4),
    acceptedAt: job.acceptedAt,
    get cancelledAt() {
      return job.cancelledAt
    },
    get outcome() {
      const { phase } = desk.phase(job)
      if (phase === 'cancelled') return 'cancelled'
      if (phase !== 'done') return 'open'
      const scenario = desk.scenario(job)
      return scenario && scenario.expect.kind !== 'success' ? 'failed' : 'succeeded'
    },
    get paid() {
      if (desk.phase(job).phase === 'cancelled') return false
      return desk.scenario(job)?.expect.paid !== 'no'
    },
  }
}

function shadeOf(id: string, index: number): number {
  return ([...id].reduce((sum, character) => sum + character.charCodeAt(0), 0) + index * 7) % 256
}

/** `#sim:content_policy`, `#sim:seconds=3`, `#sim:outputs=good,flagged`, `#sim:bytes=300000000`. */
export function planOf(prompt: string): Plan {
  const plan: Plan = {}
  for (const [, word = '', value] of prompt.matchAll(/#sim:([a-z_0-9]+)(?:=([\w.,]+))?/g)) {
    if (word === 'seconds') plan.seconds = Number(value)
    else if (word === 'webhook') plan.webhook = value as NonNullable<Plan['webhook']>
    else if (word === 'outputs') plan.outputs = { ...plan.outputs, kinds: (value ?? '').split(',') as never }
    else if (word === 'bytes') plan.outputs = { ...plan.outputs, bytes: Number(value) }
    else plan.scenario = word
  }
  return plan
}

function wakersOf(wakers: Map<string, Set<() => void>>, id: string): Set<() => void> {
  const known = wakers.get(id) ?? new Set()
  wakers.set(id, known)
  return known
}

function pause(milliseconds: number, wakers: Set<() => void>): Promise<void> {
  return new Promise(resolve => {
    const wake = () => {
      clearTimeout(timer)
      wakers.delete(wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    wakers.add(wake)
  })
}
