/**
 * The life of a job, from request to settled.
 *
 *   created ─▶ charged ─▶ submitting ─▶ running ─▶ storing ─▶ succeeded
 *      │          │ ▲──refused──┘ │ ▲──────┘ │        │
 *      └──────────┴───────────────┴──────────┴────────┴─▶ refunding ─▶ failed | canceled
 *
 * A state names the one effect that is still owed. A step performs that effect, keyed so that doing it twice is doing
 * it once, and then moves the job by compare-and-set on (state, version). A crash between the two is harmless: whoever
 * picks the job up next repeats the step. Submit, resume, webhook, worker, sweep and cancel all enter `advance`.
 *
 * A step answers with the job as it left it: moved on; or the same version where there is nothing to do before its
 * wake time; or null where somebody else moved the job first.
 */
import { asProgress } from './answers.ts'
import { absorb, askAgain, type Answer, FIRST_LOOK_SECONDS, offer, prepareSeconds } from './attempts.ts'
import type { Attempt, Job, OpenState, Paid, Progress } from './contracts.ts'
import { SafelightError, type FailureCode } from './errors.ts'
import { laneOf } from './models.ts'
import { copyOutputs, inOurStore, keepBytes, withExpiry } from './outputs.ts'
import type { Parts } from './parts.ts'
import { backoffSeconds, LEASE_SECONDS, oneMore, secondsUntil, wait } from './waiting.ts'
import { CALL_TIMEOUT_SECONDS, callProvider } from './provider-calls.ts'
import { fail, refund } from './settlement.ts'

type Step = (parts: Parts, job: Job) => Promise<Job | null>

const steps: Record<OpenState, Step> = {
  created: charge,
  charged: dispatch,
  submitting: recover,
  running: look,
  storing: (parts, job) => store(parts, job),
  refunding: refund,
}

/** The longest path to an end state, every retry included, with room to spare. */
const MOVES_MAX = 20
/** Hand-overs that failed, before the job is given up. */
const ATTEMPTS_MAX = 3
/** A job past its time ends after this many failed looks in a row, over at least this long. */
const LAST_LOOKS = { count: 10, seconds: 600 }
/** A lost submit past its time is asked after so often before it is given up. */
const LAST_ASKS = 3
/** An output that is not there, or is no picture, may still appear for this long. */
const UNUSABLE_SECONDS = 60
/** A copy that has failed for this long is tried less often, to the end of the output's lifetime. */
const LONG_TROUBLE = { seconds: 3600, pauseSeconds: 300 }
/** A copy that fails is given up after this, however often its address is renewed. */
const TROUBLE_SECONDS = 2 * 86_400
/** An address that is not open to us may open, or be replaced, for this long. */
const DENIED_SECONDS = 600
/** Another version of this app, or the same one with all its keys, may know what this process does not. */
const STRANGER_WAIT_SECONDS = 60

/** Takes a job as far as it can go now; before its wake time only where `early` says so. */
export async function advance(parts: Parts, job: Job, { early = false } = {}): Promise<Job> {
  if (isEnded(job) || (!early && parts.now() < job.wakeAt)) return job
  let current = job
  for (let moves = 0; moves < MOVES_MAX && !isEnded(current); moves++) {
    const next = await steps[current.state as OpenState](parts, current)
    if (next === null) return (await parts.jobs.find(job.id)) ?? current
    parts.changed(next)
    // A copy from a fresh address that failed as well has moved the job, and waits all the same.
    const isPutOff = next.state === 'storing' && current.state === 'storing' && parts.now() < next.wakeAt
    if (next.version === current.version || isPutOff) return next
    current = next
  }
  return current
}

/** Stops a job that nobody wants any more, where it is not too late; the credits are back when it says `canceled`. */
export async function cancel(parts: Parts, job: Job): Promise<Job> {
  let current = job
  for (let tries = 0; tries < MOVES_MAX; tries++) {
    if (current.state === 'refunding' || current.state === 'canceled') return current
    if (current.state === 'storing' || isEnded(current)) {
      throw new SafelightError('already_finished', 'The job has finished and cannot be canceled any more.')
    }
    if (current.state === 'running') await takeFreeCancel(parts, current)
    const moved = await parts.jobs.move(current, 'refunding', { ending: 'canceled', wakeInSeconds: 0 })
    if (moved) {
      parts.followers.drop(job.id)
      return advance(parts, moved, { early: true })
    }
    current = (await parts.jobs.find(job.id)) ?? current
  }
  throw new SafelightError('internal', 'The job moves too fast to be canceled; try again.')
}

