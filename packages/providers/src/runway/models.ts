/** What Runway makes, and how its endpoints want to be asked (docs.dev.runwayml.com/api). Sizes are pixels with a colon. */
import { defineModel, offer } from '@safelight/core'
import type { Json, ModelInput, Route, Size } from '@safelight/core'
import { elite } from '../catalogue/index.ts'
import { VIDEO_720P } from '../catalogue/sizes.ts'

/** Where pictures go: `promptImage` for `image_to_video`, `referenceImages` for `text_to_image`. */
export type RunwayBody = Record<string, Json>

/** UTF-16 code units of `promptText`. */
const PROMPT_MAX_UNITS = 1000
const SEEDS = 4_294_967_296n

function clip({ prompt, seed, duration = 5 }: ModelInput, size: Size): RunwayBody {
  return { model: 'gen4.5', promptText: prompt, ratio: ratioOf(size), duration, seed: seedOf(seed) }
}

function picture({ prompt, seed }: ModelInput, size: Size): RunwayBody {
  return { model: 'gen4_image', promptText: prompt, ratio: ratioOf(size), seed: seedOf(seed) }
}

function ratioOf({ width, height }: Size): string {
  return `${width}:${height}`
}

function seedOf(seed: string): number {
  return Number(BigInt(seed) % SEEDS)
}

function hasPictures({ images = [] }: Omit<ModelInput, 'seed'>): boolean {
  return images.length > 0
}

/** The endpoint is the model and the path it is asked on. */
const gen45Text = {
  provider: 'runway',
  endpoint: 'gen4.5/text_to_video',
  body: clip,
  takes: input => !hasPictures(input),
} as const satisfies Route

const gen45Picture = {
  provider: 'runway',
  endpoint: 'gen4.5/image_to_video',
  body: clip,
  takes: hasPictures,
} as const satisfies Route

/** Where other vendors take longer prompts, those are theirs. */
function short<Of extends Route>(route: Of): Of {
  return { ...route, takes: input => input.prompt.length <= PROMPT_MAX_UNITS && (route.takes?.(input) ?? true) }
}

export const gen45 = defineModel({
  id: 'gen-4.5',
  name: 'Runway Gen-4.5',
  kind: 'video',
  description: 'Any whole length from 2 to 10 seconds, with or without a first picture.',
  sizes: VIDEO_720P,
  durations: [5, 2, 3, 4, 6, 7, 8, 9, 10],
  images: { required: false, maxCount: 1 },
  timeoutSeconds: 1200,
  routes: [gen45Text, gen45Picture],
})

const GEN4_IMAGE_SIZES = {
  portrait: { width: 1080, height: 1920 },
  square: { width: 1080, height: 1080 },
  landscape: { width: 1920, height: 1080 },
} as const

export const gen4Image = defineModel({
  id: 'gen4-image',
  name: 'Runway Gen-4 Image',
  kind: 'image',
  description: 'Pictures with a film’s eye for light and lens.',
  sizes: GEN4_IMAGE_SIZES,
  timeoutSeconds: 300,
  routes: [{ provider: 'runway', endpoint: 'gen4_image/text_to_image', body: picture }],
})

export const gen4ImageEdit = defineModel({
  id: 'gen4-image-edit',
  name: 'Runway Gen-4 Image with references',
  kind: 'edit',
  description: 'The people and places of up to three pictures, in a new one.',
  sizes: GEN4_IMAGE_SIZES,
  images: { required: true, maxCount: 3 },
  timeoutSeconds: 300,
  routes: [{ provider: 'runway', endpoint: 'gen4_image/text_to_image', body: picture }],
})

/** Everything this provider makes. */
export const runwayModels = [
  gen45,
  gen4Image,
  gen4ImageEdit,
  offer(elite, short(gen45Text), short(gen45Picture)),
] as const
