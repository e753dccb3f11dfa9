/** Deliveries from providers. They come from outside: no session, no cookie, and nothing is believed but a signature. */
import { SafelightError } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import { readBodyBytes } from '../http/body-bytes.ts'
import { createGate } from '../http/gate.ts'
import { onlyHere } from '../http/hosts.ts'
import { notFound } from '../http/problems.ts'
import type { Services } from '../services.ts'
import { newRoutes, refusals } from './common.ts'

const BODY_MAX_BYTES = 1024 * 1024
/** Bodies that are held at once, from all providers together. */
const DELIVERIES_AT_ONCE = 64
const ALL = 'all'

const deliver = createRoute({
  method: 'post',
  path: '/webhooks/{provider}/{reference}',
  summary: 'For providers: a job has news',
  description: `The body is up to ${BODY_MAX_BYTES} bytes of whatever the provider signed. The address is given to it with the job.`,
  request: { params: z.object({ provider: z.string(), reference: z.string() }) },
  responses: { 204: { description: 'Taken in, or known already.' }, ...refusals },
})

/** Stands before the rules for callers. With `isLocal` the `Host` rule lets the public address in here, and only here. */
export function webhookRoutes(services: Services, { isLocal }: { isLocal: boolean }) {
  const { studio, references, options } = services
  const gate = createGate(DELIVERIES_AT_ONCE)
  const routes = newRoutes()
  if (isLocal) routes.use('/webhooks/*', onlyHere(options.publicUrl))
  routes.openapi(deliver, async c => {
    const { provider, reference } = c.req.valid('param')
    const referent = references.open(reference)
    if (!referent) return notFound(c)
    const leave = gate.enter(ALL)
    if (!leave) throw new SafelightError('rate_limited', 'Too many deliveries at once.', { retryAfterSeconds: 1 })
    try {
      const body = await readBodyBytes(c.req.raw, BODY_MAX_BYTES)
      await studio.webhook({ ...referent, provider, body, headers: new Headers(c.req.raw.headers) })
      return c.body(null, 204)
    } catch (error) {
      // The same words for everything that is not there: nobody learns which part was right.
      if (SafelightError.is(error, 'not_found')) return notFound(c)
      throw error
    } finally {
      leave()
    }
  })
  routes.all('/webhooks/*', c => notFound(c))
  return routes
}
