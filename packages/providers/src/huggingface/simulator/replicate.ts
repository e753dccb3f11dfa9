/** Replicate's predictions: waited for where `Prefer: wait` asks, and then `processing` although everything is there. */
import { textAt } from '@safelight/core/adapter'
import type { SimulatedJob } from '../../testing/kit/index.ts'
import { endingOf } from './scenarios.ts'
import { addressOf, filesOf, finished, isClip, notFound, seen, take, type Visit } from './visit.ts'

const WAIT_SECONDS = 60

export async function replicate(visit: Visit): Promise<Response> {
  const { exchange, path } = visit
  const [, id, cancel] = /^\/v1\/predictions\/([^/]+?)(\/cancel)?$/.exec(path) ?? []
  if (id !== undefined) return known(visit, id, cancel !== undefined)
  const [, named] = /^\/v1\/models\/([^/]+\/[^/]+)\/predictions$/.exec(path) ?? []
  const providerId = named ?? textAt(exchange.json, 'version')
  if (exchange.method !== 'POST' || providerId === undefined) return notFound()
  const taken = take(visit, providerId)
  return 'refusal' in taken ? taken.refusal : created(visit, taken.job)
}

function known(visit: Visit, id: string, isCancel: boolean): Response {
  const job = seen(visit, id)
  if (!job) return Response.json({ title: 'Not found', detail: 'Not found', status: 404 }, { status: 404 })
  if (isCancel) visit.desk.cancel(job)
  return Response.json(prediction(visit, job, stateOf(visit, job)))
}

async function created(visit: Visit, job: SimulatedJob): Promise<Response> {
  const { desk, exchange } = visit
  const waits = /^wait\b/.test(exchange.headers.get('prefer') ?? '')
  const isSlow = desk.scenario(job)?.name === 'replicate_slow'
  if (waits && !isSlow) await finished(visit, job, WAIT_SECONDS)
  const state = isSlow ? 'starting' : stateOf(visit, job)
  const headers: Record<string, string> = waits ? { 'preference-applied': `wait=${WAIT_SECONDS}` } : {}
  const trap = waits && state === 'succeeded' ? 'processing' : undefined
  return Response.json(
    { ...prediction(visit, job, state), ...(trap ? { status: trap } : {}) },
    { status: 201, headers },
  )
}

function stateOf({ desk }: Visit, job: SimulatedJob): string {
  const { phase } = desk.phase(job)
  if (phase === 'queued') return 'starting'
  if (phase === 'running') return 'processing'
  if (phase === 'cancelled') return 'canceled'
  const scenario = desk.scenario(job)
  const ending = endingOf(scenario)
  if (ending === 'good' || ending === 'empty') return 'succeeded'
  if (ending === 'canceled') return scenario?.name === 'replicate_aborted' ? 'aborted' : 'canceled'
  return 'failed'
}

function prediction(visit: Visit, job: SimulatedJob, status: string): object {
  const { desk } = visit
  const files = status === 'succeeded' ? filesOf(visit, job).map(file => addressOf(visit, file)) : []
  const isPolicy = endingOf(desk.scenario(job)) === 'policy'
  const words = isPolicy ? 'NSFW content detected. Try running it again, or try a different prompt.' : 'Worker died'
  return {
    id: job.id,
    model: job.endpoint.split(':')[1],
    version: 'dp-4d0bcc010b3049749a251855f12800be',
    input: job.input,
    logs: '',
    output: files.length === 0 ? null : isClip(job) ? files[0] : files,
    data_removed: false,
    error: status === 'failed' ? words : null,
    status,
    created_at: new Date(job.acceptedAt).toISOString(),
    urls: {
      get: desk.url('replicate', `/v1/predictions/${job.id}`),
      cancel: desk.url('replicate', `/v1/predictions/${job.id}/cancel`),
    },
  }
}
