/** How a job ends: what was delivered is recorded, and the rest is given back, once. */
import type { Attempt, Job, Paid, Settlement } from './contracts.ts'
import { FAILURES, type FailureCode } from './errors.ts'
import { indexOf } from './outputs.ts'
import type { Parts } from './parts.ts'
import { LEASE_SECONDS } from './waiting.ts'
import { CALL_TIMEOUT_SECONDS, callProvider } from './provider-calls.ts'

interface FailExtra {
  message?: string
  idempotencyKey?: null
}

/** From here on the credits are on their way back; `failed` is said only once they are. */
export function fail(
  parts: Parts,
  job: Job,
  code: FailureCode,
  paid: Paid,
  extra: FailExtra = {},
): Promise<Job | null> {
  const { message = FAILURES[code], ...patch } = extra
  const failure = { code, message, paid }
  return parts.jobs.move(job, 'refunding', { ...patch, failure, ending: 'failed', wakeInSeconds: LEASE_SECONDS })
}

/** The last effect of a job that did not succeed. */
export async function refund(parts: Parts, job: Job): Promise<Job | null> {
  const mayStillRun = job.ending === 'canceled' || job.failure?.code === 'timed_out'
  if (mayStillRun && job.attempt) {
    for (const attempt of await parts.jobs.attempts(job.id)) await stop(parts, job, attempt)
  }
  const reason = job.ending === 'canceled' ? 'Canceled' : (job.failure?.message ?? 'Failed')
  return parts.settle({ job, ending: job.ending ?? 'failed', files: [], reason })
}

/** Asks the provider to stop, once and as a favour: whether it does changes nothing for the user. */
export async function stop(parts: Parts, job: Job, attempt: Attempt): Promise<void> {
  const { operation } = attempt
  if (operation === null || attempt.outcome === 'refused' || attempt.cancelAskedAt !== null) return
  if (!parts.registry.provider(attempt.provider)?.cancel || !(await parts.jobs.askCancel(attempt.id))) return
  const about = { action: 'cancel', timeoutSeconds: CALL_TIMEOUT_SECONDS } as const
  await callProvider(parts, job, attempt, about, async (provider, call) => {
    await provider.cancel?.({ ...call, operation })
  }).catch((error: unknown) => parts.trouble(error, { jobId: job.id, doing: 'asking the provider to cancel' }))
}

/**
 * The same as one fused call, in steps that may each be repeated. What is delivered is decided first, by compare-and-set:
 * two who have copied different files would else refund for the one and deliver for the other.
 */
export async function settleSeparately(parts: Parts, { job, ending, files, reason }: Settlement): Promise<Job | null> {
  const isDecided = ending !== 'succeeded' || job.media.length > 0
  const media = files.map(({ file }) => file)
  const decided = isDecided ? job : await parts.jobs.move(job, job.state, { media, wakeInSeconds: LEASE_SECONDS })
  if (!decided) return null
  const delivered = ending === 'succeeded' ? decided.media : []
  const { retentionDays } = await parts.settings.read()
  const expiresAt = parts.now() + retentionDays * 86_400_000
  const { id: jobId, userId, kind } = job
  for (const file of delivered) {
    await parts.library.add({ id: parts.newId(), userId, kind, jobId, index: indexOf(file), file, expiresAt })
  }
  const amount = Math.floor((job.price * (job.count - delivered.length)) / job.count)
  const { refunded } = amount === 0 ? { refunded: 0 } : await parts.ledger.refund({ reference: jobId, amount, reason })
  return parts.jobs.move(decided, ending, { media: delivered, refundedCredits: refunded })
}
