import type { Json, Kind } from '@safelight/core'
import { readDirectives } from './directives.ts'
import type { Directives } from './directives.ts'
import { hashOf, unit } from './drawing/base/random.ts'

/** What is to be made, read from the body of a submit. */
export interface Order {
  kind: Kind
  /** The prompt without its directives. */
  subject: string
  seed: bigint
  /** Outputs to make. */
  count: number
  width: number
  height: number
  style: Style
  /** Of a video. */
  durationSeconds: number
  directives: Directives
  /** How long it takes at least, so that people see it coming. */
  plannedSeconds: number
}

export type Style = 'lovely' | 'express' | 'elite'

const KINDS: Record<string, Kind> = { 'demo/image': 'image', 'demo/edit': 'edit', 'demo/video': 'video' }
const MAX_SIDE = 2_048
const MAX_VIDEO_SIDE = 1_024
const MAX_COUNT = 4
const MAX_PROMPT_CHARACTERS = 4_000

/** The kind an endpoint makes, or null where there is no such endpoint. */
export function kindOf(endpoint: string): Kind | null {
  return KINDS[endpoint] ?? null
}

/** Reads a body, or says in a sentence what is wrong with it. */
export function readOrder(kind: Kind, body: Json): Order | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'The body is not an object.'
  const { prompt, seed, count, width, height, style = 'lovely', duration = 3 } = body
  if (typeof prompt !== 'string' || prompt === '' || prompt.length > MAX_PROMPT_CHARACTERS) {
    return `The prompt is a text of 1 to ${MAX_PROMPT_CHARACTERS} characters.`
  }
  if (typeof seed !== 'string' || !/^\d{1,20}$/.test(seed)) return 'The seed is a string of up to 20 digits.'
  if (!isWhole(count, 1, MAX_COUNT)) return `The count is a whole number from 1 to ${MAX_COUNT}.`
  const maxSide = kind === 'video' ? MAX_VIDEO_SIDE : MAX_SIDE
  if (!isWhole(width, 64, maxSide) || !isWhole(height, 64, maxSide)) return `Each side is 64 to ${maxSide} pixels.`
  if (kind === 'video' && (width % 2 !== 0 || height % 2 !== 0)) return 'The sides of a video are even.'
  if (style !== 'lovely' && style !== 'express' && style !== 'elite') return 'The style is lovely, express or elite.'
  if (!isWhole(duration, 1, 5)) return 'A video lasts 1 to 5 seconds.'

  const { directives, subject } = readDirectives(prompt)
  return {
    kind,
    subject,
    seed: BigInt(seed),
    count: directives.isPartial ? count - 1 : count,
    width,
    height,
    style,
    durationSeconds: duration,
    directives,
    plannedSeconds: directives.seconds ?? naturalSeconds(kind, subject, seed),
  }
}

/** Long enough to see a picture come, and never twice quite the same. */
function naturalSeconds(kind: Kind, subject: string, seed: string): number {
  const extra = unit(hashOf(`pace ${subject} ${seed}`))
  return kind === 'video' ? 2.5 + extra : 1.5 + 0.7 * extra
}

function isWhole(value: Json | undefined, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}
