/** What a model answers when its job has ended: its files, or what went wrong. */
import type { Desk, SimulatedJob } from '../../testing/kit/index.ts'
import { SIZE_PRESETS, problemsOf } from './fields.ts'
import { rowOf, type Answered } from './scenarios.ts'
import { isKnownUpload } from './storage.ts'

const VIDEO = /video|veo|kling|seedance|ltx|hailuo|wan\/v/
/** Beyond 2^53, as a recorded answer had it: a reader that takes it for a number reads another one. */
const LONG_SEED = '15169059293161724000'

/** The end of a job as its result tells it; cancelled ones as well. */
export function resultOf(job: SimulatedJob, desk: Desk): Answered {
  if (job.cancelledAt !== null) return rowOf('client_cancelled')!.result!
  const scripted = rowOf(job.plan.scenario)?.result
  if (scripted) return scripted
  const problems = problemsIn(job, desk)
  if (problems.length > 0) {
    return { status: 422, body: { detail: problems }, headers: { 'x-fal-billable-units': '0' } }
  }
  const body = VIDEO.test(job.endpoint) ? videoOf(job, desk) : imagesOf(job, desk)
  return { status: 200, body, headers: { 'x-fal-billable-units': '1' } }
}

/** What the platform's status adds to COMPLETED. */
export function statusErrorOf(job: SimulatedJob): { error?: string; error_type?: string } {
  if (job.cancelledAt !== null) return rowOf('client_cancelled')!.status!
  return rowOf(job.plan.scenario)?.status ?? {}
}

/** The text of a result, with a seed that no number holds where the request named none. */
export function textOf(answered: Answered): string {
  return JSON.stringify(answered.body).replace('"seed":null', `"seed":${LONG_SEED}`)
}

function inputOf({ input }: SimulatedJob): Record<string, unknown> {
  return typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {}
}

function problemsIn(job: SimulatedJob, desk: Desk): object[] {
  const input = inputOf(job)
  const wrong = problemsOf(job.endpoint, input).map(({ field, type, message }) => ({
    loc: ['body', field],
    msg: message,
    type,
    url: `https://docs.fal.ai/errors#${type}`,
  }))
  const addresses = [input['image_url'], input['start_image_url'], input['image_urls']].flat()
  const lost = addresses.filter(each => typeof each === 'string' && !isKnownUpload(each, desk))
  return [
    ...wrong,
    ...lost.map(url => ({ loc: ['body'], msg: 'Failed to download', type: 'file_download_error', input: url })),
  ]
}

function imagesOf(job: SimulatedJob, desk: Desk): object {
  const input = inputOf(job)
  const count = typeof input['num_images'] === 'number' ? input['num_images'] : 1
  const files = desk.outputs(job, count, 'png', sizeIn(input))
  const isBlack = job.plan.scenario === 'nsfw'
  return {
    images: files.map(({ name, contentType, width, height, bytes }) => ({
      url: desk.url('media', `/files/lion/${name}`),
      width,
      height,
      // Recorded from the real thing: the name says one type, and the field another.
      content_type: job.plan.scenario === 'mislabelled' ? 'image/jpeg' : contentType,
      file_name: name,
      file_size: bytes,
    })),
    timings: { inference: 0.348 },
    seed: input['seed'] ?? null,
    has_nsfw_concepts: files.map(({ isFlagged }) => isFlagged || isBlack),
    prompt: input['prompt'],
  }
}

function videoOf(job: SimulatedJob, desk: Desk): object {
  const [file] = desk.outputs(job, 1, 'mp4')
  const isFlagged = job.plan.scenario === 'nsfw' || file?.isFlagged === true
  if (!file) return { video: null }
  return {
    video: {
      url: desk.url('media', `/files/lion/${file.name}`),
      content_type: file.contentType,
      file_name: file.name,
      file_size: file.bytes,
    },
    seed: inputOf(job)['seed'] ?? null,
    ...(isFlagged ? { has_nsfw_concepts: [true] } : {}),
  }
}

const RATIO_SIZES: Readonly<Record<string, { width: number; height: number }>> = {
  '9:16': { width: 768, height: 1376 },
  '16:9': { width: 1376, height: 768 },
}

function sizeIn(input: Record<string, unknown>): { width: number; height: number } {
  const size = input['image_size']
  if (typeof size === 'string') return SIZE_PRESETS[size] ?? SIZE_PRESETS['square_hd']!
  if (typeof size === 'object' && size !== null) return size as { width: number; height: number }
  return RATIO_SIZES[String(input['aspect_ratio'])] ?? { width: 1024, height: 1024 }
}
