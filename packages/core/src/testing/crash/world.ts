/**
 * A world in which processes die. Every call of a port or provider is a moment at which something may happen, before the
 * call or after it: the process is killed, somebody cancels, a webhook comes, the line goes down, hours pass.
 */
import type { Job, MediaStore } from '../../contracts.ts'
import { SafelightError } from '../../errors.ts'
import type { Model } from '../../models.ts'
import type { createStudio } from '../../create-studio.ts'
import type { Studio } from '../../studio.ts'
import type { DatabaseHarness } from '../conformance/suite.ts'
import { bookedProvider, type BookedProvider, type Books, type Script } from './provider.ts'

/** A database, a media store and a clock that the suite may move. */
export interface CrashHarness extends DatabaseHarness {
  media: MediaStore
  /** The engine's clock. */
  now(): number
  /** `advance` moves what is stored into the past, and leaves the clock alone. */
  movesRows?: boolean
}

export const GRANT = 3000
export const PRICE = 500
export const TIMEOUT_SECONDS = 60

export interface Scenario {
  name: string
  /** In the order of the routes. */
  providers: readonly Script[]
  count?: number
  balance?: number
  /** How it ends when nothing happens: a state, or `failed: <code>`, or the code of a refusal. */
  ends: string
  /** The media store refuses to write for so long. */
  storageDownSeconds?: number
}

export interface Moment {
  index: number
  phase: 'before' | 'after'
}

/** What a killed process sees when it calls anything: nothing. */
export class Killed extends Error {}

/** What a caller sees of a call that never arrived, or whose answer never did. */
export class LineBroke extends Error {}

export interface Process {
  studio: Studio
  kill(): void
  isAlive(): boolean
}

export class World {
  readonly harness: CrashHarness
  readonly scenario: Scenario
  readonly providers: BookedProvider[]
  readonly userId: string
  readonly model: Model
  /** Calls made so far by processes whose calls are counted. */
  calls = 0
  storageDownUntil: number
  /** All processes of an app are alike: with single ports, or with fused calls. */
  separate = false
  /** What happens, and when: asked at every moment of a counted process. */
  happens: (moment: Moment, kill: () => void) => Promise<void> = async () => undefined
  /** Awaited around every call: where races come from. */
  dawdle: () => Promise<void> = async () => undefined
  private readonly create: typeof createStudio

  /** Seconds that were skipped so far. */
  skippedSeconds = 0
  /** Whether a process that lives has ever stood still for so long that others could think it dead. */
  stalled = false
  /** Calls of providers and of the media store under way: each ends within its timeout, so time cannot leap while one is. */
  private asking = 0
  /** Calls of all kinds. */
  private underWay = 0

  constructor(
    create: typeof createStudio,
    harness: CrashHarness,
    scenario: Scenario,
    userId: string,
    books: Books[] = [],
  ) {
    this.create = create
    this.harness = harness
    this.scenario = scenario
    this.userId = userId
    this.providers = scenario.providers.map((script, index) =>
      // A name of its own: what one world learns about a provider is no business of the next.
      bookedProvider(`${userId}-${index}`, script, () => this.time(), books[index]),
    )
    this.storageDownUntil = this.time() + (scenario.storageDownSeconds ?? 0) * 1000
    this.model = {
      id: 'booked',
      name: 'Booked',
      kind: 'image',
      description: 'A model of the crash suite',
      sizes: { square: { width: 1, height: 1 } },
      maxCount: 4,
      price: PRICE,
      timeoutSeconds: TIMEOUT_SECONDS,
      routes: this.providers.map(({ id }) => ({ provider: id, endpoint: 'books', body: ({ prompt }) => ({ prompt }) })),
    }
  }

  /** The time outside, as providers and disks see it. */
  time(): number {
    return this.harness.now() + (this.harness.movesRows ? this.skippedSeconds * 1000 : 0)
  }