export function isEnded(job: Job): boolean {
  return job.state === 'succeeded' || job.state === 'failed' || job.state === 'canceled'
}

/** created: only where charge and job are written separately; a fused admission begins with `charged`. */
export async function charge(parts: Parts, job: Job): Promise<Job | null> {
  if (parts.now() >= job.queueUntil) return fail(parts, job, 'no_capacity', 'no')
  const { id, userId, price, kind, model } = job
  if (price === 0) return parts.jobs.move(job, 'charged', { wakeInSeconds: 0 })
  const { outcome } = await parts.ledger.charge({ userId, amount: price, reference: id, kind, description: model })
  if (outcome === 'charged' || outcome === 'replayed') return parts.jobs.move(job, 'charged', { wakeInSeconds: 0 })
  // Nothing was taken: the request is as good as never made, and its key is free for another try.
  return fail(parts, job, 'refused', 'no', { message: 'There were not enough credits.', idempotencyKey: null })
}

/** charged: choose route and token, write the attempt and claim the job in one, and only then hand it over. */
async function dispatch(parts: Parts, job: Job): Promise<Job | null> {
  const attempts = job.attempt ? await parts.jobs.attempts(job.id) : []
  const verdict = verdictOn(attempts)
  if (verdict) return fail(parts, job, verdict.code, verdict.paid)
  if (parts.now() >= job.queueUntil) return fail(parts, job, 'no_capacity', 'no')
  const model = parts.registry.find(job.model)
  if (!model) return wait(parts, job, STRANGER_WAIT_SECONDS)
  const candidates = parts.registry.candidates(model, job.input, attempts)
  const restSeconds = secondsUntil(parts, parts.registry.restUntil(candidates, attempts))
  if (restSeconds > 0) return wait(parts, job, restSeconds)

  const sendBy = parts.now() + prepareSeconds(job) * 1000
  const wakeInSeconds = prepareSeconds(job) + parts.registry.longestSubmitSeconds(candidates)
  const number = attempts.length + 1
  const request = { job, attemptId: parts.newId(), number, lane: laneOf(job.kind), candidates, wakeInSeconds }
  const begun = await parts.begin(request)
  switch (begun.status) {
    case 'begun':
      parts.changed(begun.job)
      return absorb(parts, begun.job, await offer(parts, begun.job, sendBy))
    case 'wait':
      return wait(parts, job, Math.min(begun.waitSeconds, secondsUntil(parts, job.queueUntil)))
    case 'none':
      return fail(parts, job, attempts.length > 0 ? 'refused' : 'no_capacity', 'no')
    case 'lost':
      return null
  }
}

/** What the failed attempts add up to: nothing yet, or the end. */
function verdictOn(attempts: readonly Attempt[]): { code: FailureCode; paid: Paid } | null {
  const last = attempts.at(-1)
  if (last?.refusal?.scope === 'request') {
    return { code: last.refusal.kind === 'content_policy' ? 'content_policy' : 'refused', paid: last.refusal.paid }
  }
  // "Come back later" does not count: it costs nothing, and the time in the queue bounds it.
  const counted = attempts.filter(({ refusal }) => refusal?.kind !== 'rate_limited' && refusal?.kind !== 'concurrency')
  if (counted.length < ATTEMPTS_MAX) return null
  return { code: last?.refusal ? 'refused' : 'provider_failed', paid: last?.refusal?.paid ?? 'no' }
}

/** submitting: the answer was lost, or is on its way. A paid request is never sent twice for one attempt. */
async function recover(parts: Parts, job: Job): Promise<Job | null> {
  const attempt = job.attempt!
  const provider = parts.registry.provider(attempt.provider)
  if (!provider || !parts.registry.find(job.model)) return wait(parts, job, STRANGER_WAIT_SECONDS)
  const seconds = prepareSeconds(job) + provider.requestTimeoutSeconds
  const silentUntil = attempt.startedAt + seconds * 1000
  if (parts.now() < silentUntil) return wait(parts, job, secondsUntil(parts, silentUntil))

  // Of several who ask at once one may be refused and another taken: only one asks.
  const sendBy = parts.now() + prepareSeconds(job) * 1000
  const mine = await parts.jobs.move(job, 'submitting', { wakeInSeconds: seconds })
  return mine && foundOut(parts, mine, await findOut(parts, mine, sendBy))
}

