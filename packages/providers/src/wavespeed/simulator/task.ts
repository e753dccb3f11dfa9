/** A task as WaveSpeed shows it: in the envelope of a result, bare in a delivery. */
import type { Desk, SimulatedFile, SimulatedJob } from '../../testing/kit/index.ts'
import { endpointOf } from './endpoints.ts'
import { endingOf } from './scenarios.ts'

type Task = Record<string, unknown>

/** As it stands now. */
export function taskNow(job: SimulatedJob, desk: Desk): Task {
  const { phase } = desk.phase(job)
  if (job.details['isDeleted'] === true) return bare(job, desk, { status: 'deleted' })
  if (phase === 'cancelled') return bare(job, desk, { status: 'cancelled' })
  if (phase === 'done') return ended(job, desk)
  if (phase === 'running' && job.plan.scenario === 'other_word') return bare(job, desk, { status: 'moderating' })
  if (phase === 'running' && job.plan.scenario === 'sync_timeout') return syncTimedOut(job, desk)
  return bare(job, desk, { status: phase === 'queued' ? 'created' : 'processing' })
}

/** What sync mode answers when its window has passed: the task goes on. */
export function syncTimedOut(job: SimulatedJob, desk: Desk): Task {
  return bare(job, desk, {
    status: 'processing',
    code: 5004,
    error: 'Sync mode timed out. The task is still being processed.',
  })
}

/** Right after the submit, with every default in `input`. */
export function created(job: SimulatedJob, desk: Desk): Task {
  const fields = endpointOf(job.endpoint)?.fields ?? {}
  const defaults = Object.entries(fields).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return bare(job, desk, { status: 'created', input: { ...Object.fromEntries(defaults), ...(job.input as object) } })
}

function ended(job: SimulatedJob, desk: Desk): Task {
  const { status, error } = endingOf(job)
  if (status !== 'completed') return bare(job, desk, { status, error })
  const files = filesOf(job, desk)
  const outputs = job.plan.scenario === 'no_output' ? [] : files.map(file => outputOf(job, desk, file))
  const milliseconds = Math.max(1, desk.now() - job.acceptedAt)
  return bare(job, desk, {
    status,
    outputs,
    has_nsfw_contents: files.map(file => file.isFlagged || job.plan.scenario === 'flagged'),
    executionTime: milliseconds,
    timings: { inference: milliseconds },
  })
}

function filesOf(job: SimulatedJob, desk: Desk): readonly SimulatedFile[] {
  const { num_images: count = 1, output_format: format, size } = job.input as Record<string, unknown>
  const isClip = endpointOf(job.endpoint)?.type.endsWith('video') ?? false
  const kind = isClip ? 'mp4' : format === 'png' || format === 'webp' ? format : 'jpeg'
  const [width = 64, height = 64] = typeof size === 'string' ? size.split('*').map(Number) : []
  return desk.outputs(job, Number(count), kind, { width, height })
}

function outputOf(job: SimulatedJob, desk: Desk, file: SimulatedFile): unknown {
  const url = desk.url('cdn', `/output/${file.name}`)
  const { scenario } = job.plan
  if (scenario === 'text_output') return 'A description instead of a picture.'
  if (scenario === 'object_output') return { url, content_type: file.contentType }
  const isBase64 = scenario === 'base64_output' || (job.input as Task)['enable_base64_output'] === true
  return isBase64 ? Buffer.from(desk.bytesOf(file)).toString('base64') : url
}

function bare(job: SimulatedJob, desk: Desk, news: Task): Task {
  return {
    id: job.id,
    model: job.endpoint,
    outputs: [],
    urls: { get: addressOf(job, desk) },
    has_nsfw_contents: null,
    created_at: new Date(job.acceptedAt).toISOString(),
    error: '',
    executionTime: 0,
    timings: { inference: 0 },
    ...news,
  }
}

function addressOf({ id, plan }: SimulatedJob, desk: Desk): string {
  if (plan.scenario === 'foreign_url') return `https://results.example.net/api/v3/predictions/${id}/result`
  const path = `/api/v3/predictions/${id}`
  return desk.url('WAVESPEED_BASE_URL', plan.scenario === 'bare_url' ? `${path}/gone` : `${path}/result`)
}
