/** What Black Forest Labs makes, and how its endpoints want to be asked (docs.bfl.ai, model pages). */
import { defineModel, offer } from '@safelight/core'
import type { Json, ModelInput, Route, Size } from '@safelight/core'
import { flux2Klein, flux2KleinEdit, flux2Pro, fluxKontextPro } from '../catalogue/index.ts'
import { MEGAPIXEL, VIDEO_720P } from '../catalogue/sizes.ts'

/** Where pictures go: `input_image`, `input_image_2` … for pictures, `keyframes` for a clip. */
export type BflBody = Record<string, Json>

/** FLUX.2 takes pixels, in steps of 16; the same path makes and edits. */
function pixels({ prompt, seed }: ModelInput, { width, height }: Size): BflBody {
  return { prompt, width, height, seed: seedOf(seed), output_format: 'png' }
}

/** Kontext takes a ratio, and makes about one megapixel of it: of the square, exactly what is promised. */
function ratio({ prompt, seed, size }: ModelInput): BflBody {
  return { prompt, aspect_ratio: RATIOS[size], seed: seedOf(seed), output_format: 'png' }
}

/** FLUX 3 video: whole seconds from 5 to 20; `hd` is 720 lines. It has no seed. */
function clip({ prompt, size, duration = 5, images = [] }: ModelInput): BflBody {
  return { mode: images.length > 0 ? 'i2v' : 't2v', prompt, aspect_ratio: RATIOS[size], resolution: 'hd', duration }
}

const RATIOS = { portrait: '9:16', square: '1:1', landscape: '16:9' } as const

function seedOf(seed: string): number {
  return Number(BigInt(seed) % 2_147_483_648n)
}

function route<const Endpoint extends string>(endpoint: Endpoint, body: Route['body']) {
  return { provider: 'bfl', endpoint, body } as const
}

export const flux2Max = defineModel({
  id: 'flux-2-max',
  name: 'FLUX.2 max',
  kind: 'image',
  description: 'The finest FLUX.2.',
  sizes: MEGAPIXEL,
  timeoutSeconds: 240,
  routes: [route('flux-2-max', pixels)],
})

export const flux2Flex = defineModel({
  id: 'flux-2-flex',
  name: 'FLUX.2 flex',
  kind: 'image',
  description: 'Lettering and small details, with time to think.',
  sizes: MEGAPIXEL,
  timeoutSeconds: 240,
  routes: [route('flux-2-flex', pixels)],
})

export const flux3Video = defineModel({
  id: 'flux-3-video',
  name: 'FLUX 3 video',
  kind: 'video',
  description: 'Clips from 5 to 20 seconds, with or without a first picture.',
  sizes: VIDEO_720P,
  durations: [5, 8, 10, 15, 20],
  images: { required: false, maxCount: 1 },
  timeoutSeconds: 1200,
  routes: [route('flux-3-video', clip)],
})

/** Everything this provider makes. */
export const bflModels = [
  offer(flux2Pro, route('flux-2-pro', pixels)),
  offer(flux2Klein, route('flux-2-klein-9b', pixels)),
  flux2Max,
  flux2Flex,
  offer(fluxKontextPro, { ...route('flux-kontext-pro', ratio), takes: ({ size }) => size === 'square' }),
  offer(flux2KleinEdit, route('flux-2-klein-9b', pixels)),
  flux3Video,
] as const
