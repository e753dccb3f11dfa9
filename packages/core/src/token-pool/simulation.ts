/**
 * The real pool under a virtual clock, against accounts whose limits it has to find out. Everything is drawn from a seed,
 * so a run is the same wherever it runs.
 */
import { memoryTokens } from '../memory/tokens.ts'
import type { Candidate, Instant, TokenEvent } from '../contracts.ts'

/** How a provider counts: submits in the last minute, in the minutes of its clock, or a bucket that fills evenly. */
export type Counting = 'sliding' | 'fixed' | 'bucket'

export interface FakeAccount {
  /** Submits in a minute, at any time. */
  perMinute?: (minute: number) => number
  maxOpen?: (minute: number) => number
  /** How often it fails, whatever the limits. */
  failing?: (minute: number) => number
  /** From then on its key is refused. */
  deadFromMinute?: number
}

export interface Scenario {
  seed: number
  accounts: readonly FakeAccount[]
  /** Of what the accounts allow together, on average. */
  load: number
  counting: Counting
  retryAfter: boolean
  /** A refused submit takes from the limit as well. */
  countsRefusals?: boolean
  /** The pool is told the limits of the first minute. */
  configured?: boolean
  jobSeconds?: number
  minutes: number
  /** Not counted. */
  warmUpMinutes: number
}

export interface Outcome {
  /** Accepted submits, as a share of what the accounts allowed. */
  goodput: number
  /** Of 1,000 submits. */
  refused: number
  failed: number
  /** Of 1,000 requests those that were given up. */
  lost: number
  waitP99Seconds: number
  /** Submits with each account's key. */
  submits: number[]
  deadSubmits: number
}

const DEADLINE_MS = 60_000
const ATTEMPTS_MAX = 6

export function simulate(scenario: Scenario): Outcome {
  const world = new World(scenario)
  world.run()
  return world.outcome()
}

interface Request {
  arrivedAt: Instant
  attempts: number
}

class World {
  private readonly scenario: Scenario
  private readonly random: () => number
  private readonly agenda = new Agenda()
  private readonly pool: ReturnType<typeof memoryTokens>
  private readonly candidates: Candidate[]
  private readonly gates: Gate[]
  private now = 0
  private attempts = 0
  private readonly waits: number[] = []
  private readonly counts = { submits: 0, accepted: 0, refused: 0, failed: 0, requests: 0, lost: 0, dead: 0 }

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.random = randomOf(scenario.seed)
    this.pool = memoryTokens(() => this.now, () => undefined) // prettier-ignore
    this.gates = scenario.accounts.map(account => new Gate(account, scenario, this.random()))
    this.candidates = scenario.accounts.map(({ perMinute, maxOpen }, index) => ({
      provider: 'p',
      endpoint: 'e',
      token: `key ${index}`,
      account: `account ${index}`,
      maxOpen: scenario.configured ? (maxOpen?.(0) ?? null) : null,
      perMinute: scenario.configured ? (perMinute?.(0) ?? null) : null,
    }))
  }

  run(): void {
    const endsAt = this.scenario.minutes * 60_000
    this.arrive()
    for (let next = this.agenda.take(); next && next.at < endsAt; next = this.agenda.take()) {
      this.now = next.at
      next.act()
    }
  }

  outcome(): Outcome {
    const { submits, accepted, refused, failed, requests, lost, dead } = this.counts
    const { minutes, warmUpMinutes } = this.scenario
    let allowed = 0
    for (let minute = warmUpMinutes; minute < minutes; minute++) allowed += this.allowedIn(minute)
    const waits = this.waits.toSorted((a, b) => a - b)
    return {
      goodput: accepted / allowed,
      refused: (refused / submits) * 1000,
      failed: (failed / submits) * 1000,
      lost: (lost / requests) * 1000,
      waitP99Seconds: (waits[Math.floor(waits.length * 0.99)] ?? 0) / 1000,
      submits: this.gates.map(gate => gate.submits),
      deadSubmits: dead,
    }
  }

  private allowedIn(minute: number): number {
    const { jobSeconds = 3 } = this.scenario
    return this.scenario.accounts.reduce((sum, { perMinute, maxOpen, deadFromMinute = Infinity }) => {
      const allowed = Math.min(perMinute?.(minute) ?? Infinity, ((maxOpen?.(minute) ?? Infinity) * 60) / jobSeconds)
      return minute >= deadFromMinute ? sum : sum + allowed
    }, 0)
  }

  private get counted(): boolean {
    return this.now >= this.scenario.warmUpMinutes * 60_000
  }

  private arrive(): void {
    const perMs = (this.allowedIn(0) * this.scenario.load) / 60_000
    this.agenda.add(this.now - Math.log(1 - this.random()) / perMs, () => {
      if (this.counted) this.counts.requests += 1
      this.attempt({ arrivedAt: this.now, attempts: 0 })
      this.arrive()
    })
  }

  private attempt(request: Request): void {
    const attemptId = `attempt ${this.attempts++}`
    const acquired = this.pool.acquire({ attemptId, jobId: '', model: 'm', lane: 'image', candidates: this.candidates })
    if (acquired.status === 'token') return this.submit(request, attemptId, acquired.candidate)
    const comesAt = acquired.status === 'wait' ? this.now + acquired.waitSeconds * 1000 : Infinity
    if (comesAt > request.arrivedAt + DEADLINE_MS) this.lose()
    else this.agenda.add(comesAt, () => this.attempt(request))
  }

  private submit(request: Request, attemptId: string, { provider, token, account }: Candidate): void {
    const gate = this.gates[this.candidates.findIndex(candidate => candidate.token === token)]!
    const event = { provider, token, account, lane: 'image', model: 'm', attemptId } as const
    const [there, back] = [100 + this.random() * 200, 100 + this.random() * 200]
    if (this.counted) this.counts.submits += 1
    this.agenda.add(this.now + there, () => {
      const refusal = gate.refusal(this.now, this.random())
      const endsAt = this.now + (this.scenario.jobSeconds ?? 3) * (0.5 + this.random()) * 1000
      if (!refusal) gate.open(endsAt)
      this.agenda.add(this.now + back, () => {
        if (refusal) return this.refused({ ...request, attempts: request.attempts + 1 }, event, refusal)
        this.accepted(request, event, endsAt)
      })
    })
  }

  private accepted(request: Request, event: Omit<TokenEvent, 'outcome'>, endsAt: Instant): void {
    this.pool.report({ ...event, outcome: 'accepted' })
    if (this.counted) {
      this.counts.accepted += 1
      this.waits.push(this.now - request.arrivedAt)
    }
    // The pool hears of the end a moment later than the provider.
    this.agenda.add(Math.max(this.now, endsAt + 50), () => this.pool.report({ ...event, outcome: 'ended' }))
  }

  private refused(request: Request, event: Omit<TokenEvent, 'outcome'>, refusal: NonNullable<TokenEvent['refusal']>) {
    this.pool.report({ ...event, outcome: 'refused', refusal })
    if (refusal.kind === 'auth') this.counts.dead += 1
    if (this.counted) this.counts[refusal.kind === 'provider_error' ? 'failed' : 'refused'] += 1
    if (request.attempts >= ATTEMPTS_MAX) this.lose()
    else this.attempt(request)
  }

  private lose(): void {
    if (this.counted) this.counts.lost += 1
  }
}

