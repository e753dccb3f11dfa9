/** For this folder's tests: calls as the engine makes them, against a simulated WaveSpeed. */
import type { InputFile, LookCall, ProviderCall, Submitted, Token, WebhookCall } from '@safelight/core'
import { createWorld, simulatedFetch, type World } from '../src/testing/kit/index.ts'
import { wavespeed, type WavespeedProvider } from '../src/wavespeed/provider.ts'
import { wavespeedSimulator } from '../src/wavespeed/simulator.ts'

export function tokenOf(secret = 'ws-sentinel-key'): Token {
  return { provider: 'wavespeed', label: 'one', secret, account: 'one', draining: false, maxOpen: null }
}

export function callOf(fetch: typeof globalThis.fetch, token = tokenOf()): ProviderCall {
  return { token, attemptId: 'attempt-1', fetch, signal: AbortSignal.timeout(10_000) }
}

export function fileOf(bytes: Uint8Array<ArrayBuffer>, contentType = 'image/png'): InputFile {
  return { id: 'media-1', contentType, bytes: bytes.length, open: async () => new Blob([bytes]).stream() }
}

export interface Bench {
  world: World
  provider: WavespeedProvider
  fetch: typeof globalThis.fetch
  /** Lets the world's clock go on. */
  pass(milliseconds: number): void
  /** Everything that went over the line. */
  sent: { url: string; method: string; headers: Headers }[]
}

/** A world without sockets. Its clock stands unless it is moved. */
export function bench({ seconds = 0 }: { seconds?: number } = {}): Bench {
  let clock = Date.now()
  const world = createWorld({ simulators: [wavespeedSimulator], seconds, now: () => clock })
  const simulated = simulatedFetch(world)
  const sent: Bench['sent'] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { url, method, headers } = new Request(input, init)
    sent.push({ url, method, headers })
    return simulated(input, init)
  }
  return { world, provider: wavespeed(), fetch, sent, pass: milliseconds => void (clock += milliseconds) }
}

export interface Order {
  endpoint?: string
  body?: Record<string, unknown>
  files?: InputFile[]
  webhookUrl?: string | null
  token?: Token
}

export function submit({ provider, fetch }: Pick<Bench, 'provider' | 'fetch'>, order: Order = {}): Promise<Submitted> {
  const { endpoint = 'wavespeed-ai/z-image/turbo', body = { prompt: 'a fox' }, files = [], webhookUrl = null } = order
  return provider.submit({ ...callOf(fetch, order.token), endpoint, body: body as never, files, webhookUrl })
}

export function lookCall(fetch: typeof globalThis.fetch, submitted: Submitted, token = tokenOf()): LookCall {
  if (submitted.status !== 'running') throw new Error(`It is ${submitted.status}`)
  return { ...callOf(fetch, token), operation: submitted.operation }
}

export function webhookCall(
  fetch: typeof globalThis.fetch,
  delivery: { headers: Record<string, string>; body: string },
  more: Partial<WebhookCall> = {},
): WebhookCall {
  return {
    ...callOf(fetch),
    endpoint: 'wavespeed-ai/z-image/turbo',
    body: new TextEncoder().encode(delivery.body),
    headers: new Headers(delivery.headers),
    now: Date.now(),
    ...more,
  }
}

/** A `fetch` that gives these answers, one after the other, and says what it was asked. */
export function canned(...answers: (Response | Error)[]): { fetch: typeof globalThis.fetch; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    fetch: async input => {
      asked.push(input instanceof Request ? input.url : input.toString())
      const answer = answers.shift() ?? new Error('Nothing more was expected')
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}
