/** The reference server: a studio, spoken to over HTTP. */
import type { Model, Studio } from '@safelight/core'
import { OpenAPIHono } from '@hono/zod-openapi'
import { cors } from 'hono/cors'
import { renewedCookie } from './auth/cookie.ts'
import type { AppEnv } from './context.ts'
import { onlyHere } from './http/hosts.ts'
import { answerError, notFound } from './http/problems.ts'
import { requestIds } from './http/request-ids.ts'
import { requestLog } from './http/request-log.ts'
import { securityHeaders } from './http/security-headers.ts'
import { unreadBodies } from './http/unread-bodies.ts'
import type { ServerOptions } from './options.ts'
import { accountRoutes } from './routes/account.ts'
import { contentRoutes } from './routes/content.ts'
import { addDocument } from './routes/document.ts'
import { eventRoutes } from './routes/events.ts'
import { jobRoutes } from './routes/jobs.ts'
import { mediaRoutes } from './routes/media.ts'
import { modelRoutes } from './routes/models.ts'
import { operationRoutes } from './routes/operations.ts'
import { sessionRoutes } from './routes/session.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { createServices } from './services.ts'

const ROUTES = [
  modelRoutes,
  jobRoutes,
  eventRoutes,
  mediaRoutes,
  contentRoutes,
  uploadRoutes,
  accountRoutes,
  sessionRoutes,
  operationRoutes,
]
/** Addresses of the API, known and unknown; the page answers for everything else. */
const API_PATHS = /^\/(api|auth|internal|webhooks|files|s|v1|docs|healthz|readyz|metrics|openapi\.json)(\/|$)/
const SECRET_MIN_CHARACTERS = 32

/**
 * The HTTP API over `studio`, as a Hono app that runs on any platform Hono runs on. On Node, `startServer` of
 * `@safelight/server/node` serves it. The studio stays the caller's: start its worker, and close it.
 */
export function createServer<Models extends Model>(
  studio: Studio<Models>,
  options: ServerOptions,
): OpenAPIHono<AppEnv> {
  if (options.secret.length < SECRET_MIN_CHARACTERS) {
    throw new Error(`The secret has to have at least ${SECRET_MIN_CHARACTERS} characters.`)
  }
  if (options.authenticate && options.signIn) throw new Error('Give either authenticate or signIn, not both.')
  const services = createServices(studio as unknown as Studio, options)
  const app = new OpenAPIHono<AppEnv>()
  app.onError(answerError(services.log))
  app.use(unreadBodies, requestIds, requestLog(services.log), securityHeaders(options.publicUrl))
  if (options.signIn?.people) app.use(renewedCookie(services.limits.sessionSeconds))
  const isLocal = !options.authenticate && !options.signIn && options.localPassword === undefined
  app.route('/', webhookRoutes(services, { isLocal }))
  if (isLocal) app.use(onlyHere())
  if (options.corsOrigins && options.corsOrigins.length > 0) app.use(corsFor(options.corsOrigins))
  for (const routes of ROUTES) app.route('/', routes(services))
  addDocument(app)
  app.notFound(async c => {
    const page = API_PATHS.test(c.req.path) ? null : await options.page?.(c)
    return page ?? notFound(c)
  })
  return app
}

/** Exactly these origins, and never with the cookie: scripts of other sites bring their token. */
function corsFor(origins: readonly string[]) {
  return cors({
    origin: [...origins],
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-Request-Id'],
    exposeHeaders: ['Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  })
}
