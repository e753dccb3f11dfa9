/** `fetch` for a provider's API: with its key, which never follows a redirect to anywhere else. */
import { decoded } from './decoding.ts'
import type { Exchange } from './exchange.ts'
import { outgoing, type Outgoing } from './request.ts'

export const REDIRECTS_MAX = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A redirect to another origin goes through `outputs`: guarded, and without the headers that came along. */
export function apiFetch(
  exchange: Exchange,
  outputs: typeof globalThis.fetch,
  unpackedMaxBytes: number,
): typeof globalThis.fetch {
  return async (input, init) => {
    let request = await outgoing(input, init)
    for (let hops = 0; ; hops++) {
      const response = await exchange(request)
      const target = followed(request, response)
      if (!target) return decoded(response, unpackedMaxBytes)
      await response.body?.cancel()
      if (hops === REDIRECTS_MAX) throw new Error(`More than ${REDIRECTS_MAX} redirects`)
      if (target.origin !== request.url.origin)
        return outputs(target, { method: request.method, signal: request.signal })
      request = { ...request, url: target }
    }
  }
}

/** Where to go on; null where the answer is the last one. What is more than a question is never asked a second time. */
export function followed({ method, redirect, url }: Outgoing, response: Response): URL | null {
  const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null
  if (location === null || redirect === 'manual') return null
  if (redirect === 'error') throw new TypeError('There was a redirect, and none was expected')
  if (method !== 'GET' && method !== 'HEAD') return null
  const target = URL.parse(location, url)
  if (!target || (target.protocol !== 'https:' && target.protocol !== 'http:'))
    throw new TypeError('A redirect to no web address')
  return target
}
