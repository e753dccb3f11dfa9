/**
 * Hugging Face's own machines (huggingface.co/docs/inference-providers/providers/hf-inference): bytes when it went well, JSON
 * or plain text when not. Mostly processors without graphics now, so few models that make pictures.
 */
import type { FreshOutput, Submitted } from '@safelight/core'
import { at, listAt, type Answer } from '@safelight/core/adapter'
import { isWebAddress } from '../refusals.ts'
import { picturesIn } from './openai-images.ts'
import type { Party } from './party.ts'

export const hfInference: Party = {
  id: 'hf-inference',
  direct: null,

  request: order => ({
    method: 'POST',
    path: `/models/${order.providerId}`,
    headers: { accept: 'image/png' },
    body: order.input,
    maxBytes: PICTURE_MAX_BYTES,
  }),

  accepted: answer => {
    const type = answer.headers.get('content-type')?.split(';')[0]?.trim() ?? ''
    // The type alone tells success from failure; what picture it is, the bytes tell.
    if (type !== '' && !/^text\/|json$/.test(type)) return bytesOf(answer, type)
    if (Array.isArray(at(answer.json, 'output'))) return addressesIn(answer)
    return picturesIn(answer)
  },
}

const PICTURE_MAX_BYTES = 64 * 1024 * 1024

function bytesOf({ bytes }: Answer, contentType: string): Submitted {
  const outputs: FreshOutput[] = bytes.length > 0 ? [{ bytes, contentType }] : []
  return { status: 'done', outputs }
}

function addressesIn({ json }: Answer): Submitted {
  const outputs = listAt(json, 'output').filter(isWebAddress)
  return { status: 'done', outputs: outputs.map(url => ({ url })) }
}