type GateRules = Pick<Scenario, 'counting' | 'retryAfter' | 'countsRefusals'>

/** What one account lets in. */
export class Gate {
  submits = 0
  private readonly account: FakeAccount
  private readonly scenario: GateRules
  private readonly phaseMs: number
  private hits: Instant[] = []
  private ends: Instant[] = []
  private bucket = { level: 0, at: 0 }

  constructor(account: FakeAccount, scenario: GateRules, phase: number) {
    this.account = account
    this.scenario = scenario
    this.phaseMs = phase * 60_000
  }

  open(endsAt: Instant): void {
    this.ends.push(endsAt)
  }

  refusal(now: Instant, luck: number): TokenEvent['refusal'] {
    const minute = now / 60_000
    this.submits += 1
    if (minute >= (this.account.deadFromMinute ?? Infinity)) return { kind: 'auth', scope: 'token' }
    this.ends = this.ends.filter(endsAt => endsAt > now)
    if (this.ends.length >= (this.account.maxOpen?.(minute) ?? Infinity)) {
      return { kind: 'concurrency', scope: 'account' }
    }
    const waitMs = this.account.perMinute ? this.overMs(this.account.perMinute(minute), now) : 0
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000)
      return { kind: 'rate_limited', scope: 'account', ...(this.scenario.retryAfter && { retryAfterSeconds }) }
    }
    return luck < (this.account.failing?.(minute) ?? 0) ? { kind: 'provider_error', scope: 'provider' } : undefined
  }

  /** Takes from the limit; how long until there is something to take where there is nothing. */
  private overMs(perMinute: number, now: Instant): number {
    if (this.scenario.counting === 'bucket') return this.bucketMs(perMinute, now)
    const since = this.scenario.counting === 'sliding' ? now - 60_000 : now - ((now + this.phaseMs) % 60_000)
    this.hits = this.hits.filter(hit => hit > since)
    const isFull = this.hits.length >= perMinute
    if (!isFull || this.scenario.countsRefusals) this.hits.push(now)
    if (!isFull) return 0
    const free = this.scenario.counting === 'sliding' ? (this.hits.at(-Math.floor(perMinute)) ?? now) : since
    return Math.max(1, free + 60_000 - now)
  }

  /** A tenth of a minute's submits at once. */
  private bucketMs(perMinute: number, now: Instant): number {
    const size = Math.max(1, perMinute / 10)
    const level = Math.min(size, this.bucket.level + ((now - this.bucket.at) * perMinute) / 60_000)
    this.bucket = { level: level >= 1 ? level - 1 : level, at: now }
    return level >= 1 ? 0 : ((1 - level) * 60_000) / perMinute
  }
}

/** What happens next: a binary heap by time. */
class Agenda {
  private readonly entries: { at: Instant; act: () => void }[] = []

  add(at: Instant, act: () => void): void {
    const { entries } = this
    let place = entries.push({ at, act }) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      if (entries[above]!.at <= at) break
      entries[place] = entries[above]!
      place = above
    }
    entries[place] = { at, act }
  }

  take(): { at: Instant; act: () => void } | undefined {
    const { entries } = this
    const first = entries[0]
    const last = entries.pop()
    if (!first || !last || entries.length === 0) return first
    let place = 0
    for (;;) {
      let below = place * 2 + 1
      if (below >= entries.length) break
      if (below + 1 < entries.length && entries[below + 1]!.at < entries[below]!.at) below += 1
      if (entries[below]!.at >= last.at) break
      entries[place] = entries[below]!
      place = below
    }
    entries[place] = last
    return first
  }
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
