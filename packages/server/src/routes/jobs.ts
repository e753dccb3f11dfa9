/** Jobs: asking for one, looking at it, stopping it. */
import { SafelightError, type Job, type JobRequest, type Studio } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import { callerOf, signedIn } from '../auth/callers.ts'
import type { AppEnv } from '../context.ts'
import { jsonBody } from '../http/json-body.ts'
import { addRateLimits } from '../http/rate-limits.ts'
import type { Services } from '../services.ts'
import { jobShape, jobShapes, statesShownAs } from '../shapes/jobs.ts'
import { JOB_STATES, JobSchema } from '../shapes/schemas.ts'
import { answer, bearer, bodyOf, idOf, idParam, newRoutes, pageOf, pageQuery, refusals } from './common.ts'

const JobAnswer = z.object({ job: JobSchema })
const AdmittedAnswer = z.object({ job: JobSchema, balance: z.int() })

const JobRequestBody = bodyOf({
  model: z
    .string('must be the id of a model')
    .min(1, 'must be the id of a model')
    .max(200, 'must be the id of a model'),
  // Which fields it may have depends on the model, so the studio checks them.
  input: z.unknown().openapi({ type: 'object', description: 'The fields that this model has, see /api/models.' }),
}).openapi('JobRequest', {
  example: { model: 'demo-image', input: { prompt: 'a red fox in snow', size: 'portrait', seed: 7 } },
})

const IdempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters')
    .optional()
    .openapi({ description: 'The same key and body again is the same job, and nothing is charged.' }),
})

export function jobRoutes(services: Services) {
  const routes = newRoutes()
  addSubmit(routes, services)
  addLooks(routes, services)
  addCancel(routes, services)
  return routes
}

function addSubmit(routes: ReturnType<typeof newRoutes>, services: Services): void {
  const { studio, addressOf, limits } = services
  const submit = createRoute({
    method: 'post',
    path: '/api/jobs',
    summary: 'Ask for pictures or a film',
    security: bearer,
    middleware: [signedIn(services), withRateLimits(services), jsonBody({ maxBytes: limits.jsonMaxBytes })],
    request: {
      headers: IdempotencyKey,
      body: { required: true, content: { 'application/json': { schema: JobRequestBody } } },
    },
    responses: {
      202: answer('The job, admitted and paid for.', AdmittedAnswer),
      200: answer('The job that this key and body made before.', AdmittedAnswer),
      ...refusals,
    },
  })
  routes.openapi(submit, async c => {
    const { model, input } = c.req.valid('json')
    const idempotencyKey = c.req.valid('header')['idempotency-key']
    const ip = addressOf(c)
    const submitted = await studio.submit({
      // Which inputs go with which model is known only to the studio.
      ...({ model, input } as Pick<JobRequest, 'model' | 'input'>),
      userId: callerOf(c).id,
      requestId: c.var.requestId,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(ip === null ? {} : { ip }),
    })
    const { job, replayed, balance } = submitted
    addRateLimits(c, submitted.limits)
    c.header('Location', `/api/jobs/${job.id}`)
    return c.json({ job: await jobShape(studio, job), balance }, replayed ? 200 : 202)
  })
}

/** Where the caller stands belongs on every answer of a limited endpoint, also where admission was not reached. */
function withRateLimits({ studio, limitsOf }: Services) {
  return createMiddleware<AppEnv>(async (c, next) => {
    await next()
    if (c.res.headers.has('RateLimit')) return
    const limits = await limitsOf(c, callerOf(c).id)
    // The answer itself matters more than where it leaves the caller.
    addRateLimits(c, await studio.database.limiter.peek(limits).catch(() => []))
  })
}

function addLooks(routes: ReturnType<typeof newRoutes>, services: Services): void {
  const { studio, cursors } = services
  const find = createRoute({
    method: 'get',
    path: '/api/jobs/{id}',
    summary: 'One job as it is now',
    security: bearer,
    middleware: signedIn(services),
    request: { params: idParam },
    responses: { 200: answer('The job.', JobAnswer), ...refusals },
  })
  const list = createRoute({
    method: 'get',
    path: '/api/jobs',
    summary: 'Your jobs, newest first',
    security: bearer,
    middleware: signedIn(services),
    request: {
      query: z.object({
        kind: z.enum(['image', 'edit', 'video'], 'must be image, edit or video').optional(),
        state: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).optional(),
        ...pageQuery,
      }),
    },
    responses: { 200: answer('One page.', pageOf(JobSchema)), ...refusals },
  })
  routes.openapi(find, async c => {
    const job = await ownJob(studio, callerOf(c).id, idOf(c.req.valid('param'), 'job'))
    return c.json({ job: await jobShape(studio, job) }, 200)
  })
  routes.openapi(list, async c => {
    const { kind, state, limit, cursor } = c.req.valid('query')
    const owner = { userId: callerOf(c).id, list: 'jobs' } as const
    const { items, nextCursor } = await studio.list({
      userId: owner.userId,
      limit,
      ...(kind === undefined ? {} : { kind }),
      ...(state === undefined ? {} : { states: statesShownAs(state) }),
      ...(cursor === undefined ? {} : { cursor: await cursors.open(owner, cursor) }),
    })
    return c.json({ items: await jobShapes(studio, items), nextCursor: await cursors.seal(owner, nextCursor) }, 200)
  })
}

function addCancel(routes: ReturnType<typeof newRoutes>, services: Services): void {
  const { studio } = services
  const cancel = createRoute({
    method: 'post',
    path: '/api/jobs/{id}/cancel',
    summary: 'Stop an open job; its credits come back',
    security: bearer,
    middleware: signedIn(services),
    request: { params: idParam },
    responses: { 202: answer('The job, ending or ended as canceled.', JobAnswer), ...refusals },
  })
  routes.openapi(cancel, async c => {
    const job = await studio.cancel(idOf(c.req.valid('param'), 'job'), { userId: callerOf(c).id })
    return c.json({ job: await jobShape(studio, job) }, 202)
  })
}

/** Somebody else's job does not exist. */
export async function ownJob(studio: Studio, userId: string, jobId: string): Promise<Job> {
  const job = await studio.database.jobs.find(jobId)
  if (job?.userId !== userId) throw new SafelightError('not_found', 'There is no such job.')
  return job
}
