/** Gemini Omni: interactions in the background (ai.google.dev/gemini-api/docs/interactions). */
import type { FailureKind, Json, Output, Progress, SubmitCall, Submitted } from '@safelight/core'
import { type Answer, at, base64Of, listAt, textAt } from '@safelight/core/adapter'
import { INLINE_MAX_BYTES } from './images.ts'
import type { GoogleBody } from './models.ts'
import { isPolicy, refusalOf, saidIn } from './refusals.ts'
import { KEPT_SECONDS } from './veo.ts'

/** An output that came inside the answer: opened by asking for the answer again. */
export const INLINE_SCHEME = 'google-interaction:'

export function isInteractionId(id: string | undefined): id is string {
  return id !== undefined && id.length <= 300 && /^[\w.-]+$/.test(id) && !id.includes('..')
}

/** The body with its picture behind the text. */
export async function interactionOf({ body, files }: SubmitCall): Promise<GoogleBody> {
  const whole = body as GoogleBody
  if (files.length === 0) return whole
  const input: Json[] = [{ type: 'text', text: whole['input'] ?? '' }]
  for (const file of files) {
    input.push({ type: 'image', data: await base64Of(file, INLINE_MAX_BYTES), mime_type: file.contentType })
  }
  return { ...whole, input }
}

/** Throws where the answer does not say whether the work was taken. How it goes is asked afterwards. */
export function readInteractionSubmitted(answer: Answer): Submitted {
  const refusal = refusalOf(answer)
  if (refusal) return refusal
  const id = textAt(answer.json, 'id')
  if (answer.status >= 300 || !isInteractionId(id))
    throw new Error(`Google answered ${answer.status}, and no interaction`)
  return { status: 'running', operation: { surface: 'interactions', id } }
}

/** Throws where the answer says nothing about this interaction. */
export function readInteraction({ status, json }: Answer, id: string): Progress {
  const word = textAt(json, 'status')
  if (status !== 200 || word === undefined) throw new Error(`Google answered a look with ${status}`)
  if ((textAt(json, 'id') ?? id) !== id) throw new Error('Google answered about another interaction')
  const failed = (kind: FailureKind, message: string): Progress => ({
    status: 'failed',
    kind,
    paid: 'unknown',
    message: `${word} ${message}`.slice(0, 500),
  })
  switch (word) {
    case 'completed':
      return completed(json, id, failed)
    case 'failed': {
      const { word: code, message } = errorIn(json)
      const isInvalid = /INVALID|PARAMETER|OUT_OF_RANGE/.test(code)
      if (isPolicy(`${code} ${message}`)) return failed('content_policy', message)
      return failed(isInvalid ? 'invalid_input' : 'provider_error', `${code} ${message}`)
    }
    case 'cancelled':
      return failed('canceled', '')
    case 'incomplete':
      return failed('provider_error', errorIn(json).message)
    case 'budget_exceeded':
      return failed('credits_exhausted', errorIn(json).message)
    case 'queued':
      return { status: 'running', stage: 'queued' }
    default:
      // `in_progress`, `requires_action`, and words that we do not know: they end nothing.
      return { status: 'running', stage: 'running' }
  }
}

function completed(json: unknown, id: string, failed: (kind: FailureKind, message: string) => Progress): Progress {
  const video = videoIn(json)
  const text = textAt(json, 'output_text') ?? errorIn(json).message
  if (!video) return isPolicy(text) ? failed('content_policy', text) : { status: 'done', outputs: [] }
  const contentType = textAt(video, 'mime_type') ?? 'video/mp4'
  const url = textAt(video, 'uri') ?? INLINE_SCHEME + id
  const output: Output = { url, contentType, expiresAt: Date.now() + KEPT_SECONDS * 1000 }
  return { status: 'done', outputs: [output] }
}

/** The clip of an interaction, by address or inside; undefined where it made none. */
export function videoIn(json: unknown): unknown {
  const steps = listAt(json, 'steps').flatMap(step => listAt(step, 'content'))
  const all = [at(json, 'output_video'), ...listAt(json, 'outputs'), ...steps]
  const isVideo = (each: unknown) => (textAt(each, 'type') ?? 'video') === 'video'
  return all.find(each => isVideo(each) && (textAt(each, 'uri') ?? textAt(each, 'data')) !== undefined)
}

function errorIn(json: unknown) {
  return saidIn(at(json, 'error') ?? listAt(json, 'errors')[0])
}
