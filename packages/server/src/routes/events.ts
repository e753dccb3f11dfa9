/** Server-sent events: one job, or everything of the caller. */
import { SafelightError, type Job, type Studio } from '@safelight/core'
import { createRoute } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { callerOf, signedIn } from '../auth/callers.ts'
import type { AppEnv } from '../context.ts'
import type { Told } from '../events/hub.ts'
import { jobEvents, type JobStream } from '../events/job-stream.ts'
import { eventStream } from '../events/response.ts'
import { describe } from '../http/problems.ts'
import type { Services } from '../services.ts'
import { isOver, jobShape, OPEN_STATES } from '../shapes/jobs.ts'
import { bearer, idOf, idParam, newRoutes, refusals } from './common.ts'
import { ownJob } from './jobs.ts'

/** Jobs that ended this long before a stream began are told of too: the reader may have looked just before. */
const JUST_ENDED_MS = 30_000
/** The same for a reader that comes back to a server which does not know what it was told. */
const AWAY_MS = 600_000
const NEWEST = 50
const OPEN_MAX = 100

const streamAnswer = {
  description: 'Events called "job" whose data is a Job; at once, then on every change.',
  content: { 'text/event-stream': {} },
}

export function eventRoutes(services: Services) {
  const routes = newRoutes()
  const middleware = signedIn(services)
  const ofJob = createRoute({
    method: 'get',
    path: '/api/jobs/{id}/events',
    summary: 'The changes of one job, until it has ended; ids are revisions',
    security: bearer,
    middleware,
    request: { params: idParam },
    responses: { 200: streamAnswer, 204: { description: 'It has ended, and you know it.' }, ...refusals },
  })
  const ofCaller = createRoute({
    method: 'get',
    path: '/api/events',
    summary: 'The changes of all your jobs; ids are <job id>:<revision>',
    security: bearer,
    middleware,
    responses: { 200: streamAnswer, ...refusals },
  })
  routes.openapi(ofJob, async c => {
    const job = await ownJob(services.studio, callerOf(c).id, idOf(c.req.valid('param'), 'job'))
    const known = Number(/^\d{1,15}$/.exec(c.req.header('Last-Event-ID') ?? '')?.[0] ?? -1)
    // 204 is how an EventSource learns that there is nothing to come back for.
    if (isOver(job) && known === job.revision) return c.body(null, 204)
    const told: Told = new Map(known >= 0 && known <= job.revision ? [[job.id, known]] : [])
    return answerStream(c, services, told, { ...streamOfJob(services, job), event: numbered(services) })
  })
  routes.openapi(ofCaller, async c => {
    const userId = callerOf(c).id
    const [, jobId, revision] = /^([\da-f-]{36}):(\d{1,15})$/.exec(c.req.header('Last-Event-ID') ?? '') ?? []
    const told = jobId === undefined ? new Map<string, number>() : services.hub.recall(userId, jobId, Number(revision))
    const isKnown = told.size > 0
    if (jobId !== undefined) told.set(jobId, Number(revision))
    services.hub.remember(userId, told)
    const since = Date.now() - (jobId === undefined || isKnown ? JUST_ENDED_MS : AWAY_MS)
    return answerStream(c, services, told, streamOfUser(services, userId, since))
  })
  return routes
}

type Subject = Pick<JobStream, 'read' | 'event' | 'endsWith'> & { concerns(job: Job): boolean }

function streamOfJob({ studio }: Services, { id }: Job): Omit<Subject, 'event'> {
  return {
    concerns: job => job.id === id,
    endsWith: isOver,
    async read() {
      const job = await studio.database.jobs.find(id)
      return job ? [job] : []
    },
  }
}

function numbered({ studio }: Services): Subject['event'] {
  return async job => ({ id: String(job.revision), data: JSON.stringify(await jobShape(studio, job)) })
}

function streamOfUser({ studio }: Services, userId: string, since: number): Subject {
  const open = new Set<string>()
  let isFirst = true
  return {
    concerns: () => true,
    endsWith: () => false,
    async event(job) {
      return { id: `${job.id}:${job.revision}`, data: JSON.stringify(await jobShape(studio, job)) }
    },
    async read(told) {
      const older = isFirst ? await openJobs(studio, userId) : await stillOpen(studio, open)
      isFirst = false
      const { items } = await studio.list({ userId, limit: NEWEST })
      const isNews = (job: Job) =>
        !isOver(job) || told.has(job.id) || open.has(job.id) || (job.finishedAt ?? 0) >= since
      const news = [...older, ...items].filter(isNews)
      open.clear()
      for (const job of news) if (!isOver(job)) open.add(job.id)
      return news.toReversed()
    },
  }
}

async function openJobs(studio: Studio, userId: string): Promise<Job[]> {
  const { items } = await studio.list({ userId, states: OPEN_STATES, limit: OPEN_MAX })
  return items
}

/** Those seen open last time: by now they may have ended, and may be too old for the newest page. */
async function stillOpen(studio: Studio, ids: ReadonlySet<string>): Promise<Job[]> {
  const jobs = await Promise.all([...ids].map(id => studio.database.jobs.find(id)))
  return jobs.filter(job => job !== null)
}

function answerStream(c: Context<AppEnv>, services: Services, told: Told, subject: Subject): Response {
  const { hub, advance, limits, log, stopping } = services
  const userId = callerOf(c).id
  const { requestId } = c.var
  if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' })
  const leave = hub.enter(userId)
  if (!leave) {
    const message = `At most ${limits.streamsPerUser} event streams may be open at once; close one first.`
    throw new SafelightError('rate_limited', message, { retryAfterSeconds: 5 })
  }
  const read = (known: Told) => {
    advance()
    return subject.read(known)
  }
  const listen = (listener: (job: Job) => void) =>
    hub.listen(userId, job => {
      if (subject.concerns(job)) listener(job)
    })
  return eventStream({
    events: signal => jobEvents({ ...subject, read, listen, told, signal }),
    stopping,
    seconds: limits.streamSeconds,
    onEnd: leave,
    onError: error => log('error', 'an event stream broke', { requestId, ...describe(error) }),
  })
}
