/** `{ data: [{ b64_json | url }] }`, the answer in which several parties hand over pictures at once. */
import type { FreshOutput, Submitted } from '@safelight/core'
import { at, fromBase64, textAt, type Answer } from '@safelight/core/adapter'
import { isWebAddress } from '../refusals.ts'

/** Throws where the answer has no list: nobody knows what happened then. */
export function picturesIn({ json }: Answer): Submitted {
  const list = at(json, 'data')
  if (!Array.isArray(list)) throw new Error('The answer has no pictures')
  return { status: 'done', outputs: list.flatMap(pictureIn) }
}

function pictureIn(entry: unknown): FreshOutput[] {
  const base64 = textAt(entry, 'b64_json')
  const url = at(entry, 'url')
  if (base64 === undefined) return isWebAddress(url) ? [{ url }] : []
  try {
    const bytes = fromBase64(base64)
    return bytes.length > 0 ? [{ bytes }] : []
  } catch {
    // What is no base64 is no picture; the others of the answer still are.
    return []
  }
}
