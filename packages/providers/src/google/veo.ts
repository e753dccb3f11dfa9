/** Veo: a long-running operation without a word for its state (ai.google.dev/gemini-api/docs/video). */
import type { FailureKind, Output, Progress, SubmitCall, Submitted } from '@safelight/core'
import { type Answer, at, base64Of, listAt, numberAt, textAt } from '@safelight/core/adapter'
import type { GoogleBody } from './models.ts'
import { isPolicy, refusalOf, saidIn } from './refusals.ts'

/** Of one picture (ai.google.dev/gemini-api/docs/video, image-to-video). */
const PICTURE_MAX_BYTES = 14 * 1024 * 1024
/** Clips are deleted after two days (ai.google.dev/gemini-api/docs/video, limitations). */
export const KEPT_SECONDS = 2 * 86_400

/** A name that may stand in a path as it is. */
const NAME = /^(models\/[\w.-]+\/)?operations\/[\w.-]+$/

export function isOperationName(name: string | undefined): name is string {
  return name !== undefined && name.length <= 300 && NAME.test(name) && !name.includes('..')
}

/** The body with its first picture: as Vertex has it, never by address. */
export async function instanceOf({ body, files }: SubmitCall): Promise<GoogleBody> {
  const [file] = files
  if (!file) return body as GoogleBody
  const image = { bytesBase64Encoded: await base64Of(file, PICTURE_MAX_BYTES), mimeType: file.contentType }
  const instances = listAt(body, 'instances').map(instance => ({ ...(instance as GoogleBody), image }))
  return { ...(body as GoogleBody), instances }
}

/** Throws where the answer does not say whether the work was taken. */
export function readVeoSubmitted(answer: Answer): Submitted {
  const refusal = refusalOf(answer)
  if (refusal) return refusal
  const name = textAt(answer.json, 'name')
  if (answer.status >= 300 || !isOperationName(name))
    throw new Error(`Google answered ${answer.status}, and no operation`)
  return { status: 'running', operation: { surface: 'veo', name } }
}

/** Throws where the answer says nothing about this operation. */
export function readVeoProgress({ status, json }: Answer, name: string): Progress {
  if (status !== 200 || textAt(json, 'name') === undefined) throw new Error(`Google answered a look with ${status}`)
  if (textAt(json, 'name') !== name) throw new Error('Google answered about another operation')
  if (at(json, 'done') !== true) return { status: 'running' }
  const error = at(json, 'error')
  if (error !== undefined && error !== null) return failureOf(error)
  const response = at(json, 'response', 'generateVideoResponse') ?? at(json, 'response')
  const samples = [...listAt(response, 'generatedSamples'), ...listAt(response, 'generatedVideos')]
  const outputs = samples.flatMap((sample): Output[] => {
    const url = textAt(sample, 'video', 'uri')
    return url === undefined ? [] : [{ url, contentType: 'video/mp4', expiresAt: Date.now() + KEPT_SECONDS * 1000 }]
  })
  if (outputs.length > 0) return { status: 'done', outputs }
  // Done without a clip is how Veo says that it was filtered; such clips are not charged (same page, limitations).
  const reasons = listAt(response, 'raiMediaFilteredReasons').filter(reason => typeof reason === 'string')
  const message = reasons.join(' ').slice(0, 500) || 'Done, without a clip'
  return { status: 'failed', kind: 'content_policy', paid: 'no', message }
}

const INVALID_ARGUMENT = 3

function failureOf(error: unknown): Progress {
  const { message } = saidIn(error)
  const code = numberAt(error, 'code')
  const isInvalid = code === INVALID_ARGUMENT || code === 400
  const kind: FailureKind = isPolicy(message) ? 'content_policy' : isInvalid ? 'invalid_input' : 'provider_error'
  return { status: 'failed', kind, paid: 'unknown', message: `${code ?? ''} ${message}`.slice(0, 500) }
}
