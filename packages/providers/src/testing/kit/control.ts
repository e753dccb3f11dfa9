/** Scripting a served world from outside: `POST /__simulator`, and `GET` for the books. */
import type { Limits } from './desk.ts'
import type { Fault } from './faults.ts'
import type { Plan } from './simulator.ts'
import type { World } from './world.ts'

/** What may be posted; each field by itself or together. */
export interface ControlMessage {
  provider: string
  next?: Plan
  always?: Plan
  fault?: Fault
  revoke?: string
  exhaust?: string
  limit?: { account: string } & Limits
}

export async function control(world: World, request: Request): Promise<Response> {
  if (request.method === 'GET') {
    const books = Object.fromEntries(world.simulators.map(({ provider }) => [provider, world.books(provider)]))
    return Response.json(books)
  }
  try {
    const { provider, next, always, fault, revoke, exhaust, limit } = (await request.json()) as ControlMessage
    world.books(provider)
    if (next) world.next(provider, next)
    if (always) world.always(provider, always)
    if (fault) world.fault(provider, fault)
    if (revoke) world.revoke(provider, revoke)
    if (exhaust) world.exhaust(provider, exhaust)
    if (limit) world.limit(provider, limit.account, limit)
    return new Response(null, { status: 204 })
  } catch (error) {
    return Response.json({ error: error instanceof Error ? error.message : String(error) }, { status: 400 })
  }
}
