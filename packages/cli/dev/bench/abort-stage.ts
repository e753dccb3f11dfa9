/** One vendor's simulator on loopback and a studio over it, both of which can be stopped where a job is to be aborted. */
import {
  createStudio,
  memoryDatabase,
  memoryMedia,
  type Database,
  type MediaStore,
  type ProviderOption,
  type Studio,
} from '@safelight/core'
import { nodeTransport } from '@safelight/core/node'
import { createWorld, serveSimulators, simulators, type Exchange, type World } from '@safelight/providers/testing'

export type Action = World['simulators'][number] extends { actionOf(exchange: Exchange): infer Name } ? Name : never

/** Reached when somebody stands before it; whoever is behind it goes on when it opens. */
export interface Gate {
  reached: Promise<void>
  isOpen: boolean
  open(): void
  pass(): Promise<void>
}

export function gate(): Gate {
  const arrival = Promise.withResolvers<void>()
  const opening = Promise.withResolvers<void>()
  const made: Gate = {
    reached: arrival.promise,
    isOpen: false,
    open() {
      made.isOpen = true
      opening.resolve()
    },
    pass() {
      arrival.resolve()
      return opening.promise
    },
  }
  return made
}

/** Where the next one is stopped. */
export interface Stops {
  /** Before the database admits anything. */
  admission?: Gate
  /** A token that was asked for and is not free. */
  token?: Gate
  /** An answer of the simulator to such a request: it has done what was asked, and says nothing. */
  answer?: { action: Action; gate: Gate; isLost?: boolean }
  /** The first bytes of a file are out, and no more. */
  download?: Gate
  /** Before the media store keeps anything. */
  storing?: Gate
  /** Streams are refused: the job is polled. */
  hasNoStream?: boolean
}

export interface Stage {
  vendor: string
  studio: Studio
  database: Database
  world: World
  stops: Stops
  /** When the simulator is asked to cancel the next time. */
  cancelSeen(): Promise<number>
  close(): Promise<void>
}

export const OPENING_BALANCE = 1_000_000
const KEY = { label: 'key', secret: 'key-of-the-bench', account: 'account', draining: false } as const
/** No limit is to be what a job waits for, but the one that is asked for. */
const ENOUGH = 1e6

export async function stageOf(
  vendor: string,
  make: (baseUrl: string) => ProviderOption,
  { maxOpen = ENOUGH }: { maxOpen?: number } = {},
): Promise<Stage> {
  const stops: Stops = {}
  const cancels = new Set<(at: number) => void>()
  const world = createWorld({ simulators: simulators.filter(({ provider }) => provider === vendor), seconds: 600 })
  const served = await serveSimulators(stoppable(world, stops, cancels))
  const base = Object.values(served.baseUrls)[0]!
  const settings = {
    limits: { userPerMinute: ENOUGH, ipPerMinute: ENOUGH, windowSeconds: 60 },
    freeCancelsPerDay: ENOUGH,
  }
  const database = stoppableDatabase(memoryDatabase({ openingBalance: OPENING_BALANCE, settings }), stops)
  const studio: Studio = createStudio({
    database,
    media: stoppableMedia(memoryMedia(), stops),
    providers: [make(base)],
    tokens: [{ ...KEY, provider: vendor, maxOpen, perMinute: ENOUGH }],
    transport: nodeTransport({ allowedOrigins: [...world.bases.values()] }),
  })
  return {
    vendor,
    studio,
    database,
    world,
    stops,
    cancelSeen: () => new Promise(resolve => cancels.add(resolve)),
    async close() {
      await studio.close()
      await served.close()
    },
  }
}

/** The simulators, each of whose answers may be held. */
function stoppable(world: World, stops: Stops, cancels: Set<(at: number) => void>): World {
  return {
    ...world,
    async handle(provider, exchange) {
      const action = world.simulators[0]!.actionOf(exchange)
      if (action === 'cancel') {
        for (const tell of cancels) tell(performance.now())
        cancels.clear()
      }
      if (action === 'stream' && stops.hasNoStream)
        return { status: 'answered', response: new Response(null, { status: 503 }) }
      const outcome = await world.handle(provider, exchange)
      const { answer } = stops
      if (answer?.action === action && !answer.gate.isOpen) {
        // A stream that is open is one that has been answered.
        if (action === 'stream') void answer.gate.pass()
        else await answer.gate.pass()
        if (answer.isLost) return { status: 'closed' }
      }
      if (action !== 'media' || !stops.download || outcome.status !== 'answered') return outcome
      return { status: 'answered', response: await inHalves(outcome.response, stops.download) }
    },
  }
}

async function inHalves(whole: Response, middle: Gate): Promise<Response> {
  const bytes = new Uint8Array(await whole.arrayBuffer())
  const half = Math.floor(bytes.length / 2)
  let isBegun = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!isBegun) controller.enqueue(bytes.subarray(0, half))
        else {
          await middle.pass()
          controller.enqueue(bytes.subarray(half))
          controller.close()
        }
        isBegun = true
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status: whole.status, headers: whole.headers })
}

function stoppableDatabase(database: Database, stops: Stops): Database {
  return {
    ...database,
    async admit(admission) {
      await stops.admission?.pass()
      return database.admit!(admission)
    },
    async begin(request) {
      const begun = await database.begin!(request)
      if (begun.status === 'wait') void stops.token?.pass()
      return begun
    },
  }
}

function stoppableMedia(media: MediaStore, stops: Stops): MediaStore {
  return {
    ...media,
    async save(...file) {
      await stops.storing?.pass()
      return media.save(...file)
    },
  }
}
