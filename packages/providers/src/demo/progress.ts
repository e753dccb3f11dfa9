import type { Output, Progress } from '@safelight/core'
import type { Order } from './order.ts'
import type { Standing } from './workshop.ts'

/** Short enough for a smooth bar; a look costs next to nothing here. */
const LOOK_AGAIN_SECONDS = 0.5
/** Where a job that hangs stays. */
const HANG_FRACTION = 0.4
const OUTPUTS_KEPT_MS = 86_400_000
const FAIL_SECONDS = 1

type Failed = Extract<Progress, { status: 'failed' }>
type Accepted = { id: string; acceptedAt: number }

/** What a look answers. Time and work both have to be done: the fraction is that of the one that lags. */
export function progressOf(order: Order, accepted: Accepted, standing: Standing): Progress {
  if (standing.status === 'canceled') return failed('canceled', 'The job was cancelled.')
  if (standing.status === 'failed') return failed(standing.kind, standing.message)
  if (standing.status === 'queued') return running('queued', null, standing.position)
  if (standing.status === 'elsewhere') return running(workOf(order), null, null)
  return standing.status === 'making' ? making(order, standing) : done(order, accepted, standing)
}

function making(order: Order, standing: Extract<Standing, { status: 'making' }>): Progress {
  const { fate, seconds } = order.directives
  if (fate === 'hang') return running(workOf(order), Math.min(HANG_FRACTION, elapsed(order, standing.startedAt)), null)
  if (fate === 'fail' && Date.now() - standing.startedAt >= (seconds ?? FAIL_SECONDS) * 1_000) {
    return failed('provider_error', 'The demo provider failed, as #fail asked.')
  }
  const fraction = Math.min(elapsed(order, standing.startedAt), standing.fraction)
  return running(workOf(order), fraction, null, previewAt(standing.previews, fraction))
}

function done(order: Order, accepted: Accepted, standing: Extract<Standing, { status: 'done' }>): Progress {
  const fraction = elapsed(order, standing.startedAt)
  if (fraction < 1) return running('developing', fraction, null, previewAt(standing.previews, fraction))
  const expiresAt = accepted.acceptedAt + OUTPUTS_KEPT_MS
  const outputs = standing.outputs.map((contentType, index): Output => {
    const output = { url: `demo:${accepted.id}/${index}`, contentType, expiresAt }
    return order.directives.isFlagged ? { ...output, flagged: true } : output
  })
  return { status: 'done', outputs }
}

/** The part of the planned time that has passed, 0..1. */
function elapsed(order: Order, startedAt: number): number {
  if (order.plannedSeconds <= 0) return 1
  return Math.min(1, Math.max(0, (Date.now() - startedAt) / 1_000 / order.plannedSeconds))
}

function running(stage: string, fraction: number | null, queuePosition: number | null, preview?: string): Progress {
  const shown = fraction === null ? null : Math.min(0.99, Math.round(fraction * 1_000) / 1_000)
  const progress: Progress = {
    status: 'running',
    stage,
    fraction: shown,
    queuePosition,
    lookAgainInSeconds: LOOK_AGAIN_SECONDS,
  }
  return preview === undefined ? progress : { ...progress, preview }
}

function failed(kind: Failed['kind'], message: string): Failed {
  return { status: 'failed', kind, paid: 'no', message }
}

function workOf(order: Order): string {
  return order.kind === 'video' ? 'filming' : 'drawing'
}

/** The print as far as it has developed. */
function previewAt(previews: readonly string[], fraction: number): string | undefined {
  return previews[Math.min(previews.length - 1, Math.floor(fraction * previews.length))]
}
