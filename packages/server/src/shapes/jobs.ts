/** A job as its owner sees it. The engine's states are finer; what people are told changes less often. */
import type { Job, JobState, MediaRecord, ModelInput, Studio } from '@safelight/core'
import { mediaShape } from './media.ts'
import type { JobShape } from './schemas.ts'
import { isoTime } from './times.ts'

const PUBLIC_STATES: Record<JobState, JobShape['state']> = {
  created: 'queued',
  charged: 'queued',
  submitting: 'queued',
  running: 'running',
  // Never a terminal word before the credits are back.
  refunding: 'running',
  storing: 'storing',
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'canceled',
}

export function publicState(job: Pick<Job, 'state'>): JobShape['state'] {
  return PUBLIC_STATES[job.state]
}

/** The engine's states that are told as this one. */
export function statesShownAs(state: JobShape['state']): JobState[] {
  return (Object.keys(PUBLIC_STATES) as JobState[]).filter(inner => PUBLIC_STATES[inner] === state)
}

export const OPEN_STATES: readonly JobState[] = (['queued', 'running', 'storing'] as const).flatMap(statesShownAs)

export function isOver(job: Pick<Job, 'state'>): boolean {
  return !OPEN_STATES.includes(job.state)
}

/** Many at once: their media are asked for together. */
export async function jobShapes(studio: Studio, jobs: readonly Job[]): Promise<JobShape[]> {
  const withMedia = jobs.filter(({ media }) => media.length > 0).map(({ id }) => id)
  const records = withMedia.length > 0 ? await studio.database.library.ofJobs(withMedia) : []
  const mediaOf = Map.groupBy(records, ({ jobId }) => jobId)
  return Promise.all(
    jobs.map(async job => shapeOf(job, mediaOf.get(job.id) ?? [], await remainingSeconds(studio, job))),
  )
}

export async function jobShape(studio: Studio, job: Job): Promise<JobShape> {
  const [shape] = await jobShapes(studio, [job])
  return shape!
}

function shapeOf(job: Job, media: readonly MediaRecord[], etaSeconds: JobShape['progress']['etaSeconds']): JobShape {
  const { id, model, kind, price, failure, refundedCredits, finishedAt } = job
  return {
    id,
    model,
    kind,
    input: inputShape(job.input),
    price,
    state: publicState(job),
    progress: { ...progressShape(job), etaSeconds },
    media: media.map(mediaShape),
    failure: failure && isOver(job) ? { code: failure.code, message: failure.message } : null,
    refundedCredits,
    createdAt: isoTime(job.createdAt),
    finishedAt: finishedAt === null ? null : isoTime(finishedAt),
  }
}

function inputShape({
  prompt,
  size,
  count,
  seed,
  duration,
  style,
  negativePrompt,
  images,
}: ModelInput): JobShape['input'] {
  return {
    prompt,
    size,
    count,
    seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : seed,
    ...(duration === undefined ? {} : { duration }),
    ...(style === undefined ? {} : { style }),
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(images === undefined ? {} : { images }),
  }
}

/** Only a running job's own figures are shown: those of an earlier attempt would be invented. */
function progressShape({ state, progress }: Job): Omit<JobShape['progress'], 'etaSeconds'> {
  const none = { fraction: null, queuePosition: null }
  switch (state) {
    case 'created':
    case 'charged':
      return { ...none, stage: 'queued' }
    case 'submitting':
      return { ...none, stage: 'submitting' }
    case 'running':
      return {
        fraction: progress?.fraction ?? null,
        stage: progress?.stage || 'running',
        queuePosition: progress?.queuePosition ?? null,
        ...(progress?.preview === undefined ? {} : { preview: progress.preview }),
      }
    case 'succeeded':
      return { fraction: 1, stage: state, queuePosition: null }
    case 'storing':
    case 'refunding':
    case 'failed':
    case 'canceled':
      return { ...none, stage: state }
  }
}

/** What is left of the usual time; null where the job has outlived it, since then nobody knows. */
async function remainingSeconds(studio: Studio, job: Job): Promise<JobShape['progress']['etaSeconds']> {
  if (isOver(job) || job.state === 'refunding') return null
  const usual = await studio.estimate(job.model)
  const elapsed = Math.max(0, Date.now() - job.createdAt) / 1000
  if (!usual || elapsed >= usual.high) return null
  return { low: Math.ceil(Math.max(0, usual.low - elapsed)), high: Math.ceil(usual.high - elapsed) }
}
