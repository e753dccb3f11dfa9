/** A world without sockets: a `fetch` that answers for every vendor's origins, and for nobody else's. */
import { addressee, exchangeOf } from './exchange.ts'
import type { World } from './world.ts'

export interface SimulatedFetchOptions {
  /** Called where no answer will ever come; the request then times out at once instead of waiting for its signal. */
  onSilence?: () => void
}

/** Rejects as a real one would: a closed socket has the code `UND_ERR_SOCKET`, an unknown host `ENOTFOUND`. */
export function simulatedFetch(world: World, { onSilence }: SimulatedFetchOptions = {}): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, { ...init, ...(init?.body instanceof ReadableStream ? { duplex: 'half' } : {}) })
    const found = addressee(world, new URL(request.url))
    if (!found) throw failed('ENOTFOUND', `getaddrinfo ENOTFOUND ${new URL(request.url).hostname}`)
    request.signal.throwIfAborted()
    const outcome = await untilAborted(
      request.signal,
      world.handle(found.provider, await exchangeOf(request, found.origin)),
    )
    if (outcome.status === 'closed') throw failed('UND_ERR_SOCKET', 'other side closed')
    if (outcome.status === 'silent') {
      if (!onSilence) return untilAborted(request.signal, new Promise<never>(() => undefined))
      onSilence()
      throw new DOMException('No answer in time', 'TimeoutError')
    }
    return outcome.response
  }
}

function failed(code: string, message: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) })
}

function untilAborted<Value>(signal: AbortSignal, value: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
