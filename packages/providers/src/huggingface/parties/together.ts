/**
 * Together (docs.together.ai): pictures come with the answer, clips are jobs. The word that asks for base64 is `base64`, the
 * field that carries it `b64_json`.
 */
import type { Progress } from '@safelight/core'
import { at, textAt } from '@safelight/core/adapter'
import { failed, idIn, isPolicy, isWebAddress, newsIn } from '../refusals.ts'
import { picturesIn } from './openai-images.ts'
import { bearer, type Operation, type Order, type Party } from './party.ts'

/** As often as Together's own client asks. */
const LOOK_SECONDS = 2

export const together: Party = {
  id: 'together',
  // Pictures are made at api.together.xyz too, clips here only (together-typescript, resources/videos).
  direct: { base: 'https://api.together.ai', authorize: bearer },

  request(order) {
    const named = { ...order.input, model: order.providerId }
    return isClip(order)
      ? { method: 'POST', path: '/v2/videos', body: named }
      : {
          method: 'POST',
          path: '/v1/images/generations',
          body: { ...named, response_format: 'base64' },
          maxBytes: PICTURES_MAX_BYTES,
        }
  },

  accepted(answer, order) {
    if (!isClip(order)) return picturesIn(answer)
    const id = idIn(answer.json, 'id')
    const operation: Operation = { party: 'together', id, path: `/v2/videos/${id}` }
    return { status: 'running', operation }
  },

  look: async (call, { path }, line) => progressOf(newsIn(await line.api.request(call, { path }))),
}

const PICTURES_MAX_BYTES = 64 * 1024 * 1024

function isClip({ task }: Order): boolean {
  return task === 'text-to-video' || task === 'image-to-video'
}

function progressOf(job: object): Progress {
  const word = textAt(job, 'status')
  const said = [textAt(job, 'error', 'code'), textAt(job, 'error', 'message')].filter(Boolean).join(' · ')
  switch (word) {
    case undefined:
      throw new Error('Together tells no status')
    case 'completed': {
      const url = at(job, 'outputs', 'video_url')
      if (isWebAddress(url)) return { status: 'done', outputs: [{ url }] }
      return failed('no_output', 'yes', 'The job has no clip.')
    }
    case 'failed':
      return failed(isPolicy(said) ? 'content_policy' : 'provider_error', 'unknown', said)
    case 'cancelled':
    case 'canceled':
      return failed('canceled', 'unknown', said)
    default:
      return { status: 'running', stage: word === 'queued' ? 'queued' : 'running', lookAgainInSeconds: LOOK_SECONDS }
  }
}
