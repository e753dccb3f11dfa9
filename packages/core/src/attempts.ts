/** Handing a job over, and taking the answer in, however late it comes. */
import { asSubmitted } from './answers.ts'
import type { CurrentAttempt, Instant, Job, Submitted } from './contracts.ts'
import { inputFiles } from './input-files.ts'
import { laneOf, sizeOf } from './models.ts'
import { keepBytes, withExpiry } from './outputs.ts'
import type { Parts } from './parts.ts'
import { LEASE_SECONDS, wait } from './waiting.ts'
import { callProvider } from './provider-calls.ts'
import { fail, stop } from './settlement.ts'

/** A submit that threw: nobody knows what became of it. */
export type Answer = Submitted | { status: 'unknown' }

/** The first look comes this long after acceptance: a provider that has just said "queued" has nothing new to say. */
export const FIRST_LOOK_SECONDS = 0.5
/** A hand-over is on its way this soon after it began, or never; with pictures to read first, later. */
const PREPARE_SECONDS = 5
const READ_SECONDS = 30
const UNKNOWN_WAIT_SECONDS = 10

export function prepareSeconds({ input }: Pick<Job, 'input'>): number {
  return PREPARE_SECONDS + (input.images ? READ_SECONDS : 0)
}

/**
 * Sends the job out under its current attempt, by `sendBy`: later others may have gone on without us. Never throws: not
 * knowing is an answer, also about our own mapping.
 */
export async function offer(parts: Parts, job: Job, sendBy: Instant): Promise<Answer> {
  try {
    return await handOver(parts, job, sendBy)
  } catch (error) {
    parts.trouble(error, { jobId: job.id, doing: 'handing the job over' })
    return { status: 'unknown' }
  }
}

async function handOver(parts: Parts, job: Job, sendBy: Instant): Promise<Answer> {
  const attempt = job.attempt!
  const model = parts.registry.model(job.model)
  const route = parts.registry.route(job.model, attempt.provider, attempt.endpoint)
  const provider = parts.registry.provider(attempt.provider)
  if (!route || !provider) return { status: 'unknown' }
  const files = await inputFiles(parts, job)
  if (files === 'gone') return lostInput
  const body = route.body(job.input, sizeOf(model, job.input.size))
  const webhookUrl = parts.webhookUrl(attempt, job.id)
  const about = { action: 'submit', timeoutSeconds: provider.requestTimeoutSeconds } as const
  // This process stood still for long: others may have sent it meanwhile, or have found out that nobody did.
  if (parts.now() > sendBy) return provider.recovery === 'idempotent' ? { status: 'unknown' } : neverArrived
  return callProvider(parts, job, attempt, about, async (to, call) =>
    asSubmitted(await to.submit({ ...call, endpoint: attempt.endpoint, body, files, webhookUrl })),
  )
}

/** Asks after a submit whose answer was lost, in the way the provider declared. */
export async function askAgain(parts: Parts, job: Job, sendBy: Instant): Promise<Answer> {
  const attempt = job.attempt!
  const recovery = parts.registry.provider(attempt.provider)?.recovery
  if (recovery === 'idempotent') return offer(parts, job, sendBy)
  if (recovery !== 'lookup') return { status: 'unknown' }
  const about = { action: 'lookup', timeoutSeconds: 20 } as const
  try {
    const found = await callProvider(parts, job, attempt, about, async (provider, call) => {
      if (!provider.lookup) throw new Error(`${provider.id} declares lookup and has none`)
      const answer = await provider.lookup({ ...call, endpoint: attempt.endpoint })
      return answer.status === 'absent' ? answer : asSubmitted(answer)
    })
    return found.status === 'absent' ? neverArrived : found
  } catch (error) {
    parts.trouble(error, { jobId: job.id, doing: 'looking a lost submit up' })
    return { status: 'unknown' }
  }
}

/** Writes the answer down by attempt id, whatever has become of the job meanwhile. */
export async function absorb(parts: Parts, job: Job, answer: Answer): Promise<Job | null> {
  switch (answer.status) {
    case 'unknown':
      await parts.jobs.record(job.attempt!.id, { outcome: 'unknown', wakeInSeconds: UNKNOWN_WAIT_SECONDS })
      return wait(parts, job, UNKNOWN_WAIT_SECONDS)
    case 'refused':
      return refused(parts, job, answer)
    case 'running':
      return accepted(parts, job, { operation: answer.operation, wakeInSeconds: FIRST_LOOK_SECONDS })
    case 'done': {
      const kept = await keepBytes(parts, job, answer.outputs)
      if (kept === 'lost') return fail(parts, job, 'storage_failed', 'yes')
      const outputs = withExpiry(kept, parts.now())
      return accepted(parts, job, { operation: answer.operation ?? null, outputs, wakeInSeconds: LEASE_SECONDS })
    }
  }
}

/** Writes down that the provider took the attempt; null where the job had gone on without it. */
export async function accepted(
  parts: Parts,
  job: Job,
  answer: Omit<Extract<Parameters<Parts['jobs']['record']>[1], { outcome: 'accepted' }>, 'outcome' | 'runUntil'>,
): Promise<Job | null> {
  const { id } = job.attempt!
  const timeoutSeconds = parts.registry.model(job.model).timeoutSeconds
  const runUntil = parts.now() + timeoutSeconds * 1000
  const { moved, job: now, attempt } = await parts.jobs.record(id, { outcome: 'accepted', runUntil, ...answer })
  if (moved) {
    await report(parts, job, { outcome: 'accepted' })
    return now
  }
  // A webhook may have adopted this very attempt; anything else means that nobody is waiting for it any more.
  const adopted =
    now.attempt?.id === id && now.state !== 'refunding' && now.state !== 'failed' && now.state !== 'canceled'
  if (!adopted) await stop(parts, now, attempt)
  return null
}

async function refused(parts: Parts, job: Job, answer: Extract<Submitted, { status: 'refused' }>): Promise<Job | null> {
  const { kind, scope, paid, retryAfterSeconds } = answer
  await report(parts, job, {
    outcome: 'refused',
    refusal: { kind, scope, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
  })
  const refusal = { kind, scope, paid }
  const { moved, job: now } = await parts.jobs.record(job.attempt!.id, {
    outcome: 'refused',
    refusal,
    // Whoever sends it again meanwhile may be taken: then this says nothing.
    ...(parts.registry.provider(job.attempt!.provider)?.recovery === 'idempotent' ? { version: job.version } : {}),
    wakeInSeconds: LEASE_SECONDS,
  })
  return moved ? now : null
}

/** What an answer taught about the token. Learning is a favour to later jobs and never fails this one. */
async function report(
  parts: Parts,
  job: Job,
  news: Pick<Parameters<Parts['tokens']['report']>[0], 'outcome' | 'refusal'>,
): Promise<void> {
  const { id, provider, token }: CurrentAttempt = job.attempt!
  const account = parts.registry.token(provider, token)?.account ?? token
  const lane = laneOf(job.kind)
  await parts.tokens.report({ attemptId: id, provider, token, account, lane, model: job.model, ...news })
}

const neverArrived = {
  status: 'refused',
  kind: 'unreachable',
  scope: 'provider',
  message: 'The provider never got it.',
  paid: 'no',
} as const
const lostInput = {
  status: 'refused',
  kind: 'invalid_input',
  scope: 'request',
  message: 'An input image is no longer there.',
  paid: 'no',
} as const
