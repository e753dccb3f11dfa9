/** Veo, as the simulator answers it: an operation that is done, or says nothing. */
import { at, textAt } from '@safelight/core/adapter'
import type { Desk, SimulatedJob } from '../testing/kit/index.ts'
import { clipOf, invalid, promptOf, turnedDown, type Visit } from './simulator.ts'

const FIELDS = new Set([
  'aspectRatio',
  'resolution',
  'durationSeconds',
  'sampleCount',
  'negativePrompt',
  'personGeneration',
])

export function submitVeo(visit: Visit, endpoint: string): Response {
  const { exchange, desk, key, account } = visit
  const { json } = exchange
  const problem = problemWith(json)
  if (problem) return invalid(problem, exchange)
  const plan = desk.plan(promptOf(json, 'instances', 0, 'prompt'))
  const refusal = turnedDown(visit, 'video', plan.scenario)
  if (refusal) return refusal
  const webhook = textAt(json, 'webhookConfig', 'uris', 0) ?? null
  const job = desk.accept({ endpoint, key, account, plan, input: json, webhook, details: { surface: 'veo' } })
  return Response.json({ name: nameOf(job) })
}

/** Null where nothing is wrong. */
function problemWith(json: unknown): string | null {
  if (promptOf(json, 'instances', 0, 'prompt') === '') return 'prompt must not be empty.'
  const parameters = at(json, 'parameters') ?? {}
  const unknown = Object.keys(parameters).find(field => !FIELDS.has(field))
  if (unknown !== undefined) return `\`${unknown}\` isn't supported by this model.`
  const duration = at(parameters, 'durationSeconds') ?? 8
  if (duration !== 4 && duration !== 6 && duration !== 8) return 'durationSeconds must be 4, 6 or 8.'
  if (!['16:9', '9:16'].includes(textAt(parameters, 'aspectRatio') ?? '16:9'))
    return 'aspectRatio must be 16:9 or 9:16.'
  const image = at(json, 'instances', 0, 'image')
  return image === undefined || textAt(image, 'bytesBase64Encoded')
    ? null
    : '`inlineData` is not supported by this model.'
}

export function nameOf({ endpoint, id }: SimulatedJob): string {
  return `models/${endpoint}/operations/${id}`
}

export function operationOf(job: SimulatedJob, desk: Desk): object {
  const { scenario = '' } = job.plan
  const name = nameOf(job)
  if (desk.phase(job).phase !== 'done') return { name, metadata: { '@type': 'PredictLongRunningMetadata' } }
  const done = (generateVideoResponse: object) => ({ name, done: true, response: { generateVideoResponse } })
  switch (scenario) {
    case 'veo_filtered':
      return done({
        raiMediaFilteredCount: 1,
        raiMediaFilteredReasons: ['Sorry, we can’t create videos with real people’s names or likenesses.'],
      })
    case 'veo_no_samples':
      return done({})
    case 'veo_error':
      return {
        name,
        done: true,
        error: { code: 13, message: 'Video generation failed due to an internal server issue.' },
      }
    case 'veo_policy_error':
      return { name, done: true, error: { code: 3, message: 'The prompt violates Vertex AI’s usage guidelines.' } }
    default: {
      const uri = clipOf(job, desk)
      return done({ generatedSamples: uri === undefined ? [] : [{ video: { uri } }] })
    }
  }
}
