/** One line for each request: the path as declared, never as sent, since that may carry ids, codes and searches. */
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { AppEnv } from '../context.ts'
import type { Log } from '../options.ts'

export function requestLog(log: Log) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = performance.now()
    await next()
    const ms = Math.round((performance.now() - startedAt) * 10) / 10
    const { requestId, caller } = c.var
    const fields = { method: c.req.method, path: routePath(c), status: c.res.status, ms, requestId }
    log('info', 'request', caller ? { ...fields, userId: caller.user.id } : fields)
  })
}
