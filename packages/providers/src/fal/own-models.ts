/**
 * Models that only fal's routes make here. Their ids begin with `fal-`. Fields and bounds: fal’s endpoint types
 * (github.com/fal-ai/fal-js `endpoints.ts`, 2026-08-02).
 */
import { defineModel } from '@safelight/core'
import { MEGAPIXEL } from '../catalogue/sizes.ts'
import {
  allImages,
  aspectRatio,
  durationNumber,
  durationText,
  fixed,
  negativePrompt,
  oneImage,
  prompt,
  route,
  seed,
  sizedImages,
  withImage,
  withoutImage,
} from './routes.ts'

/** Seedream makes nothing below 2560 x 1440 pixels. */
const FOUR_MEGAPIXELS = {
  portrait: { width: 1440, height: 2560 },
  square: { width: 2048, height: 2048 },
  landscape: { width: 2560, height: 1440 },
} as const
/** What Seedance 1 calls 720p. */
const SEEDANCE_720P = {
  portrait: { width: 704, height: 1248 },
  square: { width: 960, height: 960 },
  landscape: { width: 1248, height: 704 },
} as const
const FULL_HD = {
  portrait: { width: 1080, height: 1920 },
  landscape: { width: 1920, height: 1080 },
} as const

const flux2 = defineModel({
  id: 'fal-flux-2',
  name: 'FLUX.2 dev',
  kind: 'image',
  description: 'The open FLUX.2: close to the prompt, good lettering.',
  sizes: MEGAPIXEL,
  maxCount: 4,
  timeoutSeconds: 180,
  routes: [route('fal-ai/flux-2', sizedImages)],
})

const seedream = defineModel({
  id: 'fal-seedream-4.5',
  name: 'Seedream 4.5',
  kind: 'image',
  description: 'Four megapixels, strong composition.',
  sizes: FOUR_MEGAPIXELS,
  maxCount: 4,
  timeoutSeconds: 300,
  routes: [route('fal-ai/bytedance/seedream/v4.5/text-to-image', sizedImages)],
})

const seedreamEdit = defineModel({
  id: 'fal-seedream-4.5-edit',
  name: 'Seedream 4.5 edit',
  kind: 'edit',
  description: 'Combines up to ten pictures, at four megapixels.',
  sizes: FOUR_MEGAPIXELS,
  images: { required: true, maxCount: 10 },
  maxCount: 4,
  timeoutSeconds: 300,
  routes: [route('fal-ai/bytedance/seedream/v4.5/edit', [...sizedImages, allImages])],
})

const qwenImageEdit = defineModel({
  id: 'fal-qwen-image-edit',
  name: 'Qwen Image edit',
  kind: 'edit',
  description: 'Changes a picture, and the writing in it.',
  sizes: MEGAPIXEL,
  images: { required: true, maxCount: 1 },
  takesNegativePrompt: true,
  maxCount: 4,
  timeoutSeconds: 180,
  routes: [route('fal-ai/qwen-image-edit', [...sizedImages, negativePrompt, oneImage('image_url')])],
})

const seedance = [prompt, aspectRatio, durationText, fixed({ resolution: '720p' }), seed] as const
const seedanceFast = defineModel({
  id: 'fal-seedance-1-fast',
  name: 'Seedance 1 pro fast',
  kind: 'video',
  description: 'Quick and cheap, with or without a first picture.',
  sizes: SEEDANCE_720P,
  durations: [5, 3, 10],
  images: { required: false, maxCount: 1 },
  timeoutSeconds: 600,
  routes: [
    route('fal-ai/bytedance/seedance/v1/pro/fast/text-to-video', seedance, withoutImage),
    route('fal-ai/bytedance/seedance/v1/pro/fast/image-to-video', [...seedance, oneImage('image_url')], withImage),
  ],
})

const ltx = [prompt, aspectRatio, durationNumber, fixed({ resolution: '1080p', fps: 25 })] as const
const ltxFast = defineModel({
  id: 'fal-ltx-2.3-fast',
  name: 'LTX 2.3 fast',
  kind: 'video',
  description: 'Full HD with sound; 6, 8 or 10 seconds.',
  sizes: FULL_HD,
  durations: [6, 8, 10],
  images: { required: false, maxCount: 1 },
  timeoutSeconds: 900,
  routes: [
    route('fal-ai/ltx-2.3/text-to-video/fast', ltx, withoutImage),
    route('fal-ai/ltx-2.3/image-to-video/fast', [...ltx, oneImage('image_url')], withImage),
  ],
})

export const ownModels = [flux2, seedream, seedreamEdit, qwenImageEdit, seedanceFast, ltxFast] as const
