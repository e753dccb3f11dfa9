/**
 * When to look next. A model's last jobs of the same kind say when the first look can pay; from then on small steady steps.
 * Before that, and without a history, looks follow the job's own age. Never a promise: a job is done when its provider says
 * so.
 */
import type { Instant, Job } from './contracts.ts'
import type { Parts } from './parts.ts'
import { secondsUntil } from './waiting.ts'

/** Never twice in this time. */
const STEP_SECONDS_MIN = 0.5
const STEP_SECONDS_MAX = 10
/** Steady steps are this share of what such a job usually takes. */
const STEPS_OF_A_JOB = 95
/** From the first look that can pay to the last usual one: 99 of 100 jobs end in between. */
const DEVIATIONS = 2.5
const DEVIATION_MIN = 0.05
const HISTORY = { jobs: 20, atLeast: 5, keptSeconds: 30, models: 500 }

/** How long jobs like this one run, in seconds: hardly one ends before `start` or after `end`. */
interface Runtimes {
  start: number
  middle: number
  end: number
}

export interface Pace {
  /** Seconds until the next look is worth making. */
  secondsToNextLook(job: Job): Promise<number>
}

export function createPace(parts: Pick<Parts, 'jobs' | 'now' | 'registry' | 'trouble'>): Pace {
  const kept = new Map<string, { until: Instant; runtimes: Promise<Runtimes | null> }>()
  const runtimesOf = (job: Job): Promise<Runtimes | null> => {
    const key = JSON.stringify([job.model, job.attempt?.endpoint, job.input.duration])
    const known = kept.get(key)
    if (known && parts.now() < known.until) return known.runtimes
    const runtimes = learn(parts, job).catch((error: unknown) => {
      // Looking at a plain pace is always right.
      parts.trouble(error, { jobId: job.id, doing: 'learning how long such jobs take' })
      return null
    })
    if (kept.size >= HISTORY.models) kept.clear()
    kept.set(key, { until: parts.now() + HISTORY.keptSeconds * 1000, runtimes })
    return runtimes
  }
  return {
    async secondsToNextLook(job) {
      const age = -secondsUntil(parts, job.attempt?.acceptedAt ?? job.createdAt)
      const left = secondsUntil(parts, job.runUntil ?? 0)
      const least = parts.registry.provider(job.attempt?.provider ?? '')?.lookSecondsMin ?? STEP_SECONDS_MIN
      const runtimes = await runtimesOf(job)
      return Math.max(least, Math.min(runtimes ? learned(runtimes, age) : plain(age), left))
    },
  }
}

/** At most a seventh of its age late. */
function plain(age: number): number {
  return Math.min(age / 7, STEP_SECONDS_MAX)
}

function learned({ start, middle, end }: Runtimes, age: number): number {
  const step = Math.min(Math.max(middle / STEPS_OF_A_JOB, STEP_SECONDS_MIN), STEP_SECONDS_MAX)
  if (age < start) return Math.min(start - age, Math.max(plain(age), start / 4))
  return age <= end ? step : Math.max(step, plain(age))
}

async function learn({ jobs }: Pick<Parts, 'jobs'>, { model, attempt, input }: Job): Promise<Runtimes | null> {
  const query = { model, endpoint: attempt?.endpoint ?? '', duration: input.duration ?? null, limit: HISTORY.jobs }
  const seconds = (await jobs.runtimes?.(query)) ?? []
  if (seconds.length < HISTORY.atLeast) return null
  // Run times are spread evenly on a scale of ratios: twice as long is as likely as half as long.
  const logs = seconds.map(each => Math.log(Math.max(each, 0.1)))
  const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length
  const variance = logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (logs.length - 1)
  const spread = DEVIATIONS * Math.max(Math.sqrt(variance), DEVIATION_MIN)
  return { start: Math.exp(mean - spread), middle: Math.exp(mean), end: Math.exp(mean + spread) }
}