  /** Waits for providers and stores to answer; whoever works may be anywhere else. */
  async answered(): Promise<void> {
    // Where time passes by moving rows, no process could notice that it stood still.
    do await new Promise(resolve => setImmediate(resolve))
    while (this.asking > 0 || (this.harness.movesRows && this.underWay > 0))
  }

  async advance(seconds: number): Promise<void> {
    this.stalled ||= this.underWay > 0
    this.skippedSeconds += seconds
    await this.harness.advance(seconds)
  }

  get request() {
    const { userId, scenario } = this
    return {
      model: 'booked',
      userId,
      idempotencyKey: 'once',
      input: { prompt: 'a fox', count: scenario.count ?? 1 },
    } as const
  }

  /** A process over the same database, store and providers. Only a `counted` one has moments. */
  process({ counted = false, separate = this.separate } = {}): Process {
    const life = { killed: false }
    const wrap = <Port extends object>(port: Port): Port => this.guard(port, life, counted)
    const { database, media } = this.harness
    const { admit, begin, settle, close: _close, check: _check, ...ports } = database
    const wrapped = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, wrap(port)])) as typeof ports
    const fused = separate || !admit || !begin || !settle ? {} : wrap({ admit, begin, settle })
    const studio = this.create({
      providers: this.providers.map(wrap),
      models: [this.model],
      database: { ...wrapped, ...bound(fused), check: async () => undefined, close: async () => undefined },
      media: wrap(this.storage(media)),
      now: () => this.harness.now(),
      transferRetries: 0,
    })
    return { studio, kill: () => void (life.killed = true), isAlive: () => !life.killed }
  }

  async jobs(): Promise<Job[]> {
    const { items } = await this.harness.database.jobs.list({ userId: this.userId, limit: 100 })
    return items
  }

  private storage(media: MediaStore): MediaStore {
    return {
      ...media,
      save: async (key, source, options) => {
        if (this.time() < this.storageDownUntil) throw new Error('The disk is full')
        return media.save(key, source, options)
      },
    }
  }

  private guard<Port extends object>(port: Port, life: { killed: boolean }, counted: boolean): Port {
    const kill = () => void (life.killed = true)
    const living = () => {
      if (life.killed) throw new Killed('killed')
    }
    const isOutside = 'recovery' in port || 'save' in port
    const call = async (run: () => Promise<unknown>): Promise<unknown> => {
      living()
      const index = counted ? this.calls++ : -1
      if (counted) await this.happens({ index, phase: 'before' }, kill)
      await this.dawdle()
      living()
      const outcome = await settled(run)
      await this.dawdle()
      if (counted) await this.happens({ index, phase: 'after' }, kill)
      living()
      return outcome()
    }
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function' || name === 'operationOf') return method
        return async (...args: unknown[]) => {
          if (isOutside) this.asking++
          this.underWay++
          try {
            return await call(() => Reflect.apply(method, target, args) as Promise<unknown>)
          } finally {
            if (isOutside) this.asking--
            this.underWay--
          }
        }
      },
    })
  }
}

/** Methods of a proxy, as plain properties that a spread keeps. */
function bound<Port extends object>(port: Port): Port {
  return Object.fromEntries(
    ['admit', 'begin', 'settle'].flatMap(name => (name in port ? [[name, Reflect.get(port, name)]] : [])),
  ) as Port
}

async function settled<Value>(run: () => Promise<Value>): Promise<() => Value> {
  try {
    const value = await run()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** How a job ended, in one word: `succeeded`, `canceled`, `failed: timed_out`. */
export function endOf(job: Job): string {
  return job.state === 'failed' ? `failed: ${job.failure?.code}` : job.state
}

/** The code of a refusal; everything else goes on being thrown, but the death of the process. */
export async function orRefusal<Value>(work: Promise<Value>): Promise<Value | { refused: string }> {
  try {
    return await work
  } catch (error) {
    if (SafelightError.is(error)) return { refused: error.code }
    if (error instanceof Killed) return { refused: 'killed' }
    throw error
  }
}
