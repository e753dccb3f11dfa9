/** Nscale's images (docs.nscale.com, images/generations): one request, the pictures in the answer, base64 only. */
import { picturesIn } from './openai-images.ts'
import { bearer, type Party } from './party.ts'

export const nscale: Party = {
  id: 'nscale',
  direct: { base: 'https://inference.api.nscale.com', authorize: bearer },

  request: order => ({
    method: 'POST',
    path: '/v1/images/generations',
    body: { ...order.input, model: order.providerId, response_format: 'b64_json' },
    maxBytes: PICTURES_MAX_BYTES,
  }),

  accepted: answer => picturesIn(answer),
}

const PICTURES_MAX_BYTES = 64 * 1024 * 1024
