/** Black Forest Labs, the makers of FLUX, directly: one task endpoint for each model, polled on the cluster that took it. */
import type { Json, KeyCheck, Provider, SubmitCall } from '@safelight/core'
import { base64Of, createApi, handOver, numberAt, prepare } from '@safelight/core/adapter'
import { addressOf, readOperation, readProgress, readSubmitted } from './answers.ts'
import { type BflBody, bflModels } from './models.ts'
import { refusalOf } from './refusals.ts'
import { readDelivery, secretOf } from './webhooks.ts'

export interface BflOptions {
  /** With or without `/v1`; `https://api.bfl.ai` where absent. The EU and US clusters have origins of their own. */
  baseUrl?: string
  /** What the secrets of webhooks are derived from; the API key where absent. */
  webhookSecret?: string
}

export type BflProvider = Provider & { readonly id: 'bfl'; readonly models: typeof bflModels }

/** Of one picture (docs.bfl.ai, image editing). */
const PICTURE_MAX_BYTES = 20 * 1024 * 1024
/** Active tasks of one account (docs.bfl.ai/api_integration/errors). */
const ACTIVE_TASKS_MAX = 24

export function bfl({ baseUrl = 'https://api.bfl.ai', webhookSecret }: BflOptions = {}): BflProvider {
  const isVendor = isOfBfl(new URL(baseUrl))
  const api = createApi({
    base: baseUrl,
    prefix: '/v1',
    authorize: ({ secret }) => ({ 'x-key': secret }),
    // A stand-in for BFL speaks for itself alone.
    alsoOwns: url => isVendor && isOfBfl(url),
  })
  return {
    id: 'bfl',
    models: bflModels,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 60,
    limits: { image: { maxOpen: ACTIVE_TASKS_MAX }, video: { maxOpen: ACTIVE_TASKS_MAX } },

    async submit(call) {
      const body = await prepare(async () => ({
        ...(call.body as BflBody),
        ...(await picturesOf(call)),
        ...(await webhookOf(call)),
      }))
      if ('status' in body) return body
      const request = { method: 'POST', path: `/${call.endpoint}`, body: body.made } as const
      return handOver(api, call, request, readSubmitted)
    },

    async look(call) {
      const operation = readOperation(call.operation)
      const { path, isGiven } = addressOf(api, operation)
      return readProgress(await api.request(call, { path }), operation, isGiven)
    },

    webhook: call => readDelivery(call, webhookSecret),

    async check(call): Promise<KeyCheck> {
      const answer = await api.request(call, { path: '/credits' })
      const kind = refusalOf(answer)?.kind
      if (kind === 'auth' || kind === 'permission' || kind === 'credits_exhausted') return { status: 'refused', kind }
      const amount = numberAt(answer.json, 'credits')
      if (answer.status !== 200 || amount === undefined) throw new Error(`BFL answered ${answer.status} about a key`)
      if (amount <= 0) return { status: 'refused', kind: 'credits_exhausted' }
      return { status: 'accepted', balance: { amount, unit: 'credits' } }
    },
  }

  /** Deliveries go to https only; a stand-in on this machine is not so strict. */
  async function webhookOf({ webhookUrl, attemptId, token }: SubmitCall): Promise<BflBody> {
    if (webhookUrl === null || (isVendor && !webhookUrl.startsWith('https:'))) return {}
    return { webhook_url: webhookUrl, webhook_secret: await secretOf(attemptId, token, webhookSecret) }
  }
}

function isOfBfl({ hostname, port }: URL): boolean {
  return port === '' && (hostname === 'bfl.ai' || hostname.endsWith('.bfl.ai'))
}

async function picturesOf({ files, body }: SubmitCall): Promise<BflBody> {
  const pictures: Json[] = []
  for (const file of files) pictures.push(await base64Of(file, PICTURE_MAX_BYTES))
  if (pictures.length === 0) return {}
  if ('mode' in (body as BflBody)) return { keyframes: pictures }
  return Object.fromEntries(
    pictures.map((each, index) => [index === 0 ? 'input_image' : `input_image_${index + 1}`, each]),
  )
}
