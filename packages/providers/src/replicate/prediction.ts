/** From a prediction, as Replicate answers it everywhere, to what we make of it (replicate.com/docs/topics/predictions/lifecycle). */
import type { FailureKind, Instant, Output, Paid, Progress } from '@safelight/core'
import { at, textAt } from '@safelight/core/adapter'

/** Outputs of API predictions are deleted after an hour (replicate.com/docs/topics/predictions/output-files). */
const OUTPUT_LIFETIME_MS = 3_600_000
/** More than any model makes; an answer with more is cut. */
const OUTPUTS_MAX = 64
/** Where in a structured output an address may be. */
const OUTPUT_DEPTH_MAX = 4
/** Enough of the log for its last line. */
const LOG_TAIL_CHARACTERS = 2000

/** The last word of a prediction, or that it has none yet. A word that nobody knows is none. */
export function progressOf(prediction: unknown, now: Instant): Progress {
  switch (textAt(prediction, 'status') ?? '') {
    case 'succeeded':
      return succeeded(prediction, now)
    case 'failed':
      return failed(prediction)
    case 'canceled':
      // Whatever ran until then is charged; one that never started may not be.
      return ended('canceled', wasStarted(prediction) ? 'yes' : 'unknown', 'The prediction was canceled.')
    case 'aborted':
      return ended('canceled', 'no', 'The prediction passed its deadline before it started.')
    case 'starting':
      return { status: 'running', stage: 'starting' }
    default:
      return running(prediction)
  }
}

/** Addresses of the files, wherever the model puts them: it may answer with one, a list, or an object of either. */
export function outputsOf(prediction: unknown, now: Instant): Output[] {
  const expiresAt = expiryOf(prediction, now)
  return addressesIn(at(prediction, 'output'), 0)
    .slice(0, OUTPUTS_MAX)
    .map(url => ({ url, expiresAt }))
}

function succeeded(prediction: unknown, now: Instant): Progress {
  const outputs = outputsOf(prediction, now)
  if (outputs.length > 0) return { status: 'done', outputs }
  const isRemoved = at(prediction, 'data_removed') === true
  return ended('no_output', 'yes', isRemoved ? 'The output has been deleted.' : 'There is no file in the output.')
}

/**
 * What a model says when it fails is its own affair. These words were seen in models that Replicate itself maintains
 * (github.com/replicate/cog-flux, and the `E00…` codes of models that it passes through); all others are the provider's fault.
 */
const FAILURES: readonly (readonly [RegExp, FailureKind])[] = [
  [
    /nsfw|\bE005\b|sensitive|safety (?:checker|filter|system)|content polic|moderat|prohibited content/i,
    'content_policy',
  ],
  [/\bE006\b|input (?:was|is) invalid|invalid input/i, 'invalid_input'],
  [/\bE00[34]\b|high demand|temporarily unavailable/i, 'model_unavailable'],
]

/** Running time is charged, also of what failed (replicate.com/docs/topics/billing); models with a price per output may not be. */
function failed(prediction: unknown): Progress {
  const message = textAt(prediction, 'error') ?? 'The prediction failed and does not say why.'
  const kind = FAILURES.find(([words]) => words.test(message))?.[1] ?? 'provider_error'
  return ended(kind, 'unknown', message)
}

function ended(kind: FailureKind, paid: Paid, message: string): Progress {
  return { status: 'failed', kind, paid, message: message.slice(0, 500) }
}

function running(prediction: unknown): Progress {
  const percent = /(\d{1,3})%\|[^%]*$/.exec((textAt(prediction, 'logs') ?? '').slice(-LOG_TAIL_CHARACTERS))?.[1]
  return {
    status: 'running',
    stage: 'running',
    ...(percent === undefined ? {} : { fraction: Math.min(1, Number(percent) / 100) }),
  }
}

function wasStarted(prediction: unknown): boolean {
  return textAt(prediction, 'started_at') !== undefined
}

function expiryOf(prediction: unknown, now: Instant): Instant {
  const completedAt = Date.parse(textAt(prediction, 'completed_at') ?? '')
  return (Number.isFinite(completedAt) ? Math.min(completedAt, now) : now) + OUTPUT_LIFETIME_MS
}

function addressesIn(output: unknown, depth: number): string[] {
  if (typeof output === 'string') return isFile(output) ? [output] : []
  if (typeof output !== 'object' || output === null || depth >= OUTPUT_DEPTH_MAX) return []
  return Object.values(output).flatMap(each => addressesIn(each, depth + 1))
}

/** Text models answer with words, and a hostile one with any scheme. */
function isFile(text: string): boolean {
  return /^https?:\/\//i.test(text) || /^data:(?:image|video)\//i.test(text)
}
