/** `fetch` for addresses that came out of an answer: public https only, checked at every hop, and nothing of ours goes along. */
import { followed, REDIRECTS_MAX } from './api.ts'
import type { Exchange } from './exchange.ts'
import { checkUrl } from './guard.ts'
import { outgoing } from './request.ts'

/** All that a download needs; keys and cookies are not among it. */
const HEADERS = ['accept', 'range', 'if-range', 'user-agent']

export function outputsFetch({
  exchange,
  allowed,
}: {
  exchange: Exchange
  allowed: ReadonlySet<string>
}): typeof globalThis.fetch {
  return async (input, init) => {
    let request = await outgoing(input, init)
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new TypeError('An output is only fetched')
    const headers = Object.fromEntries(
      HEADERS.flatMap(name => (request.headers[name] ? [[name, request.headers[name]]] : [])),
    )
    headers['accept-encoding'] = 'identity'
    for (let hops = 0; ; hops++) {
      await checkUrl(request.url, allowed)
      const response = await exchange({ ...request, headers })
      const target = followed(request, response)
      if (!target && !isPacked(response)) return response
      await response.body?.cancel()
      if (!target) throw new Error('The output came packed, which nobody asked for')
      if (hops === REDIRECTS_MAX) throw new Error(`More than ${REDIRECTS_MAX} redirects`)
      request = { ...request, url: target }
    }
  }
}

function isPacked(response: Response): boolean {
  return (response.headers.get('content-encoding') ?? 'identity').trim().toLowerCase() !== 'identity'
}
