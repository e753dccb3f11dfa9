/** A prediction as Replicate would show it now, for the simulator. */
import { numberAt, textAt } from '@safelight/core/adapter'
import type { Desk, SimulatedFile, SimulatedJob } from '../testing/kit/simulator.ts'

/**
 * `isFresh`: as a submit answers that does not wait. `isHeld`: as one that did, which says "processing" with the output
 * already in it.
 */
export function predictionOf(job: SimulatedJob, desk: Desk, { isFresh = false, isHeld = false } = {}): object {
  const state: State = isFresh ? { status: 'starting', output: null, logs: '' } : stateOf(job, desk)
  const status = isHeld && state.status === 'succeeded' ? 'processing' : state.status
  const isOver = !['starting', 'processing', 'warming'].includes(status)
  const iso = (milliseconds: number) => new Date(milliseconds).toISOString()
  return {
    id: job.id,
    model: job.endpoint,
    version: textAt(job.details, 'version') ?? 'hidden',
    input: job.input,
    logs: state.logs,
    output: state.output,
    data_removed: state.isRemoved ?? false,
    error: state.error ?? null,
    status,
    created_at: iso(job.acceptedAt),
    ...(status === 'starting' || status === 'aborted' ? {} : { started_at: iso(job.acceptedAt) }),
    ...(isOver ? { completed_at: iso(desk.now()), metrics: { predict_time: 1.2, total_time: 1.4 } } : {}),
    urls: {
      get: desk.url('REPLICATE_BASE_URL', `/v1/predictions/${job.id}`),
      cancel: desk.url('REPLICATE_BASE_URL', `/v1/predictions/${job.id}/cancel`),
      stream: `https://stream.replicate.com/v1/files/${job.id}`,
      web: `https://replicate.com/p/${job.id}`,
    },
  }
}

interface State {
  status: string
  output: unknown
  logs: string
  error?: string
  isRemoved?: boolean
}

function stateOf(job: SimulatedJob, desk: Desk): State {
  const phase = desk.phase(job)
  const none = { output: null, logs: '' }
  if (phase.phase === 'cancelled') return { ...none, status: 'canceled' }
  if (phase.phase === 'done') return endOf(job, desk)
  if (job.plan.scenario === 'unknown_status') return { ...none, status: 'warming' }
  if (phase.phase === 'queued') return { ...none, status: 'starting' }
  const percent = Math.floor(phase.fraction * 100)
  const logs = `Using seed: 42\n  ${percent}%|${'█'.repeat(percent / 10)}| ${percent}/100 [00:01<00:01, 14.2it/s]`
  const output = job.plan.scenario === 'partial_output' ? addressesOf(filesOf(job, desk).slice(0, 1), desk) : null
  return { status: 'processing', output, logs }
}

/** What the models say that fail; the first is of github.com/replicate/cog-flux. */
const ERRORS: Readonly<Record<string, string>> = {
  nsfw: 'All generated images contained NSFW content. Try running it again with a different prompt.',
  flagged_sensitive:
    'The input or output was flagged as sensitive. Please try again with different inputs. (E005) (vGqLQ5Y0xF)',
  invalid_by_model: 'The input was invalid. (E006)',
  model_busy: 'Service is currently unavailable due to high demand. Please try again later. (E003)',
  model_failed: 'CUDA out of memory. Tried to allocate 1.50 GiB',
}

function endOf(job: SimulatedJob, desk: Desk): State {
  const scenario = job.plan.scenario ?? ''
  const none = { output: null, logs: '' }
  const error = ERRORS[scenario]
  if (error !== undefined) return { ...none, status: 'failed', error }
  if (scenario === 'aborted') return { ...none, status: 'aborted' }
  if (scenario === 'deadline_passed') return { ...none, status: 'canceled' }
  if (scenario === 'data_removed') return { ...none, status: 'succeeded', isRemoved: true }
  if (scenario === 'no_output') return { ...none, status: 'succeeded', output: 'I cannot draw this.' }
  // A flagged picture is left out; when all are, the prediction has failed.
  const files = filesOf(job, desk).filter(({ isFlagged }) => !isFlagged)
  if (files.length === 0) return { ...none, status: 'failed', error: ERRORS['nsfw'] ?? '' }
  const addresses = addressesOf(files, desk)
  const output = makesList(job.endpoint) ? addresses : addresses[0]
  return { status: 'succeeded', output, logs: '100%|██████████| 28/28 [00:02<00:00, 14.2it/s]' }
}

function addressesOf(files: readonly SimulatedFile[], desk: Desk): string[] {
  return files.map(({ name }) => desk.url('delivery', `/xezq/${name}`))
}

/** Files of these models come one by one in a list, of others as one address. */
function makesList(endpoint: string): boolean {
  return /flux-schnell|flux-dev|flux-2-klein|seedream/.test(endpoint)
}

const RATIOS: Readonly<Record<string, { width: number; height: number }>> = {
  '9:16': { width: 768, height: 1344 },
  '16:9': { width: 1344, height: 768 },
  '1:1': { width: 1024, height: 1024 },
}

function filesOf({ endpoint, input, ...job }: SimulatedJob, desk: Desk): readonly SimulatedFile[] {
  const isVideo = isVideoModel(endpoint)
  const format = textAt(input, 'output_format')
  const kind = isVideo ? 'mp4' : format === 'png' || format === undefined ? 'png' : format === 'jpg' ? 'jpeg' : 'webp'
  const [width, height] = [numberAt(input, 'width'), numberAt(input, 'height')]
  const size = width && height ? { width, height } : RATIOS[textAt(input, 'aspect_ratio') ?? '1:1']
  const count = isVideo ? 1 : (numberAt(input, 'num_outputs') ?? 1)
  return desk.outputs({ ...job, endpoint, input }, count, kind, size ?? RATIOS['1:1'])
}

export function isVideoModel(endpoint: string): boolean {
  return /kling|wan-|veo|hailuo|seedance/.test(endpoint)
}

/** The prompt of an input, for plans that hide in it. */
export function promptOf(input: unknown): string {
  return textAt(input, 'prompt') ?? ''
}
