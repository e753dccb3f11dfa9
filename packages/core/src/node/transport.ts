/**
 * The outside as Node reaches it: undici, with connections of our own per provider and never the process's global
 * dispatcher. undici arrives with the first call, not with the import.
 */
import type { Agent } from 'undici'
import type { Transport } from '../contracts.ts'
import { apiFetch } from './api.ts'
import { createExchange, type Limits } from './exchange.ts'
import { guardedConnector, type Resolve } from './guard.ts'
import { outputsFetch } from './outputs.ts'

export interface NodeTransportOptions {
  /**
   * Origins that outputs may come from although they are private or plain HTTP, as in `http://127.0.0.1:9000`: simulators
   * and proxies that the operator named. Everything else has to be public and https.
   */
  allowedOrigins?: readonly string[]
  /** Connections to one origin at once; 256 where absent. Requests beyond wait `connectSeconds` for one. */
  connections?: number
  /** The same for lines that are held for pushed news, which take none of the others; 1,024 where absent. */
  heldConnections?: number
  /** Until a request is on its way: name, connection and TLS; 10 where absent. */
  connectSeconds?: number
  /** From a request to the headers of its answer; 310 where absent, since some providers hold the line while they work. */
  headersSeconds?: number
  /** Between two parts of an answer; 300 where absent, and 30 for outputs. */
  bodySeconds?: number
  /** The largest answer of an API; 64 MiB where absent. Files among its answers may have `maxFileBytes`. */
  maxResponseSize?: number
  /** The largest file; 1 GiB where absent. Whoever stores it has a limit as well. */
  maxFileBytes?: number
  /** Looks up all addresses of a name for the guard of `outputs`; the system's where absent. */
  resolve?: Resolve
}

/** undici's own 4 s: well below the 5 s after which common servers close, so that no request meets a closing line. */
const KEEP_ALIVE_SECONDS = 4
const OUTPUT_CONNECTIONS = 16
const OUTPUT_SILENCE_SECONDS = 30
const MEBIBYTE = 1024 * 1024

/** Connections for a studio: `createStudio({ transport: nodeTransport() })`. Closed with it. */
export function nodeTransport(options: NodeTransportOptions = {}): Transport {
  const limits = limitsOf(options)
  const allowed = new Set((options.allowedOrigins ?? []).map(origin => new URL(origin).origin))
  const agents = new Map<string, Promise<Agent>>()
  let isClosed = false

  const agent = (name: string, make: () => Promise<Agent>): Promise<Agent> => {
    if (isClosed) return Promise.reject(new Error('The transport is closed'))
    const made = agents.get(name) ?? make()
    agents.set(name, made)
    return made
  }
  const outputs = outputsFetch({
    exchange: createExchange(() => agent('outputs', () => makeOutputsAgent(options, allowed)), {
      ...limits,
      maxTextBytes: limits.maxFileBytes,
    }),
    allowed,
  })
  const apis = new Map<string, typeof globalThis.fetch>()
  return {
    api(provider) {
      const made = apis.get(provider)
      if (made) return made
      const { connections = 256, heldConnections = 1024 } = options
      const exchange = createExchange(
        ({ headers }) =>
          isHeld(headers)
            ? agent(`held:${provider}`, () => makeApiAgent(options, heldConnections))
            : agent(`api:${provider}`, () => makeApiAgent(options, connections)),
        limits,
      )
      const fetch = apiFetch(exchange, outputs, limits.maxTextBytes)
      apis.set(provider, fetch)
      return fetch
    },
    outputs,
    async close() {
      isClosed = true
      await Promise.all([...agents.values()].map(async made => (await made).destroy()))
    },
  }
}

function limitsOf({
  connectSeconds = 10,
  maxResponseSize = 64 * MEBIBYTE,
  maxFileBytes,
}: NodeTransportOptions): Limits {
  return { startSeconds: connectSeconds, maxTextBytes: maxResponseSize, maxFileBytes: maxFileBytes ?? 1024 * MEBIBYTE }
}

/** A line for pushed news is open for as long as a job runs: as many as there are jobs must not keep a submit waiting. */
function isHeld({ accept }: Record<string, string>): boolean {
  return accept?.includes('text/event-stream') ?? false
}

async function makeApiAgent(options: NodeTransportOptions, connections: number): Promise<Agent> {
  const { connectSeconds = 10, headersSeconds = 310, bodySeconds = 300 } = options
  const { Agent: Connections } = await import('undici')
  return new Connections({
    ...shared(options),
    connections,
    headersTimeout: headersSeconds * 1000,
    bodyTimeout: bodySeconds * 1000,
    connect: { timeout: connectSeconds * 1000, allowH2: false },
  })
}

async function makeOutputsAgent(options: NodeTransportOptions, allowed: ReadonlySet<string>): Promise<Agent> {
  const { connectSeconds = 10, bodySeconds = OUTPUT_SILENCE_SECONDS, resolve } = options
  const { Agent: Connections, buildConnector } = await import('undici')
  const timeoutSeconds = connectSeconds
  return new Connections({
    ...shared(options),
    connections: OUTPUT_CONNECTIONS,
    headersTimeout: OUTPUT_SILENCE_SECONDS * 1000,
    bodyTimeout: bodySeconds * 1000,
    connect: guardedConnector(buildConnector, { allowed, timeoutSeconds, ...(resolve ? { resolve } : {}) }),
  })
}

/** No HTTP/2: what it sends again after a GOAWAY is its own choice, and a submit is sent once. No pipelining either. */
function shared({ maxFileBytes = 1024 * MEBIBYTE, maxResponseSize = 0 }: NodeTransportOptions) {
  return {
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000,
    maxResponseSize: Math.max(maxFileBytes, maxResponseSize),
  } as const
}