async function foundOut(parts: Parts, job: Job, answer: Answer): Promise<Job | null> {
  if (answer.status !== 'unknown') return absorb(parts, job, answer)
  const attempt = job.attempt!
  const troubles = oneMore(parts, job)
  const isOverdue = parts.now() >= attempt.startedAt + parts.registry.model(job.model).timeoutSeconds * 1000
  const newsMayCome =
    parts.registry.provider(attempt.provider)?.recovery !== 'atMostOnce' || parts.webhookUrl(attempt, job.id) !== null
  if (newsMayCome && !(isOverdue && troubles.count >= LAST_ASKS)) {
    return wait(parts, job, backoffSeconds(troubles.count), { troubles })
  }
  await absorb(parts, job, answer)
  return fail(parts, job, 'submit_unknown', 'unknown')
}

/** What of the answer is in our store already counts, unless the provider can give all of it again. */
async function findOut(parts: Parts, job: Job, sendBy: number): Promise<Answer> {
  const kept = await inOurStore(parts, job)
  const asked: Answer = kept.length >= job.count ? { status: 'unknown' } : await askAgain(parts, job, sendBy)
  const isWhole = asked.status === 'done' || asked.status === 'running'
  return kept.length > 0 && !isWhole ? { status: 'done', outputs: kept } : asked
}

/**
 * running: listen where the provider pushes, else look once. Only the provider's own last word or the model's time limit
 * decides, never a failed look.
 */
async function look(parts: Parts, job: Job): Promise<Job | null> {
  const isOverdue = parts.now() >= (job.runUntil ?? 0)
  const isFollowed = !isOverdue && parts.followers.start(job, news => takeIn(parts, job, news))
  if (isFollowed) return wait(parts, job, LEASE_SECONDS)
  const firstLookAt = (job.attempt?.acceptedAt ?? 0) + FIRST_LOOK_SECONDS * 1000
  if (parts.now() < firstLookAt) {
    const isDueThen = job.wakeAt > parts.now() && job.wakeAt <= firstLookAt
    return isDueThen ? job : wait(parts, job, secondsUntil(parts, firstLookAt))
  }
  return heard(parts, job, await ask(parts, job), isOverdue)
}

/** What a held line said last; or it broke, and the job is looked at now. */
async function takeIn(parts: Parts, job: Job, news: Progress | null): Promise<void> {
  const next = news ? await heard(parts, job, news, parts.now() >= (job.runUntil ?? 0)) : await parts.jobs.find(job.id)
  if (next?.version === job.version && news) return parts.changed(next)
  if (next) parts.changed(await advance(parts, next, { early: true }))
}

/** `isOverdue` when the question was asked: the answer is then the last look that the job had left. */
async function heard(
  parts: Parts,
  job: Job,
  progress: Progress | { status: 'trouble' },
  isOverdue: boolean,
): Promise<Job | null> {
  switch (progress.status) {
    case 'trouble':
      return troubled(parts, job)
    case 'running':
      if (isOverdue) return fail(parts, job, 'timed_out', 'unknown')
      return wait(parts, job, progress.lookAgainInSeconds ?? (await parts.pace.secondsToNextLook(job)), {
        progress: {
          fraction: progress.fraction ?? null,
          stage: progress.stage ?? 'running',
          queuePosition: progress.queuePosition ?? null,
          ...(progress.preview === undefined ? {} : { preview: progress.preview }),
        },
        troubles: null,
        ...(progress.operation === undefined ? {} : { operation: progress.operation }),
      })
    case 'done': {
      const kept = await keepBytes(parts, job, progress.outputs)
      if (kept === 'lost') return troubled(parts, job)
      return parts.jobs.move(job, 'storing', {
        outputs: withExpiry(kept, parts.now()),
        troubles: null,
        wakeInSeconds: LEASE_SECONDS,
      })
    }
    case 'failed':
      return providerFailed(parts, job, progress)
  }
}

async function ask(parts: Parts, job: Job): Promise<Progress | { status: 'trouble' }> {
  const about = { action: 'look', timeoutSeconds: CALL_TIMEOUT_SECONDS } as const
  try {
    return await callProvider(parts, job, job.attempt!, about, async (provider, call) =>
      asProgress(await provider.look({ ...call, operation: job.operation })),
    )
  } catch (error) {
    parts.trouble(error, { jobId: job.id, doing: 'looking' })
    return { status: 'trouble' }
  }
}

async function troubled(parts: Parts, job: Job): Promise<Job | null> {
  const troubles = oneMore(parts, job)
  const since = Math.max(troubles.since, job.runUntil ?? 0)
  const isHopeless = troubles.count >= LAST_LOOKS.count && parts.now() >= since + LAST_LOOKS.seconds * 1000
  if (isHopeless) return fail(parts, job, 'timed_out', 'unknown')
  return wait(parts, job, backoffSeconds(troubles.count), { troubles })
}

