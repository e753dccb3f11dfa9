/** Edit models that more than one vendor makes, without their routes. */
import { promise } from '@safelight/core'
import { GEMINI_1K, MEGAPIXEL, OPENAI } from './sizes.ts'

export const fluxKontextPro = promise({
  id: 'flux-kontext-pro',
  name: 'FLUX.1 Kontext pro',
  kind: 'edit',
  description: 'Changes what you name and keeps the rest.',
  sizes: MEGAPIXEL,
  images: { required: true, maxCount: 1 },
  timeoutSeconds: 180,
})

export const flux2KleinEdit = promise({
  id: 'flux-2-klein-edit',
  name: 'FLUX.2 klein edit',
  kind: 'edit',
  description: 'Quick edits, with up to four pictures to go by.',
  sizes: MEGAPIXEL,
  images: { required: true, maxCount: 4 },
  timeoutSeconds: 180,
})

export const nanoBanana2Edit = promise({
  id: 'nano-banana-2-edit',
  name: 'Nano Banana 2 edit',
  kind: 'edit',
  description: 'Combines up to six pictures and keeps people recognisable.',
  sizes: GEMINI_1K,
  images: { required: true, maxCount: 6 },
  timeoutSeconds: 180,
})

export const gptImage2Edit = promise({
  id: 'gpt-image-2-edit',
  name: 'GPT Image 2 edit',
  kind: 'edit',
  description: 'Follows long instructions about your picture.',
  sizes: OPENAI,
  images: { required: true, maxCount: 4 },
  maxCount: 4,
  timeoutSeconds: 300,
})
