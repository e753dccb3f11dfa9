/** fal.ai: jobs go to its queue, their status is streamed, and the result is a request of its own. */
import { createApi, handOver, numberAt } from '@safelight/core/adapter'
import type { Answer, Api } from '@safelight/core/adapter'
import type { KeyCheck, LookCall, Progress, Provider, Submitted, SubmitCall, TokenCall } from '@safelight/core'
import { failureOf, isLocked, isPending, redacted, refusalOf, verdictOfType, type Failed } from './failures.ts'
import { bodyWithInputs } from './inputs.ts'
import { loadedOnce } from './loaded-once.ts'
import { falModels } from './models.ts'
import { operationFrom, readOperation, requestIdIn, statusAddress, type Operation } from './operation.ts'
import { OUTPUT_LIFETIME_SECONDS, outputsIn } from './outputs.ts'
import { queueStatusIn, type Completed } from './progress.ts'

/** Other origins for fal's three APIs: a proxy, or a simulator. */
export interface FalOptions {
  /** `https://queue.fal.run` where absent. */
  queueUrl?: string
  /** `https://fal.run` where absent. Nothing is sent there; an answer of the queue may point there. */
  runUrl?: string
  /** `https://rest.fal.ai` where absent: uploads, the balance, the keys of webhooks. */
  restUrl?: string
}

export type FalProvider = Provider &
  Required<Pick<Provider, 'follow' | 'cancel' | 'webhook' | 'check'>> & {
    readonly id: 'fal'
    readonly models: typeof falModels
  }

/** The provider for fal.ai (docs.fal.ai/model-endpoints/queue). */
export function fal(options: FalOptions = {}): FalProvider {
  const authorize = ({ secret }: { secret: string }) => ({ authorization: `Key ${secret}` })
  // Whoever replaces the queue means it: then fal's own hosts get no key either.
  const runUrl = options.runUrl ?? (options.queueUrl === undefined ? 'https://fal.run' : null)
  const runOrigin = runUrl === null ? null : new URL(runUrl).origin
  const queue = createApi({
    base: options.queueUrl ?? 'https://queue.fal.run',
    authorize,
    alsoOwns: url => url.origin === runOrigin,
  })
  const rest = createApi({ base: options.restUrl ?? 'https://rest.fal.ai', authorize })

  const verifier = loadedOnce(async () => {
    const { createVerifier } = await import('./webhook.ts')
    return createVerifier(rest.url('/.well-known/jwks.json'))
  })

  return {
    id: 'fal',
    models: falModels,
    // No idempotency key, and no list of one's requests; but the webhook names a request whose answer was lost.
    recovery: 'atMostOnce',
    // Large input pictures are uploaded within it.
    requestTimeoutSeconds: 60,
    // The FAQ's 10 requests a second. Beyond what an account may run at once (2 to begin with) jobs wait in fal's queue.
    limits: { image: { perMinute: 600 }, video: { perMinute: 600 } },

    submit: call => submit(queue, rest, call),

    async look(call) {
      const operation = readOperation(queue, call.operation)
      const answer = await queue.request(call, { path: statusAddress(operation, 'once') })
      const status = answer.status >= 200 && answer.status < 300 ? queueStatusIn(answer.json) : null
      if (!status) throw new Error(`fal’s status answered ${answer.status}, which says nothing about the job`)
      return status.status === 'open' ? status.news : ended(queue, call, operation, status)
    },

    async follow(call) {
      const operation = readOperation(queue, call.operation)
      // Loaded after the submit that was paid: where that fails it throws as a broken line does, and the job is looked at.
      const { lastStatus } = await import('./status-stream.ts')
      const status = await lastStatus(queue, call, operation)
      return ended(queue, call, operation, status)
    },

    async cancel(call) {
      const { cancelUrl } = readOperation(queue, call.operation)
      const { status } = await queue.request(call, { method: 'PUT', path: cancelUrl })
      // 400: it has finished already.
      if (status >= 300 && status !== 400) throw new Error(`fal’s cancel answered ${status}`)
    },

    // Where that fails nothing was said about the delivery: fal delivers again, and the job is looked at meanwhile.
    webhook: async call => (await verifier())(call),
    check: call => checkKey(rest, call),
  }
}

/** fal may start a request again after a 503 of its own machines: that is still one request to us, and one bill. */
async function submit(queue: Api, rest: Api, call: SubmitCall): Promise<Submitted> {
  const inputs = await bodyWithInputs(rest, call)
  if ('status' in inputs) return inputs
  const { body } = inputs
  const query = call.webhookUrl === null ? '' : `?fal_webhook=${encodeURIComponent(call.webhookUrl)}`
  const headers = {
    'x-fal-object-lifecycle-preference': JSON.stringify({ expiration_duration_seconds: OUTPUT_LIFETIME_SECONDS }),
  }
  return handOver(queue, call, { method: 'POST', path: `/${call.endpoint}${query}`, headers, body }, answer =>
    submittedIn(answer, call),
  )
}

function submittedIn(answer: Answer, { endpoint, token }: SubmitCall): Submitted {
  const requestId = answer.status >= 200 && answer.status < 300 ? requestIdIn(answer.json) : undefined
  if (requestId !== undefined) return { status: 'running', operation: operationFrom(answer.json, requestId, endpoint) }
  const refusal = refusalOf(answer, token)
  if (refusal) return refusal
  throw new Error(`fal answered ${answer.status} to a submit, and does not say whether it took the job`)
}

/** Finished is not succeeded: what became of it stands in the status, where the platform failed, else in the result. */
async function ended(queue: Api, call: LookCall, operation: Operation, status: Completed): Promise<Progress> {
  const { error, errorType } = status
  const verdict = verdictOfType(errorType)
  const message = redacted(`fal: ${errorType ?? ''} ${error ?? ''}`, call.token)
  if (verdict) return { status: 'failed', ...verdict, message }
  const isSaid = error !== undefined || errorType !== undefined
  const unexplained: Failed = { status: 'failed', kind: 'provider_error', paid: 'unknown', message }

  const answer = await queue.request(call, { path: operation.resultUrl })
  if (answer.status === 202 || isPending(answer)) return { status: 'running', stage: 'running' }
  if (answer.status >= 200 && answer.status < 300) return doneIn(answer)
  const failure = failureOf(answer, call.token) ?? (isSaid ? unexplained : null)
  if (failure) return failure
  throw new Error(`fal’s result answered ${answer.status}, which says nothing about the job`)
}

function doneIn({ json, status }: Answer): Progress {
  if (typeof json !== 'object' || json === null) throw new Error(`fal’s result answered ${status} without JSON`)
  const outputs = outputsIn(json, Date.now())
  if (outputs.length > 0) return { status: 'done', outputs }
  return { status: 'failed', kind: 'no_output', paid: 'yes', message: 'The result names no files.' }
}

/** By the balance (`/billing/user_balance`), which costs nothing. A key without the right to read it may still be good. */
async function checkKey(rest: Api, call: TokenCall): Promise<KeyCheck> {
  const answer = await rest.request(call, { path: '/billing/user_balance' })
  if (answer.status === 401) return { status: 'refused', kind: 'auth' }
  if (isLocked(answer)) return { status: 'refused', kind: 'credits_exhausted' }
  if (answer.status === 403) return { status: 'refused', kind: 'permission' }
  const amount = typeof answer.json === 'number' ? answer.json : numberAt(answer.json, 'balance')
  if (answer.status !== 200 || amount === undefined) throw new Error(`fal’s balance answered ${answer.status}`)
  return { status: 'accepted', balance: { amount, unit: 'USD' } }
}
