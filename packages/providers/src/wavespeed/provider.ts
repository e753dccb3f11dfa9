/** The transport to WaveSpeed AI, API v3 (wavespeed.ai/docs/rest-api). One question, one answer; the engine does the waiting. */
import type { KeyCheck, LookCall, Progress, Provider, SubmitCall, Submitted, TokenCall } from '@safelight/core'
import { type Api, createApi, handOver, numberAt, refused, textAt } from '@safelight/core/adapter'
import { type Operation, readProgress, readSubmitted } from './answers.ts'
import { withInputs } from './inputs.ts'
import { wavespeedModels } from './models.ts'
import { codeOf, refusalOf } from './refusals.ts'
import { readDelivery, webhookSecrets } from './webhook.ts'

export interface WavespeedOptions {
  /** Where the API is, with or without `/api/v3`; `https://api.wavespeed.ai` where absent. */
  baseUrl?: string
}

export type WavespeedProvider = Provider & {
  readonly id: 'wavespeed'
  readonly models: typeof wavespeedModels
  readonly webhook: NonNullable<Provider['webhook']>
  readonly check: NonNullable<Provider['check']>
}

/** The Bronze tier, in which every account begins (wavespeed.ai/docs/account-levels). */
const BRONZE = {
  image: { perMinute: 10, maxOpen: 3 },
  video: { perMinute: 5, maxOpen: 3 },
} as const

/** Two or three segments, as in `wavespeed-ai/z-image/turbo`; they stand in the path as they are. */
const ENDPOINT = /^[a-z0-9][\w.-]*(\/[a-z0-9][\w.-]*){1,4}$/i
const ANSWER_MAX_BYTES = 64 * 1024 * 1024

/**
 * WaveSpeed AI. A lost submit is never sent again, and cannot be looked up: the list of past tasks names no mark of ours
 * (see the docs page). A delivery that comes later brings the task back.
 */
export function wavespeed({ baseUrl = 'https://api.wavespeed.ai' }: WavespeedOptions = {}): WavespeedProvider {
  const api = createApi({
    base: baseUrl,
    prefix: '/api/v3',
    authorize: ({ secret }) => ({ authorization: `Bearer ${secret}` }),
  })
  const secrets = webhookSecrets(api)
  return {
    id: 'wavespeed',
    models: wavespeedModels,
    recovery: 'atMostOnce',
    // A submit answers within seconds; uploading its inputs belongs to it.
    requestTimeoutSeconds: 60,
    limits: BRONZE,
    submit: call => submit(api, call),
    look: call => look(api, call),
    webhook: call => readDelivery(secrets, call),
    check: call => check(api, call),
  }
}

async function submit(api: Api, call: SubmitCall): Promise<Submitted> {
  if (!ENDPOINT.test(call.endpoint)) return refused('model_unavailable', `"${call.endpoint}" is no model of WaveSpeed.`)
  const filled = await withInputs(api, call)
  if ('status' in filled) return filled
  if (call.signal.aborted) return refused('unreachable', 'The time was over before anything was submitted.')
  const { body } = filled
  const webhook = call.webhookUrl?.startsWith('https:') ? `?webhook=${encodeURIComponent(call.webhookUrl)}` : ''
  const request = {
    method: 'POST',
    path: `/${call.endpoint}${webhook}`,
    body: typeof body === 'object' && body !== null ? body : {},
    maxBytes: ANSWER_MAX_BYTES,
  } as const
  return handOver(api, call, request, readSubmitted)
}

async function look(api: Api, call: LookCall): Promise<Progress> {
  const operation = operationIn(call)
  const own = `/predictions/${encodeURIComponent(operation.id)}/result`
  const given = operation.url !== undefined && api.owns(operation.url) ? operation.url : own
  const answer = await api.request(call, { path: given, maxBytes: ANSWER_MAX_BYTES })
  // Addresses are printed with and without `/result`: what is not there may be here.
  const isGone = given !== own && (answer.status === 404 || answer.status === 405)
  return readProgress(isGone ? await api.request(call, { path: own, maxBytes: ANSWER_MAX_BYTES }) : answer, operation)
}

function operationIn({ operation }: LookCall): Operation {
  const id = textAt(operation, 'id')
  if (id === undefined) throw new Error('This is no operation of WaveSpeed')
  const url = textAt(operation, 'url')
  return url === undefined ? { id } : { id, url }
}

/** The balance is free to ask for. Throws where the answer says nothing about the key. */
async function check(api: Api, call: TokenCall): Promise<KeyCheck> {
  const answer = await api.request(call, { path: '/balance', maxBytes: 64 * 1024 })
  const amount = numberAt(answer.json, 'data', 'balance')
  if (answer.status === 200 && (codeOf(answer.json) ?? 200) === 200 && amount !== undefined) {
    // Without money a key submits nothing (wavespeed.ai/docs/troubleshooting-guide).
    return amount > 0
      ? { status: 'accepted', balance: { amount, unit: 'USD' } }
      : { status: 'refused', kind: 'credits_exhausted' }
  }
  const { kind } = refusalOf(answer)
  if (kind === 'auth' || kind === 'permission' || kind === 'credits_exhausted') return { status: 'refused', kind }
  throw new Error(`WaveSpeed answered ${answer.status} when asked for the balance`)
}
