/** From a request, whichever way it came, to an `Exchange`. */
import { readJson } from '@safelight/core/adapter'
import type { Exchange } from './simulator.ts'
import type { World } from './world.ts'

/** Origins that a variable replaces are called like it. */
export function isVariable(origin: string): boolean {
  return origin === origin.toUpperCase()
}

/** Whose origin a URL is on, in this world; null for nobody's. */
export function addressee(world: World, url: URL): { provider: string; origin: string } | null {
  for (const { provider, origins } of world.simulators) {
    for (const [origin, real] of Object.entries(origins)) {
      if (url.origin === real || url.origin === world.bases.get(`${provider} ${origin}`)) return { provider, origin }
    }
  }
  return null
}

export async function exchangeOf(request: Request, origin: string): Promise<Exchange> {
  const { pathname, searchParams } = new URL(request.url)
  const body = new Uint8Array(await request.arrayBuffer())
  return {
    origin,
    method: request.method,
    path: pathname,
    query: searchParams,
    headers: request.headers,
    body,
    json: readJson(body),
  }
}
