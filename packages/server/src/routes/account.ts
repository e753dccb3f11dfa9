import { limitsOf } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import { callerOf, signedIn } from '../auth/callers.ts'
import type { Services } from '../services.ts'
import { AccountSchema, LedgerEntrySchema } from '../shapes/schemas.ts'
import { isoTime } from '../shapes/times.ts'
import { answer, bearer, newRoutes, pageOf, pageQuery, refusals } from './common.ts'

export function accountRoutes(services: Services) {
  const { studio, settings, cursors } = services
  const { ledger, limiter } = studio.database
  const middleware = signedIn(services)
  const account = createRoute({
    method: 'get',
    path: '/api/account',
    summary: 'Who you are, what you have, and how often you may ask',
    security: bearer,
    middleware,
    responses: { 200: answer('Your account.', AccountSchema), ...refusals },
  })
  const entries = createRoute({
    method: 'get',
    path: '/api/account/ledger',
    summary: 'Every credit that came or went, newest first',
    security: bearer,
    middleware,
    request: { query: z.object(pageQuery) },
    responses: { 200: answer('One page.', pageOf(LedgerEntrySchema)), ...refusals },
  })
  const routes = newRoutes()
  routes.openapi(account, async c => {
    const user = callerOf(c)
    const [limit] = limitsOf(await settings(), { userId: user.id, ip: null })
    const [balance, [state]] = await Promise.all([ledger.balance(user.id), limiter.peek(limit ? [limit] : [])])
    const { max = 0, remaining = 0, resetsInSeconds = 0 } = state ?? {}
    return c.json({ user, balance, limits: { perMinute: max, remaining, resetsInSeconds } }, 200)
  })
  routes.openapi(entries, async c => {
    const { limit, cursor } = c.req.valid('query')
    const owner = { userId: callerOf(c).id, list: 'ledger' } as const
    const page = await ledger.entries({
      userId: owner.userId,
      limit,
      ...(cursor === undefined ? {} : { cursor: await cursors.open(owner, cursor) }),
    })
    const items = page.items.map(({ id, kind, delta, balanceAfter, description, jobId, createdAt }) => {
      return { id, kind, delta, balanceAfter, description, jobId, createdAt: isoTime(createdAt) }
    })
    return c.json({ items, nextCursor: await cursors.seal(owner, page.nextCursor) }, 200)
  })
  return routes
}
