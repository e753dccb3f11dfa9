/** Simulators together with their scripts and books: what a test holds in its hands. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BookEntry, Books } from './books.ts'
import { createDesk, type Limits, type ScriptedDesk } from './desk.ts'
import type { ArmedFault, Fault } from './faults.ts'
import { respond, type Outcome } from './respond.ts'
import type { Exchange, Plan, SimulatedJob, Simulator } from './simulator.ts'

export interface WorldOptions {
  simulators: readonly Simulator[]
  /** Milliseconds since 1970. */
  now?: () => number
  /** How long a job takes where its plan says nothing; 0.2 where absent. */
  seconds?: number
  /** Brings webhooks; the platform's `fetch` where absent. */
  post?: typeof globalThis.fetch
}

/** A signed delivery as it was made. */
export interface SentDelivery {
  provider: string
  jobId: string
  url: string
  headers: Record<string, string>
  body: string
  /** What the receiver said; null before it came, or where the line broke. */
  status: number | null
}

export interface World {
  readonly simulators: readonly Simulator[]
  /** The plan of the next job of this vendor; several wait in line. */
  next(provider: string, plan: Plan): void
  /** The plan of every job for which nothing else is said. */
  always(provider: string, plan: Plan): void
  /** Lets requests go wrong below HTTP. */
  fault(provider: string, fault: Fault): void
  revoke(provider: string, key: string): void
  /** Only these keys are known from now on, each with its account. */
  knownKeys(provider: string, keys: Readonly<Record<string, string>>): void
  /** The account of these keys has no money left, or has it again. */
  exhaust(provider: string, account: string, isExhausted?: boolean): void
  /** `*` is every account that is not named. */
  limit(provider: string, account: string, limits: Limits): void
  books(provider: string): Books
  /** Accepted jobs of all vendors. */
  accepted(): BookEntry[]
  deliveries(provider: string): readonly SentDelivery[]
  /** Brings a delivery once more, as it was or with changes. */
  redeliver(delivery: SentDelivery, change?: Partial<Pick<SentDelivery, 'url' | 'headers' | 'body'>>): Promise<number>
  /** Waits for deliveries under way. */
  idle(): Promise<void>
  /** Where `<provider> <origin>` is in this world; set by a server. */
  readonly bases: Map<string, string>
  handle(provider: string, exchange: Exchange): Promise<Outcome>
}

export function createWorld({ simulators, now = Date.now, seconds = 0.2, post }: WorldOptions): World {
  const bases = new Map<string, string>()
  const offices = new Map<string, Office>()
  const underWay = new Set<Promise<void>>()
  const of = (provider: string): Office => {
    const office = offices.get(provider)
    if (!office) throw new Error(`There is no simulator of ${provider}; there are ${[...offices.keys()].join(', ')}`)
    return office
  }
  const send = async (delivery: SentDelivery): Promise<number> => {
    const { url, headers, body } = delivery
    const answer = await (post ?? globalThis.fetch)(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    await answer.body?.cancel()
    return answer.status
  }
  for (const simulator of simulators) {
    const office: Office = { simulator, faults: [], deliveries: [], desk: undefined as unknown as ScriptedDesk }
    office.desk = createDesk({
      simulator,
      now,
      seconds,
      url: (origin, path) => (bases.get(`${simulator.provider} ${origin}`) ?? simulator.origins[origin] ?? '') + path,
      accepted: job => {
        if (!job.webhook || !simulator.delivery || job.plan.webhook === 'none') return
        const sending = bring(office, job, send).finally(() => underWay.delete(sending))
        underWay.add(sending)
      },
    })
    offices.set(simulator.provider, office)
  }
  return {
    simulators,
    bases,
    next: (provider, plan) => void of(provider).desk.next.push(plan),
    always: (provider, plan) => void (of(provider).desk.always = plan),
    fault(provider, fault) {
      of(provider).faults.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 })
    },
    revoke: (provider, key) => void of(provider).desk.revoked.add(key),
    knownKeys(provider, keys) {
      const { desk } = of(provider)
      desk.keys.clear()
      for (const [key, account] of Object.entries(keys)) desk.keys.set(key, account)
    },
    exhaust(provider, account, isExhausted = true) {
      const { exhausted } = of(provider).desk
      if (isExhausted) exhausted.add(account)
      else exhausted.delete(account)
    },
    limit: (provider, account, limits) => void of(provider).desk.limits.set(account, limits),
    books: provider => of(provider).desk.books,
    accepted: () => [...offices.values()].flatMap(({ desk }) => desk.books.jobs),
    deliveries: provider => of(provider).deliveries,
    redeliver: (delivery, change) => send({ ...delivery, ...change }),
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay)
    },
    handle: (provider, exchange) => respond(of(provider), exchange),
  }
}

/** A simulator with its desk. */
export interface Office {
  simulator: Simulator
  desk: ScriptedDesk
  faults: ArmedFault[]
  deliveries: SentDelivery[]
}

const HOUR_SECONDS = 3600

/** Waits for the end of the job and brings its delivery, as the plan says. */
async function bring(
  { simulator, desk, deliveries }: Office,
  job: SimulatedJob,
  send: (delivery: SentDelivery) => Promise<number>,
) {
  await desk.settled(job, HOUR_SECONDS)
  const made = await simulator.delivery!(job, desk)
  const delivery: SentDelivery = { provider: job.provider, jobId: job.id, url: job.webhook!, status: null, ...made }
  deliveries.push(delivery)
  const sent = job.plan.webhook === 'forged' ? { ...delivery, body: `${delivery.body} ` } : delivery
  for (let times = job.plan.webhook === 'twice' ? 2 : 1; times > 0; times--) {
    try {
      delivery.status = await send(sent)
    } catch {
      // Nobody answered: a vendor would try again later, and the books show that nothing came through.
      await sleep(1)
    }
  }
}
