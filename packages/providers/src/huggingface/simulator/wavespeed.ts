/** WaveSpeed's v3: an envelope, addresses on api.wavespeed.ai, five ends. */
import type { SimulatedJob } from '../../testing/kit/index.ts'
import { endingOf } from './scenarios.ts'
import { addressOf, filesOf, notFound, seen, take, type Visit } from './visit.ts'

const envelope = (data: unknown) => Response.json({ code: 200, message: 'success', data })

export function wavespeed(visit: Visit): Response {
  const { exchange, path } = visit
  const [, id] = /^\/api\/v3\/predictions\/([^/]+?)(?:\/result)?$/.exec(path) ?? []
  if (exchange.method === 'GET') {
    const job = id === undefined ? undefined : seen(visit, id)
    return job ? envelope(task(visit, job)) : Response.json({ code: 404, message: 'task not found' }, { status: 404 })
  }
  const [, providerId] = /^\/api\/v3\/(.+)$/.exec(path) ?? []
  if (exchange.method !== 'POST' || providerId === undefined) return notFound()
  const taken = take(visit, providerId)
  return 'refusal' in taken ? taken.refusal : envelope(task(visit, taken.job))
}

function task(visit: Visit, job: SimulatedJob): object {
  const { desk } = visit
  // Asked once: the job may end between two questions.
  const { phase } = desk.phase(job)
  const word = statusOf(visit, job, phase)
  const files = word === 'completed' ? filesOf(visit, job) : []
  return {
    id: job.id,
    model: job.endpoint.split(':')[1],
    input: job.input,
    outputs: files.map(file => addressOf(visit, file)),
    urls: { get: desk.url('wavespeed', `/api/v3/predictions/${job.id}/result`) },
    has_nsfw_contents: files.map(({ isFlagged }) => isFlagged),
    status: word,
    created_at: new Date(job.acceptedAt).toISOString(),
    error: phase === 'done' ? errorOf(visit, job) : '',
    timings: { inference: 6710 },
  }
}

type Phase = ReturnType<Visit['desk']['phase']>['phase']

function statusOf({ desk }: Visit, job: SimulatedJob, phase: Phase): string {
  if (phase === 'queued') return 'created'
  if (phase === 'running') return 'processing'
  if (phase === 'cancelled') return 'cancelled'
  const scenario = desk.scenario(job)
  const ending = endingOf(scenario)
  if (ending === 'good' || ending === 'empty') return 'completed'
  if (ending === 'canceled') return scenario?.name === 'wavespeed_deleted' ? 'deleted' : 'cancelled'
  return scenario?.name === 'wavespeed_timeout' ? 'timeout' : 'failed'
}

function errorOf({ desk }: Visit, job: SimulatedJob): string {
  const ending = endingOf(desk.scenario(job))
  if (ending === 'good' || ending === 'empty') return ''
  return ending === 'policy' ? 'NSFW content detected' : 'The worker failed to produce a result'
}
