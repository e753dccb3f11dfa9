/** Replicate (replicate.com/docs/reference/http): predictions, polled or pushed. */
import type { KeyCheck, Provider, SubmitCall, Submitted } from '@safelight/core'
import { createApi, handOver, refused, textAt } from '@safelight/core/adapter'
import type { Answer, Api } from '@safelight/core/adapter'
import { inputOf } from './inputs.ts'
import { replicateModels } from './models.ts'
import { addressOf, idOf, operationOf, readOperation } from './operation.ts'
import { outputsOf, progressOf } from './prediction.ts'
import { refusalOf } from './refusals.ts'
import { createVerifier } from './webhooks.ts'

export interface ReplicateOptions {
  /** The API's origin, with or without `/v1`; `https://api.replicate.com` where absent. */
  baseUrl?: string
  /**
   * Lets a submit wait so long for its output, from 1 to 60. Not by default: the longer the answer takes, the longer it can
   * be lost, and a lost one cannot be asked after.
   */
  waitSeconds?: number
}

export interface ReplicateProvider extends Provider {
  readonly id: 'replicate'
  readonly models: typeof replicateModels
}

const SUBMIT_SECONDS = 30
/** Creating predictions, per account (replicate.com/docs/topics/predictions/rate-limits). */
const CREATES_PER_MINUTE = 600

/** Replicate, with the models of `replicateModels`. */
export function replicate(options: ReplicateOptions = {}): ReplicateProvider {
  const waitSeconds = Math.min(60, Math.max(0, Math.floor(options.waitSeconds ?? 0)))
  const api = createApi({
    base: options.baseUrl ?? 'https://api.replicate.com',
    prefix: '/v1',
    authorize: token => ({ authorization: `Bearer ${token.secret}` }),
  })
  return {
    id: 'replicate',
    models: replicateModels,
    // No key makes a submit idempotent, and the list of predictions does not name the webhook: nothing in it is certainly ours.
    recovery: 'atMostOnce',
    requestTimeoutSeconds: SUBMIT_SECONDS + waitSeconds,
    limits: { image: { perMinute: CREATES_PER_MINUTE }, video: { perMinute: CREATES_PER_MINUTE } },

    submit: call => submit(api, call, waitSeconds),

    async look(call) {
      const operation = readOperation(call.operation)
      const { status, json } = await api.request(call, { path: addressOf(operation, 'get', api) })
      // Not a word about the prediction: a 404 too may come from a gateway, or before a new one is everywhere.
      const isPrediction = idOf(json) === operation.id && textAt(json, 'status') !== undefined
      if (status !== 200 || !isPrediction) throw new Error(`Looking answered ${status} and no such prediction`)
      return progressOf(json, Date.now())
    },

    async cancel(call) {
      const path = addressOf(readOperation(call.operation), 'cancel', api)
      const { status } = await api.request(call, { method: 'POST', path })
      if (status >= 300) throw new Error(`Canceling answered ${status}`)
    },

    webhook: createVerifier(api),

    check: async call => checkOf(await api.request(call, { path: '/account' })),
  }
}

async function submit(api: Api, call: SubmitCall, waitSeconds: number): Promise<Submitted> {
  const target = targetOf(call.endpoint)
  if (!target) return refused('model_unavailable', `Replicate has no endpoint ${call.endpoint}.`)
  const prepared = await inputOf(api, call)
  if (!('made' in prepared)) return prepared
  const request = {
    method: 'POST',
    path: target.path,
    headers: waitSeconds > 0 ? { prefer: `wait=${waitSeconds}` } : {},
    body: { ...target.fields, input: prepared.made, ...webhookFields(api, call.webhookUrl) },
  } as const
  return handOver(api, call, request, answer => readSubmit(api, answer, waitSeconds > 0))
}

/** `owner/name`, the same with `:version`, or `deployments/owner/name`; null for anything else. */
function targetOf(endpoint: string): { path: string; fields: { version?: string } } | null {
  const word = '[A-Za-z0-9][\\w.-]*'
  const [, deployment, owner, name, version] =
    new RegExp(`^(deployments/)?(${word})/(${word})(?::([0-9a-f]{64}))?$`).exec(endpoint) ?? []
  if (owner === undefined || name === undefined) return null
  if (version !== undefined) return deployment ? null : { path: '/predictions', fields: { version } }
  return { path: `/${deployment ? 'deployments' : 'models'}/${owner}/${name}/predictions`, fields: {} }
}

/** Replicate calls https addresses only, and refuses a prediction with another; a stand-in on this machine may call any. */
function webhookFields(api: Api, webhookUrl: string | null): object {
  const isCallable = webhookUrl !== null && (webhookUrl.startsWith('https://') || api.url('/').startsWith('http://'))
  return isCallable ? { webhook: webhookUrl, webhook_events_filter: ['completed'] } : {}
}

/** Throws where the answer does not say whether there is a prediction now. */
function readSubmit(api: Api, answer: Answer, hasWaited: boolean): Submitted {
  const { status, json } = answer
  const operation = status >= 200 && status < 300 ? operationOf(json, api) : null
  if (!operation) {
    const refusal = refusalOf(answer)
    if (refusal) return refusal
    throw new Error(`A submit answered ${status} and does not say whether it was taken`)
  }
  const kept = { ...operation }
  const progress = progressOf(json, Date.now())
  if (progress.status === 'done') return { ...progress, operation: kept }
  // A blocking answer comes with its output and still says "processing"; but a 202 has come before the end.
  const isWhole = hasWaited && status !== 202 && progress.status === 'running'
  const outputs = isWhole ? outputsOf(json, Date.now()) : []
  if (outputs.length > 0) return { status: 'done', outputs, operation: kept }
  // Also one that has failed already: it has an id, and its next look says so.
  return { status: 'running', operation: kept }
}

function checkOf({ status }: Answer): KeyCheck {
  if (status === 200) return { status: 'accepted' }
  if (status === 401) return { status: 'refused', kind: 'auth' }
  if (status === 402) return { status: 'refused', kind: 'credits_exhausted' }
  if (status === 403) return { status: 'refused', kind: 'permission' }
  throw new Error(`Asking for the account answered ${status}`)
}
