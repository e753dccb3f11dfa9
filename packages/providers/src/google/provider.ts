/**
 * Google's Gemini API: pictures from `generateContent`, which holds the line; clips from Veo, a long-running operation,
 * and from Gemini Omni, an interaction in the background. One key for all three.
 */
import type { Json, KeyCheck, Provider, SubmitCall } from '@safelight/core'
import { type Answer, createApi, handOver, prepare, textAt } from '@safelight/core/adapter'
import { openOutput } from './download.ts'
import { contentOf, readImages } from './images.ts'
import { interactionOf, isInteractionId, readInteraction, readInteractionSubmitted } from './interactions.ts'
import { type GoogleBody, googleModels } from './models.ts'
import { refusalOf } from './refusals.ts'
import { instanceOf, isOperationName, readVeoProgress, readVeoSubmitted } from './veo.ts'
import { createWebhookReader } from './webhooks.ts'

export interface GoogleOptions {
  /** With or without `/v1beta`; `https://generativelanguage.googleapis.com` where absent. */
  baseUrl?: string
  /** Of a webhook registered with the project, as in `whsec_…`; webhooks of single jobs are signed by Google and need none. */
  webhookSecret?: string
}

export type GoogleProvider = Provider & {
  readonly id: 'google'
  readonly models: typeof googleModels
  readonly download: NonNullable<Provider['download']>
}

/** Of an answer with a picture of 4K inside. */
const PICTURE_ANSWER_MAX_BYTES = 64 * 1024 * 1024

export function google({
  baseUrl = 'https://generativelanguage.googleapis.com',
  webhookSecret,
}: GoogleOptions = {}): GoogleProvider {
  const api = createApi({
    base: baseUrl,
    prefix: '/v1beta',
    // Never in the address, where logs would keep it.
    authorize: ({ secret }) => ({ 'x-goog-api-key': secret }),
  })
  const isLocal = api.url('/').startsWith('http:')
  const readDelivery = createWebhookReader(new URL('/.well-known/jwks.json', api.url('/')).href, webhookSecret)

  return {
    id: 'google',
    models: googleModels,
    recovery: 'atMostOnce',
    // A picture is made while the line is held; giving up neither stops nor unbills it.
    requestTimeoutSeconds: 180,
    // Limits are shown in AI Studio only, project by project: careful guesses to learn from.
    limits: { image: { perMinute: 10 }, video: { perMinute: 2, maxOpen: 10 } },

    async submit(call) {
      const surface = surfaceOf(call.endpoint)
      const ready = await prepare(() => surface.make(call, webhookOf(call)))
      if ('status' in ready) return ready
      const request = {
        method: 'POST',
        path: surface.path,
        body: ready.made,
        maxBytes: PICTURE_ANSWER_MAX_BYTES,
      } as const
      return handOver(api, call, request, surface.read)
    },

    async look(call) {
      const operation = readOperation(call.operation)
      const answer = await api.request(call, { path: operation.path })
      return operation.surface === 'veo'
        ? readVeoProgress(answer, operation.name)
        : readInteraction(answer, operation.name)
    },

    async cancel(call) {
      // A picture has no name to cancel it by, and Veo no way to.
      if (call.operation === null) return
      const { surface, path } = readOperation(call.operation)
      if (surface === 'veo') return
      const { status } = await api.request(call, { method: 'POST', path: `${path}/cancel`, body: {} })
      // What has ended cannot be cancelled.
      if (status >= 300 && status !== 400 && status !== 404) throw new Error(`Google answered a cancel with ${status}`)
    },

    download: call => openOutput(api, call),
    webhook: readDelivery,

    async check(call): Promise<KeyCheck> {
      const answer = await api.request(call, { path: '/models?pageSize=1' })
      const kind = refusalOf(answer)?.kind
      if (kind === 'auth' || kind === 'permission' || kind === 'credits_exhausted') return { status: 'refused', kind }
      if (answer.status !== 200) throw new Error(`Google answered ${answer.status} about a key`)
      return { status: 'accepted' }
    },
  }

  /** Deliveries go to https only; a stand-in on this machine is not so strict. */
  function webhookOf({ webhookUrl }: SubmitCall): string | null {
    return webhookUrl !== null && (isLocal || webhookUrl.startsWith('https:')) ? webhookUrl : null
  }
}

interface Surface {
  path: string
  make(call: SubmitCall, webhook: string | null): Promise<GoogleBody>
  read(answer: Answer): ReturnType<typeof readImages>
}

/** By what stands behind the colon of the endpoint. */
function surfaceOf(endpoint: string): Surface {
  const path = `/models/${endpoint}`
  if (endpoint.endsWith(':generateContent')) return { path, make: contentOf, read: readImages }
  if (endpoint.endsWith(':predictLongRunning')) {
    const make: Surface['make'] = async (call, webhook) => ({
      ...(await instanceOf(call)),
      ...(webhook === null ? {} : { webhookConfig: { uris: [webhook] } }),
    })
    return { path, make, read: readVeoSubmitted }
  }
  const make: Surface['make'] = async (call, webhook) => ({
    ...(await interactionOf(call)),
    ...(webhook === null ? {} : { webhook_config: { uris: [webhook], user_metadata: { attempt: call.attemptId } } }),
  })
  return { path: '/interactions', make, read: readInteractionSubmitted }
}

/** Throws on what is no operation of ours: names go into paths. */
function readOperation(operation: Json): { surface: 'veo' | 'interactions'; name: string; path: string } {
  const [name, id] = [textAt(operation, 'name'), textAt(operation, 'id')]
  if (isOperationName(name)) return { surface: 'veo', name, path: `/${name}` }
  if (isInteractionId(id)) return { surface: 'interactions', name: id, path: `/interactions/${id}` }
  throw new Error('This is no operation of Google')
}
