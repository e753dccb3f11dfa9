/** One studio, one vendor, one clock: where the cases are played. Nothing waits for real time but what hangs. */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { createStudio, memoryDatabase, memoryMedia } from '@safelight/core'
import type { Job, MediaStore, Provider, Studio } from '@safelight/core'
import type { ProviderWithModels } from '@safelight/core'
import { isVariable } from '../kit/exchange.ts'
import { simulatedFetch } from '../kit/simulated-fetch.ts'
import type { Plan, Simulator } from '../kit/simulator.ts'
import { createWorld, type World } from '../kit/world.ts'

/** A provider with the simulator of its vendor, and requests to try it with. */
export interface ProviderUnderTest {
  provider: ProviderWithModels
  simulator: Simulator
  /** One for each kind of route that behaves differently; the first is used wherever one is enough. */
  requests: readonly { model: string; input: Record<string, unknown> }[]
  /** Input images for requests that need some, put in as `images`. */
  images?: number
  /** The vendor says of single outputs that its safety check fired. */
  flagsOutputs?: boolean
  /** How keys of this vendor look; a random end is added. */
  keyPrefix?: string
}

export interface StageOptions {
  request?: ProviderUnderTest['requests'][number]
  plan?: Plan
  /** Whether we can be reached for webhooks. */
  webhooks?: boolean
  /** Real time, so that what is pushed can be listened to. */
  live?: boolean
}

export const OPENING_BALANCE = 100_000
const STUCK_MS = 15
const TURNS_MAX = 600

export interface Stage {
  world: World
  studio: Studio
  provider: Provider
  key: string
  request: { model: string; input: Record<string, unknown>; userId: string }
  /** Submits and plays it to its end. */
  play(): Promise<Job>
  /** Plays an open job on. */
  live(jobId: string): Promise<Job>
  /** Lets requests under way come to an end. */
  quiet(): Promise<void>
  advance(seconds: number): void
  /** Everything that holds whatever happened; throws where it does not. */
  check(job: Job): Promise<void>
  close(): Promise<void>
}

export async function createStage(test: ProviderUnderTest, options: StageOptions = {}): Promise<Stage> {
  const clock = { now: Date.now() }
  const now = options.live ? Date.now : () => clock.now
  const key = `${test.keyPrefix ?? ''}sentinel${crypto.randomUUID().replaceAll('-', '')}`
  const spilled: unknown[] = []
  const post: typeof globalThis.fetch = async (url, init) => {
    const [, , jobId = '', attemptId = ''] = new URL(url as string).pathname.split('/').slice(1)
    const body = new TextEncoder().encode(init?.body as string)
    const headers = new Headers(init?.headers)
    await studio.webhook({ provider: provider.id, jobId, attemptId, body, headers })
    return new Response(null, { status: 204 })
  }
  const world = createWorld({ simulators: [test.simulator], now, seconds: options.live ? 0.3 : 5, post })
  if (options.plan) world.next(test.simulator.provider, options.plan)
  const line = watchedLine(world, test, key, seconds => (clock.now += seconds * 1000))
  const { follow, ...polled } = test.provider
  const { provider, underWay: callsUnderWay } = watchedProvider(options.live && follow ? { ...polled, follow } : polled)
  const saving = watchedMedia()
  const database = memoryDatabase({ now, openingBalance: OPENING_BALANCE })
  const token = {
    provider: provider.id,
    label: 'TEST_KEY',
    secret: key,
    account: 'TEST_KEY',
    draining: false,
    maxOpen: null,
  }
  const studio: Studio = createStudio({
    providers: [provider],
    tokens: [token],
    database,
    media: saving.media,
    fetch: line.fetch,
    now,
    transferRetries: 0,
    onTrouble: (error, about) => spilled.push([error, about]),
    ...(options.webhooks
      ? { webhookUrl: ({ jobId, attemptId }) => `https://us.example/webhooks/p/${jobId}/${attemptId}` }
      : {}),
  })
  studio.watch(job => spilled.push(job))
  const request = {
    userId: crypto.randomUUID(),
    ...(await withImages(studio, test, options.request ?? test.requests[0]!)),
  }

  /** Goes on until the work is done and nothing is under way any more. */
  async function during<Value>(work: Promise<Value>): Promise<Value> {
    let isDone = false
    void work.catch(() => undefined).finally(() => (isDone = true))
    for (let calm = 0, stuckMs = 0; calm < 3;) {
      await new Promise(resolve => setTimeout(resolve, 1))
      const isBusy = !isDone || line.underWay() + saving.underWay() + callsUnderWay() > 0
      calm = isBusy ? 0 : calm + 1
      stuckMs = isBusy ? stuckMs + 1 : 0
      // A synchronous vendor works while the line is held.
      if (stuckMs > STUCK_MS && line.underWay() > 0 && !options.live) clock.now += 250
    }
    return work
  }
  const quiet = () => during(Promise.resolve())
  async function live(jobId: string): Promise<Job> {
    await quiet()
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const job = await during(studio.resume(jobId))
      if (job.finishedAt !== null) return job
      if (options.live) await new Promise(resolve => setTimeout(resolve, 5))
      else clock.now = Math.max(clock.now + 1, job.wakeAt)
      if (options.webhooks) await new Promise(resolve => setTimeout(resolve, 60))
    }
    throw new Error(`The job never ended: ${inspect(await studio.database.jobs.find(jobId), { depth: 4 })}`)
  }
  return {
    world,
    studio,
    provider,
    key,
    request,
    live,
    quiet,
    advance: seconds => void (clock.now += seconds * 1000),
    play: async () => live((await studio.submit(request as Parameters<typeof studio.submit>[0])).id),
    check: job => checkStage({ world, studio, key, spilled, leaks: line.leaks, userId: request.userId }, job),
    close: () => studio.close(),
  }
}

