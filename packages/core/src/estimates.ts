/** How long a model takes, learned from its last jobs: a range, and nothing at all where there are too few. */
import type { Instant } from './contracts.ts'
import type { Parts } from './parts.ts'

const JOBS = { atLeast: 5, from: 20 }
const KEPT_SECONDS = 30

export type Estimate = { low: number; high: number } | null

export function createEstimates({ jobs, now }: Pick<Parts, 'jobs' | 'now'>): (model: string) => Promise<Estimate> {
  const kept = new Map<string, { until: Instant; estimate: Promise<Estimate> }>()
  return model => {
    const known = kept.get(model)
    if (known && now() < known.until) return known.estimate
    const estimate = learn(jobs, model)
    kept.set(model, { until: now() + KEPT_SECONDS * 1000, estimate })
    estimate.catch(() => kept.delete(model))
    return estimate
  }
}

/** From the middle to the slow tenth: what one may expect, and what one should not be surprised by. */
async function learn(jobs: Parts['jobs'], model: string): Promise<Estimate> {
  const durations = ((await jobs.durations?.(model, JOBS.from)) ?? []).toSorted((a, b) => a - b)
  if (durations.length < JOBS.atLeast) return null
  const at = (share: number) => durations[Math.min(durations.length - 1, Math.floor(durations.length * share))]!
  const low = Math.max(1, Math.round(at(0.5)))
  return { low, high: Math.max(low + 1, Math.ceil(at(0.9))) }
}
