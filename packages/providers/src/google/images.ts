/** `generateContent`: the picture, or why there is none, in one answer (ai.google.dev/gemini-api/docs/image-generation). */
import type { FreshOutput, SubmitCall, Submitted } from '@safelight/core'
import { type Answer, at, base64Of, fromBase64, listAt, refused, textAt } from '@safelight/core/adapter'
import type { GoogleBody } from './models.ts'
import { synchronousRefusalOf } from './refusals.ts'

/** Of a whole request, pictures and all; base64 takes a third of it. */
const REQUEST_MAX_BYTES = 20 * 1024 * 1024
export const INLINE_MAX_BYTES = Math.floor((REQUEST_MAX_BYTES - 64 * 1024) * 0.75)

/** The body with its pictures behind the text. */
export async function contentOf({ body, files }: SubmitCall): Promise<GoogleBody> {
  const parts: GoogleBody[] = []
  let left = INLINE_MAX_BYTES
  for (const file of files) {
    parts.push({ inlineData: { mimeType: file.contentType, data: await base64Of(file, left) } })
    left -= file.bytes
  }
  const contents = listAt(body, 'contents').map((content, index) =>
    index > 0 ? content : { ...(content as GoogleBody), parts: [...listAt(content, 'parts'), ...parts] },
  )
  return { ...(body as GoogleBody), contents } as GoogleBody
}

/** Why a candidate has no picture: words that speak of what may be made. `OTHER`, `NO_IMAGE` and `MAX_TOKENS` do not. */
const REFUSES = /SAFETY|PROHIBITED_CONTENT|RECITATION|BLOCKLIST|SPII/

/** Throws where the answer does not say how it ended. A refusal comes with status 200. */
export function readImages(answer: Answer): Submitted {
  const refusal = synchronousRefusalOf(answer)
  if (refusal) return refusal
  const { status, json } = answer
  const blocked = textAt(json, 'promptFeedback', 'blockReason')
  // Whether tokens of a refused prompt are billed is not documented.
  if (status === 200 && blocked) return refused('content_policy', `blockReason ${blocked}`, { paid: 'unknown' })
  const candidates = listAt(json, 'candidates')
  if (status !== 200 || candidates.length === 0) throw new Error(`Google answered ${status}, and with no candidate`)
  const [picture] = candidates.flatMap(picturesOf)
  if (picture) return { status: 'done', outputs: [picture] }
  const reason = textAt(candidates[0], 'finishReason') ?? ''
  const message = `${reason} ${textAt(candidates[0], 'finishMessage') ?? ''}`
  if (REFUSES.test(reason)) return refused('content_policy', message, { paid: 'unknown' })
  // The model talked instead: its tokens are billed, and the same question has the same answer.
  return { status: 'done', outputs: [] }
}

/** Drafts are among a model’s thoughts. What type the rest has is seen when it is stored. */
function picturesOf(candidate: unknown): FreshOutput[] {
  return listAt(candidate, 'content', 'parts')
    .filter(part => at(part, 'thought') !== true)
    .flatMap(part => {
      const inline = at(part, 'inlineData') ?? at(part, 'inline_data')
      const contentType = textAt(inline, 'mimeType') ?? textAt(inline, 'mime_type') ?? ''
      const bytes = decoded(textAt(inline, 'data'))
      return bytes ? [{ bytes, contentType }] : []
    })
}

function decoded(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  try {
    return text === undefined ? undefined : fromBase64(text)
  } catch {
    // What is no base64 is no picture.
    return undefined
  }
}
