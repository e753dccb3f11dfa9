/** fal's queue: full id on submit, owner and app afterwards; addresses on fal's own host; finished is not succeeded. */
import { textAt } from '@safelight/core/adapter'
import type { SimulatedJob } from '../../testing/kit/index.ts'
import { endingOf } from './scenarios.ts'
import { addressOf, filesOf, isClip, notFound, seen, take, type Visit } from './visit.ts'

export function falAi(visit: Visit): Response {
  const { exchange, path, isRouted } = visit
  // Without it the router means fal.run, which waits.
  if (isRouted && exchange.query.get('_subdomain') !== 'queue') return notFound()
  const [, app, id, what] = /^\/(.+)\/requests\/([^/]+)(?:\/(status|cancel))?$/.exec(path) ?? []
  if (app === undefined || id === undefined) return exchange.method === 'POST' ? submit(visit) : notFound()
  const job = seen(visit, id)
  if (!job || job.details['app'] !== app) return notFound()
  if (what === 'cancel') return cancel(visit, job)
  return what === 'status' ? statusOf(visit, job) : result(visit, job)
}

function submit(visit: Visit): Response {
  const { desk, path } = visit
  const taken = take(visit, path.slice(1))
  if ('refusal' in taken) return taken.refusal
  const { job } = taken
  const app = path.slice(1).split('/').slice(0, 2).join('/')
  job.details['app'] = app
  const place = desk.url('fal_ai', `/${app}/requests/${job.id}`)
  return Response.json({
    status: 'IN_QUEUE',
    request_id: job.id,
    queue_position: 0,
    response_url: place,
    status_url: `${place}/status`,
    cancel_url: `${place}/cancel`,
  })
}

function cancel({ desk }: Visit, job: SimulatedJob): Response {
  return desk.cancel(job) === 'cancelled'
    ? Response.json({ status: 'CANCELLATION_REQUESTED' }, { status: 202 })
    : Response.json({ status: 'ALREADY_COMPLETED' }, { status: 400 })
}

function statusOf({ desk }: Visit, job: SimulatedJob): Response {
  const phase = desk.phase(job)
  const about = { request_id: job.id, logs: null }
  switch (phase.phase) {
    case 'queued':
      return Response.json({ ...about, status: 'IN_QUEUE', queue_position: phase.position }, { status: 202 })
    case 'running':
      return Response.json({ ...about, status: 'IN_PROGRESS' }, { status: 202 })
    case 'cancelled':
      return Response.json({ ...about, status: 'COMPLETED', error: 'Client cancelled', error_type: 'client_cancelled' })
    case 'done':
      return Response.json({
        ...about,
        status: 'COMPLETED',
        metrics: { inference_time: 1.2 },
        ...errorOf(desk.scenario(job)),
      })
  }
}

type Named = ReturnType<Visit['desk']['scenario']>

/** Only trouble of the platform shows in the status. */
function errorOf(scenario: Named): object {
  const ending = endingOf(scenario)
  if (ending === 'canceled') return { error: 'Client cancelled the request', error_type: 'client_cancelled' }
  if (ending !== 'error' || scenario?.name === 'fal_model_error') return {}
  if (scenario?.expect.paid === 'unknown') return { error: 'The app gave up', error_type: 'app_error' }
  const type = scenario?.name === 'fal_start_timeout' ? 'startup_timeout' : 'runner_server_error'
  return { error: 'Runner failed', error_type: type }
}

function result(visit: Visit, job: SimulatedJob): Response {
  const { desk } = visit
  if (desk.phase(job).phase !== 'done')
    return Response.json({ detail: 'Request is still in progress' }, { status: 400 })
  const scenario = desk.scenario(job)
  switch (endingOf(scenario)) {
    case 'policy':
      return scenario?.name === 'fal_content_text'
        ? Response.json({ detail: 'The prompt was blocked by the usage guidelines.' }, { status: 422 })
        : modelError(422, 'content_policy_violation', 'The content was flagged', scenario)
    case 'invalid':
      return modelError(422, 'value_error', 'image_size is too large', scenario)
    case 'no_media':
      return modelError(422, 'no_media_generated', 'No media was generated', scenario)
    case 'canceled':
      return Response.json({ detail: 'Client cancelled', error_type: 'client_cancelled' }, { status: 499 })
    case 'error':
      return failure(scenario)
    case 'empty':
    case 'good':
      return Response.json(isClip(job) ? clip(visit, job) : pictures(visit, job))
  }
}

function failure(scenario: Named): Response {
  if (scenario?.name === 'fal_model_error') return modelError(500, 'internal_server_error', 'It broke', scenario)
  if (scenario?.expect.paid === 'unknown') return Response.json(null)
  const type = textAt(errorOf(scenario), 'error_type') ?? ''
  const status = type === 'startup_timeout' ? 504 : 500
  const body = { detail: 'Runner failed', error_type: type }
  return Response.json(body, { status, headers: { 'x-fal-error-type': type } })
}

/** Validation costs nothing, and fal says so in a header; of the rest it says nothing. */
function modelError(status: number, type: string, msg: string, scenario: Named): Response {
  const detail = [{ loc: ['body', 'prompt'], msg, type, url: `https://docs.fal.ai/errors#${type}`, input: {} }]
  const headers: Record<string, string> = scenario?.expect.paid === 'no' ? { 'x-fal-billable-units': '0' } : {}
  return Response.json({ detail }, { status, headers: { 'x-fal-retryable': 'false', ...headers } })
}

function pictures(visit: Visit, job: SimulatedJob): object {
  const files = filesOf(visit, job)
  const images = files.map(file => ({
    url: addressOf(visit, file),
    width: file.width,
    height: file.height,
    content_type: file.contentType,
  }))
  const flags = files.map(({ isFlagged }) => isFlagged)
  const prompt = textAt(job.input, 'prompt') ?? ''
  return { images, timings: { inference: 0.348 }, seed: 2463045738, has_nsfw_concepts: flags, prompt }
}

function clip(visit: Visit, job: SimulatedJob): object {
  const [file] = filesOf(visit, job)
  if (!file) return { seed: 7 }
  const { name, contentType, bytes } = file
  return {
    video: { url: addressOf(visit, file), content_type: contentType, file_name: name, file_size: bytes },
    seed: 7,
  }
}
