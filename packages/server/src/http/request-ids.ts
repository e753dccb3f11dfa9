/** `X-Request-Id`: the client's own if it is a sane one, on every answer, in every log line and on the job. */
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'

const SANE = /^[\w.:+/=@-]{1,100}$/

export const requestIds = createMiddleware<AppEnv>(async (c, next) => {
  const given = c.req.header('X-Request-Id')
  const requestId = given !== undefined && SANE.test(given) ? given : crypto.randomUUID()
  c.set('requestId', requestId)
  await next()
  c.res.headers.set('X-Request-Id', requestId)
})
