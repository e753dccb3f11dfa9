/** Image models that more than one vendor makes, without their routes: those are in the vendors' folders. */
import { promise } from '@safelight/core'
import { GEMINI_1K, MEGAPIXEL, OPENAI } from './sizes.ts'

export const fluxSchnell = promise({
  id: 'flux-schnell',
  name: 'FLUX.1 schnell',
  kind: 'image',
  description: 'Fast drafts in a second or two.',
  sizes: MEGAPIXEL,
  maxCount: 4,
  timeoutSeconds: 120,
})

export const fluxDev = promise({
  id: 'flux-dev',
  name: 'FLUX.1 dev',
  kind: 'image',
  description: 'Follows a prompt closely; good light and skin.',
  sizes: MEGAPIXEL,
  maxCount: 4,
  timeoutSeconds: 180,
})

export const flux2Pro = promise({
  id: 'flux-2-pro',
  name: 'FLUX.2 pro',
  kind: 'image',
  description: 'Fine detail and readable lettering.',
  sizes: MEGAPIXEL,
  maxCount: 1,
  timeoutSeconds: 180,
})

export const flux2Klein = promise({
  id: 'flux-2-klein',
  name: 'FLUX.2 klein 9B',
  kind: 'image',
  description: 'The small FLUX.2: quick, and close to the large one.',
  sizes: MEGAPIXEL,
  maxCount: 1,
  timeoutSeconds: 120,
})

export const zImageTurbo = promise({
  id: 'z-image-turbo',
  name: 'Z-Image turbo',
  kind: 'image',
  description: 'Photographs, quickly.',
  sizes: MEGAPIXEL,
  maxCount: 1,
  timeoutSeconds: 120,
})

export const qwenImage = promise({
  id: 'qwen-image',
  name: 'Qwen Image',
  kind: 'image',
  description: 'Writes longer texts into pictures, also Chinese ones.',
  sizes: MEGAPIXEL,
  takesNegativePrompt: true,
  maxCount: 1,
  timeoutSeconds: 180,
})

export const nanoBanana2 = promise({
  id: 'nano-banana-2',
  name: 'Nano Banana 2',
  kind: 'image',
  description: 'Google’s image model: knows the world, and thinks about the composition.',
  sizes: GEMINI_1K,
  maxCount: 1,
  timeoutSeconds: 180,
})

export const gptImage2 = promise({
  id: 'gpt-image-2',
  name: 'GPT Image 2',
  kind: 'image',
  description: 'OpenAI’s image model: exact instructions, diagrams, lettering.',
  sizes: OPENAI,
  maxCount: 4,
  timeoutSeconds: 300,
})