/** A failure that cost nothing may be tried on another route; what was asked for stays exactly the same. */
async function providerFailed(
  parts: Parts,
  job: Job,
  { kind, paid }: Extract<Progress, { status: 'failed' }>,
): Promise<Job | null> {
  const mayTryElsewhere = paid === 'no' && (kind === 'model_unavailable' || kind === 'provider_error')
  const model = parts.registry.find(job.model)
  if (mayTryElsewhere && model) {
    const attempts = await parts.jobs.attempts(job.id)
    const hasElsewhere = parts.registry.candidates(model, job.input, attempts).length > 0 && !verdictOn(attempts)
    if (hasElsewhere) return parts.jobs.move(job, 'charged', { operation: null, progress: null, wakeInSeconds: 0 })
  }
  return fail(parts, job, codeOf(kind), paid)
}

function codeOf(kind: Extract<Progress, { status: 'failed' }>['kind']): FailureCode {
  if (kind === 'content_policy') return 'content_policy'
  if (kind === 'invalid_input') return 'refused'
  return kind === 'no_output' ? 'no_output' : 'provider_failed'
}

/** storing: copy what was paid for. Trouble is tried again for as long as the provider keeps the outputs. */
async function store(parts: Parts, job: Job, isFresh = false): Promise<Job | null> {
  const outputs = job.outputs ?? []
  const usable = outputs.filter(({ flagged }) => !flagged)
  if (usable.length === 0) return fail(parts, job, outputs.length > 0 ? 'content_policy' : 'no_output', 'yes')

  const copied = await copyOutputs(parts, job)
  const stored = copied.filter(copy => copy.status === 'stored')
  const troubles = oneMore(parts, job)
  const keptUntil = Math.max(...usable.map(({ expiresAt }) => expiresAt ?? 0))
  const patience = { trouble: TROUBLE_SECONDS, denied: DENIED_SECONDS, unusable: UNUSABLE_SECONDS, lost: 0, stored: 0 }
  const mayPass = copied.some(({ status }) => parts.now() < troubles.since + patience[status] * 1000)
  const isKept = parts.now() < keptUntil || copied.some(({ status }) => status === 'unusable')
  if (mayPass && isKept) {
    const fresh = isFresh ? null : await reissued(parts, job)
    if (fresh) return store(parts, fresh, true)
    const isLong = parts.now() >= troubles.since + LONG_TROUBLE.seconds * 1000
    const asked = Math.max(0, ...copied.map(copy => (copy.status === 'trouble' ? (copy.retryAfterSeconds ?? 0) : 0)))
    const pause = isLong ? LONG_TROUBLE.pauseSeconds : backoffSeconds(troubles.count)
    const least = parts.registry.provider(job.attempt!.provider)?.lookSecondsMin ?? 0
    return wait(parts, job, Math.max(asked, pause, least), { troubles })
  }
  if (stored.length === 0) {
    const neverWas = copied.every(({ status }) => status !== 'trouble' && status !== 'denied')
    return fail(parts, job, neverWas ? 'no_output' : 'storage_failed', 'yes')
  }
  const files = stored.map(({ index, file }) => ({ id: parts.newId(), index, file }))
  return parts.settle({ job, ending: 'succeeded', files, reason: 'Not all outputs were delivered' })
}

/** Some providers hand out fresh addresses when they are asked again. */
async function reissued(parts: Parts, job: Job): Promise<Job | null> {
  if (!parts.registry.provider(job.attempt!.provider)?.reissuesOutputs || job.operation === null) return null
  const progress = await ask(parts, job)
  if (progress.status !== 'done') return null
  const kept = await keepBytes(parts, job, progress.outputs)
  if (kept === 'lost') return null
  const outputs = withExpiry(kept, parts.now())
  return parts.jobs.move(job, 'storing', { outputs, troubles: oneMore(parts, job), wakeInSeconds: LEASE_SECONDS })
}

/** After acceptance a cancel may cost us what the provider has begun: so many a day are free. */
async function takeFreeCancel(parts: Parts, job: Job): Promise<void> {
  const { freeCancelsPerDay } = await parts.settings.read()
  const limit = { key: `cancel:${job.userId}`, name: 'cancel', max: freeCancelsPerDay, windowSeconds: 86_400 }
  const { allowed, retryAfterSeconds } = await parts.limiter.take([limit])
  if (allowed) return
  const message = `Only ${freeCancelsPerDay} running jobs can be canceled in a day.`
  throw new SafelightError('cancel_limit', message, { retryAfterSeconds })
}
