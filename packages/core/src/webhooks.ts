/** Deliveries from providers: an accelerator, never the only way. What is believed of one is the name of the work, no more. */
import { accepted } from './attempts.ts'
import type { Attempt, Job, Json, WebhookNews } from './contracts.ts'
import { SafelightError } from './errors.ts'
import { isEnded } from './lifecycle.ts'
import type { Parts } from './parts.ts'
import { wait } from './waiting.ts'
import { CALL_TIMEOUT_SECONDS, callProvider } from './provider-calls.ts'

export interface Delivery {
  provider: string
  jobId: string
  attemptId: string
  body: Uint8Array
  headers: Headers
}

/** The provider's name for an attempt whose answer was lost: the same as if the answer had come. */
export function adopt(parts: Parts, job: Job, attempt: Attempt, operation: Json): Promise<Job | null> {
  return accepted(parts, { ...job, attempt }, { operation, wakeInSeconds: 0 })
}

/** Takes a delivery in; the job it woke, null where it changes nothing. Throws `bad_signature`, `not_found`. */
export async function takeDelivery(parts: Parts, delivery: Delivery): Promise<Job | null> {
  const { provider } = delivery
  const { job, attempt } = await addressee(parts, delivery)
  const news = await verified(parts, job, attempt, delivery)
  // Two providers, or two jobs of one, may number their deliveries alike.
  const deliveryId = `${attempt.id}/${news.deliveryId}`.slice(0, 200)
  if (await parts.deliveries.seen(provider, deliveryId)) return null
  const operation = news.status === 'verified' ? news.operation : undefined
  const woken =
    operation !== undefined && attempt.operation === null
      ? await adopt(parts, job, attempt, operation)
      : isEnded(job)
        ? null
        : await wait(parts, job, 0)
  await parts.deliveries.remember(provider, deliveryId)
  return woken
}

async function addressee(
  parts: Parts,
  { provider, jobId, attemptId }: Delivery,
): Promise<{ job: Job; attempt: Attempt }> {
  const job = await parts.jobs.find(jobId)
  const attempts = job ? await parts.jobs.attempts(jobId) : []
  const attempt = attempts.find(each => each.id === attemptId && each.provider === provider)
  if (!job || !attempt) throw new SafelightError('not_found', 'Nobody waits for this delivery.')
  return { job, attempt }
}

async function verified(
  parts: Parts,
  job: Job,
  attempt: Attempt,
  { body, headers }: Delivery,
): Promise<Exclude<WebhookNews, { status: 'forged' }>> {
  const { endpoint } = attempt
  const about = { action: 'webhook', timeoutSeconds: CALL_TIMEOUT_SECONDS } as const
  const news = await callProvider(parts, job, attempt, about, async (provider, call) => {
    if (!provider.webhook) throw new SafelightError('not_found', 'Nobody waits for this delivery.')
    return provider.webhook({ ...call, endpoint, body, headers, now: parts.now() })
  })
  if (news.status === 'forged') throw new SafelightError('bad_signature', 'The signature does not match.')
  return news
}
