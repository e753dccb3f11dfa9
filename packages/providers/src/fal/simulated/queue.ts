/** fal's queue (docs.fal.ai/model-endpoints/queue): submit, status, stream, result, cancel. */
import type { Desk, Exchange, SimulatedJob } from '../../testing/kit/index.ts'
import { appOf } from '../operation.ts'
import { answerOf, detail } from './answers.ts'
import { admitted, keyOf } from './door.ts'
import { resultOf, statusErrorOf, textOf } from './results.ts'

const REQUEST_PATH = /^\/(.+?)\/requests\/([\w-]+)(\/status\/stream|\/status|\/cancel)?$/
const STREAM_STEP_SECONDS = 0.1

export interface RequestPath {
  app: string
  id: string
  part: '/status/stream' | '/status' | '/cancel' | ''
}

export function requestPathOf(path: string): RequestPath | null {
  const [, app, id, part = ''] = REQUEST_PATH.exec(path) ?? []
  return app !== undefined && id !== undefined ? { app, id, part: part as RequestPath['part'] } : null
}

export function answerQueue(exchange: Exchange, desk: Desk): Response {
  const asked = requestPathOf(exchange.path)
  if (!asked) return exchange.method === 'POST' ? submit(exchange, desk) : detail(405, 'Method Not Allowed')
  // Below the app there is nothing: whoever builds addresses from whole endpoint ids is told so.
  if (asked.app !== appOf(asked.app)) return detail(405, 'Method Not Allowed')
  const job = desk.job(asked.id)
  const key = keyOf(exchange)
  const { status, account } = desk.account(key)
  if (status !== 'ok') return detail(401, 'Authentication is required to access this application.')
  if (!job || job.account !== account || appOf(job.endpoint) !== asked.app) return detail(404, 'Request not found')
  if (asked.part === '/cancel') return exchange.method === 'PUT' ? cancel(job, desk) : detail(405, 'Method Not Allowed')
  if (exchange.method !== 'GET') return detail(405, 'Method Not Allowed')
  const hasLogs = exchange.query.get('logs') === '1'
  if (asked.part === '/status/stream') return stream(job, desk, hasLogs)
  return asked.part === '/status' ? statusAnswer(job, desk, hasLogs) : resultAnswer(job, desk)
}

function submit(exchange: Exchange, desk: Desk): Response {
  const endpoint = exchange.path.slice(1)
  const taken = admitted(exchange, desk, endpoint, exchange.query.get('fal_webhook'))
  if (taken instanceof Response) return taken
  const base = `/${appOf(endpoint)}/requests/${taken.id}`
  const body = {
    status: 'IN_QUEUE',
    request_id: taken.id,
    queue_position: 0,
    response_url: desk.url('FAL_BASE_URL', base),
    status_url: desk.url('FAL_BASE_URL', `${base}/status`),
    cancel_url: desk.url('FAL_BASE_URL', `${base}/cancel`),
    ...(taken.webhook === null ? {} : { gateway_request_id: taken.id }),
  }
  return answerOf({ status: 200, body }, taken.id)
}

function statusOf(job: SimulatedJob, desk: Desk, hasLogs: boolean): { isOver: boolean; body: object } {
  const id = { request_id: job.id }
  const now = desk.phase(job)
  if (job.plan.scenario === 'unknown_word' && now.phase === 'running') {
    return { isOver: false, body: { ...id, status: 'WARMING_UP' } }
  }
  switch (now.phase) {
    case 'queued':
      return { isOver: false, body: { ...id, status: 'IN_QUEUE', queue_position: now.position } }
    case 'running':
      return { isOver: false, body: { ...id, status: 'IN_PROGRESS', logs: hasLogs ? [barOf(now.fraction)] : null } }
    case 'done':
    case 'cancelled': {
      const over = { ...id, status: 'COMPLETED', logs: hasLogs ? [barOf(1)] : null, metrics: { inference_time: 0.348 } }
      return { isOver: true, body: { ...over, ...statusErrorOf(job) } }
    }
  }
}

/** Models print a progress bar to their log. */
function barOf(fraction: number): object {
  const percent = String(Math.floor(fraction * 100)).padStart(3)
  const steps = Math.floor(fraction * 28)
  const message = `${percent}%|${'█'.repeat(Math.floor(fraction * 10)).padEnd(10)}| ${steps}/28 [00:00<00:01, 16.1it/s]`
  return { message, level: 'STDERR', source: 'USER', timestamp: '2026-11-23T12:00:00.000Z' }
}

/** 202 while it is open, 200 when it is over. */
function statusAnswer(job: SimulatedJob, desk: Desk, hasLogs: boolean): Response {
  const { isOver, body } = statusOf(job, desk, hasLogs)
  return answerOf({ status: isOver ? 200 : 202, body }, job.id)
}

/** The same JSON as events, whenever something changes; ends after COMPLETED. */
function stream(job: SimulatedJob, desk: Desk, hasLogs: boolean): Response {
  const encoder = new TextEncoder()
  let last = ''
  let isLeft = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const { isOver, body: status } = statusOf(job, desk, hasLogs)
          const event = `data: ${JSON.stringify(status)}\n\n`
          if (isLeft) return
          if (event !== last) controller.enqueue(encoder.encode(event))
          if (isOver) return controller.close()
          if (event !== last) return void (last = event)
          await desk.settled(job, STREAM_STEP_SECONDS)
        }
      },
      cancel() {
        isLeft = true
      },
    },
    { highWaterMark: 0 },
  )
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-fal-request-id': job.id }
  return new Response(body, { headers })
}

const PENDING = 'Request is still in progress'

function resultAnswer(job: SimulatedJob, desk: Desk): Response {
  const { phase } = desk.phase(job)
  if (phase === 'queued' || phase === 'running') return detail(400, PENDING, job.id)
  if (job.plan.scenario === 'result_late' && !job.details['isAsked']) {
    job.details['isAsked'] = true
    return detail(500, PENDING, job.id)
  }
  const result = resultOf(job, desk)
  const body = typeof result.body === 'string' ? result.body : (JSON.parse(JSON.stringify(result.body)) as unknown)
  const answer = answerOf({ ...result, body }, job.id)
  return typeof body === 'string' ? answer : new Response(textOf(result), answer)
}

function cancel(job: SimulatedJob, desk: Desk): Response {
  return desk.cancel(job) === 'cancelled'
    ? answerOf({ status: 202, body: { status: 'CANCELLATION_REQUESTED' } }, job.id)
    : answerOf({ status: 400, body: { status: 'ALREADY_COMPLETED' } }, job.id)
}
