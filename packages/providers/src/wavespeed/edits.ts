/** Edits on WaveSpeed. Fields as in wavespeed.ai/models/{id}/llms.txt and wavespeed.ai/docs/docs-api, 2026-11-23. */
import { defineModel, offer } from '@safelight/core'
import {
  flux2KleinEdit as flux2KleinEditPromise,
  fluxKontextPro as fluxKontextProPromise,
  gptImage2Edit as gptImage2EditPromise,
  nanoBanana2Edit as nanoBanana2EditPromise,
} from '../catalogue/index.ts'
import { ratioOf, seedOf, sizeText } from './fields.ts'
import { allInputs, firstInput } from './inputs.ts'

/** Told a ratio; only 1:1 is known to be exactly what was promised, 1024 x 1024. */
export const fluxKontextPro = offer(fluxKontextProPromise, {
  provider: 'wavespeed',
  endpoint: 'wavespeed-ai/flux-kontext-pro',
  takes: ({ size }) => size === 'square',
  body: ({ prompt }) => ({ prompt, image: firstInput(), aspect_ratio: '1:1' }),
})

/** At most three pictures here. */
export const flux2KleinEdit = offer(flux2KleinEditPromise, {
  provider: 'wavespeed',
  endpoint: 'wavespeed-ai/flux-2-klein-9b/edit',
  takes: ({ images = [] }) => images.length <= 3,
  body: (input, size) => ({
    prompt: input.prompt,
    images: allInputs(),
    size: sizeText(size),
    seed: seedOf(input),
  }),
})

/** Up to 14 pictures; no seed. */
export const nanoBanana2Edit = offer(nanoBanana2EditPromise, {
  provider: 'wavespeed',
  endpoint: 'google/nano-banana-2/edit',
  body: input => ({
    prompt: input.prompt,
    images: allInputs(),
    aspect_ratio: ratioOf(input),
    resolution: '1k',
  }),
})

/** One at a time, without a seed; which pixels `1k` has at other ratios than 1:1 is not documented. */
export const gptImage2Edit = offer(gptImage2EditPromise, {
  provider: 'wavespeed',
  endpoint: 'openai/gpt-image-2/edit',
  takes: ({ size, count }) => size === 'square' && count === 1,
  body: ({ prompt }) => ({
    prompt,
    images: allInputs(),
    aspect_ratio: '1:1',
    resolution: '1k',
    quality: 'medium',
  }),
})

/** Up to ten pictures, 1024 to 4096 pixels a side; no seed. */
export const seedream4Edit = defineModel({
  id: 'seedream-4-edit',
  name: 'Seedream 4 edit',
  kind: 'edit',
  description: 'Changes and combines up to ten pictures, in large.',
  sizes: {
    portrait: { width: 1440, height: 2560 },
    square: { width: 2048, height: 2048 },
    landscape: { width: 2560, height: 1440 },
  },
  images: { required: true, maxCount: 10 },
  timeoutSeconds: 180,
  routes: [
    {
      provider: 'wavespeed',
      endpoint: 'bytedance/seedream-v4/edit',
      body: ({ prompt }, size) => ({ prompt, images: allInputs(), size: sizeText(size) }),
    },
  ],
})