async function withImages(
  studio: Studio,
  { images = 1 }: ProviderUnderTest,
  request: ProviderUnderTest['requests'][number],
) {
  const model = studio.models.find(({ id }) => id === request.model)
  assert(model, `the provider has no model ${request.model}`)
  if (!model.images?.required || request.input['images']) return request
  const userId = crypto.randomUUID()
  const uploads = Array.from({ length: images }, () => studio.upload({ userId, source: PIXEL }))
  return { ...request, userId, input: { ...request.input, images: (await Promise.all(uploads)).map(({ id }) => id) } }
}

/** The smallest PNG. */
const PIXEL = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  character => character.charCodeAt(0),
)

/** Watches where the key goes, and how many requests are under way. */
function watchedLine(
  world: World,
  { simulator, provider }: ProviderUnderTest,
  key: string,
  pass: (seconds: number) => void,
) {
  let open = 0
  const leaks: string[] = []
  const own = Object.entries(simulator.origins).filter(([name]) => isVariable(name))
  const mayKnow = new Set(own.map(([, origin]) => origin))
  const fetch = simulatedFetch(world, { onSilence: () => pass(provider.requestTimeoutSeconds + 1) })
  const watched: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : {}))
    const isKeyed = [...headers].some(([, value]) => value.includes(key))
    if (url.href.includes(key) || (isKeyed && !mayKnow.has(url.origin))) leaks.push(url.origin)
    open++
    try {
      return await fetch(input, init)
    } finally {
      open--
    }
  }
  return { fetch: watched, leaks, underWay: () => open }
}

const CALLS = ['submit', 'look', 'lookup', 'cancel', 'download'] as const

/** Says how many calls are under way, also while an adapter does something else than asking, such as loading a part of itself. */
function watchedProvider(provider: ProviderUnderTest['provider']) {
  let open = 0
  const counted = CALLS.flatMap(name => {
    const call = provider[name] as ((...given: unknown[]) => Promise<unknown>) | undefined
    if (!call) return []
    const counting = async (...given: unknown[]) => {
      open++
      try {
        return await call.apply(provider, given)
      } finally {
        open--
      }
    }
    return [[name, counting]]
  })
  return { provider: { ...provider, ...Object.fromEntries(counted) } as typeof provider, underWay: () => open }
}

/** A store that says how many files are being written. */
function watchedMedia(): { media: MediaStore; underWay: () => number } {
  let open = 0
  const media = memoryMedia()
  const save: MediaStore['save'] = async (...call) => {
    open++
    try {
      return await media.save(...call)
    } finally {
      open--
    }
  }
  return { media: { ...media, save }, underWay: () => open }
}

interface Scene {
  world: World
  studio: Studio
  key: string
  spilled: unknown[]
  leaks: string[]
  userId: string
}

/** One paid job or none, the right output or the credits back, books that agree, and no key anywhere. */
async function checkStage({ world, studio, key, spilled, leaks, userId }: Scene, job: Job): Promise<void> {
  const { ledger, jobs } = studio.database
  const about = inspect({ state: job.state, failure: job.failure, accepted: world.accepted() }, { depth: 4 })
  assert(job.finishedAt !== null, `open: ${about}`)
  const paid = world.accepted().filter(entry => entry.paid)
  assert(paid.length <= 1, `paid ${paid.length} times: ${about}`)
  const delivered = job.media.length
  const due = job.state === 'succeeded' ? (job.price * delivered) / job.count : 0
  assert.equal(await ledger.balance(userId), OPENING_BALANCE - due, `the balance: ${about}`)
  assert.equal(job.refundedCredits, job.price - due, `the refund: ${about}`)
  const { items } = await ledger.entries({ userId, limit: 100 })
  assert.equal(items.filter(({ kind }) => kind === 'charge').length, 1, 'charged once')
  assert(items.filter(({ kind }) => kind === 'refund').length <= 1, 'refunded at most once')
  if (job.state === 'succeeded') {
    assert(delivered > 0, 'succeeded with nothing')
    assert.equal(world.accepted().filter(({ outcome }) => outcome === 'succeeded').length, 1, about)
  } else {
    assert(job.failure !== null || job.state === 'canceled', `no reason: ${about}`)
  }
  const attempts = await jobs.attempts(job.id)
  const known = attempts.filter(({ outcome }) => outcome !== 'refused')
  assert(
    world.accepted().length <= known.length,
    `the vendor took ${world.accepted().length}, we know of ${known.length}`,
  )
  assert.deepEqual(leaks, [], 'the key went elsewhere')
  const said = inspect([spilled, attempts, await jobs.find(job.id)], { depth: 12, maxStringLength: null })
  assert(!said.includes(key), 'the key is in an error, an event or a row')
}
