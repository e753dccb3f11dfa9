/** The same world for those who mock with msw. Loaded only when asked for: msw is an optional peer. */
import type { RequestHandler } from 'msw'
import { exchangeOf } from './exchange.ts'
import type { World } from './world.ts'

/**
 * Handlers for every vendor's origins, for `setupServer(...await mswHandlers(world))`. Plain msw sees `fetch` and
 * `node:http`, not undici's own pools: give `createStudio` no transport, or use `defineNetwork` of msw 3.
 */
export async function mswHandlers(world: World): Promise<RequestHandler[]> {
  const { http, HttpResponse } = await import('msw')
  return world.simulators.flatMap(({ provider, origins }) =>
    Object.entries(origins).map(([origin, real]) =>
      http.all(`${real}/*`, async ({ request }) => {
        const outcome = await world.handle(provider, await exchangeOf(request, origin))
        if (outcome.status === 'answered') return outcome.response
        if (outcome.status === 'closed') return HttpResponse.error()
        return new Promise<never>(() => undefined)
      }),
    ),
  )
}
