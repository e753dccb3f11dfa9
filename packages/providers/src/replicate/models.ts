/**
 * What Replicate makes. Input fields are those of each model's page, `replicate.com/<owner>/<name>/api`; pixels of the FLUX.1
 * models are the table in github.com/replicate/cog-flux. A size of a picture whose pixels are not known exactly is not
 * offered; of clips, `720p` is the vendor's word.
 */
import { defineModel, offer } from '@safelight/core'
import type { Json, ModelInput, Route, Size } from '@safelight/core'
import {
  flux2Klein,
  flux2KleinEdit,
  flux2Pro,
  fluxDev,
  fluxKontextPro,
  fluxSchnell,
  veo31Fast,
  wan22Small,
  zImageTurbo,
} from '../catalogue/index.ts'
import type { ReplicateBody } from './inputs.ts'

type Fields = Record<string, Json>
type Pictures = NonNullable<ReplicateBody['pictures']>

const RATIOS = { portrait: '9:16', square: '1:1', landscape: '16:9' } as const

/** A route to a model; `pictures` says where our pictures go, if there are any. */
function route(
  endpoint: string,
  fields: (input: ModelInput, size: Size) => Fields,
  { pictures, takes }: { pictures?: Pictures; takes?: NonNullable<Route['takes']> } = {},
): Route {
  return {
    provider: 'replicate',
    endpoint,
    body: (input, size): Json => ({
      input: { prompt: input.prompt, ...fields(input, size) },
      ...(pictures && input.images?.length ? { pictures: { ...pictures } } : {}),
    }),
    ...(takes ? { takes } : {}),
  }
}

/** From 1 to 2^31 - 1: several models take 0 for "any". */
function seedOf({ seed }: ModelInput): number {
  return Number(BigInt(seed) % 2_147_483_648n) || 1
}

function ratioOf({ size }: Pick<ModelInput, 'size'>): string {
  return RATIOS[size]
}

const isSquare: NonNullable<Route['takes']> = ({ size }) => size === 'square'

/** Both FLUX.1 models have the same fields; at one megapixel, 16:9 is 1344 x 768. */
const flux1 = (input: ModelInput): Fields => ({
  aspect_ratio: ratioOf(input),
  megapixels: '1',
  num_outputs: input.count,
  output_format: 'png',
  seed: seedOf(input),
})

/** One megapixel; only of the square are the pixels documented. */
const klein = (input: ModelInput): Fields => ({
  aspect_ratio: ratioOf(input),
  output_megapixels: '1',
  output_format: 'png',
  seed: seedOf(input),
})

const exactPixels = (input: ModelInput, { width, height }: Size): Fields => ({
  width,
  height,
  output_format: 'png',
  seed: seedOf(input),
})

const kontext = (input: ModelInput): Fields => ({
  aspect_ratio: ratioOf(input),
  output_format: 'png',
  seed: seedOf(input),
})

const customPixels = (input: ModelInput, size: Size): Fields => ({
  ...exactPixels(input, size),
  aspect_ratio: 'custom',
})

/** Five seconds are 121 frames at 24 a second; at 81 to 121 frames there is no shorter clip of this model. */
const wanSmall = (input: ModelInput): Fields => ({
  aspect_ratio: ratioOf(input),
  resolution: '720p',
  num_frames: 121,
  frames_per_second: 24,
  seed: seedOf(input),
})

const veo = (input: ModelInput): Fields => ({
  aspect_ratio: ratioOf(input),
  resolution: '720p',
  duration: input.duration ?? 4,
  seed: seedOf(input),
})

/** No seed. */
const kling = (input: ModelInput): Fields => ({ aspect_ratio: ratioOf(input), duration: input.duration ?? 5 })

/** No seed either. */
const seedream = (_: ModelInput, { width, height }: Size): Fields => ({
  size: 'custom',
  width,
  height,
  sequential_image_generation: 'disabled',
  max_images: 1,
})

const KLING_1080P = {
  portrait: { width: 1080, height: 1920 },
  square: { width: 1440, height: 1440 },
  landscape: { width: 1920, height: 1080 },
} as const

/** `size: custom`, from 1024 to 4096 a side. */
const SEEDREAM_2K = {
  portrait: { width: 1440, height: 2560 },
  square: { width: 2048, height: 2048 },
  landscape: { width: 2560, height: 1440 },
} as const

/** Only from words: with a first picture it takes the picture's format, whatever was asked for. */
export const klingTurboPro = defineModel({
  id: 'replicate-kling-2.5-turbo-pro',
  name: 'Kling 2.5 turbo pro',
  kind: 'video',
  description: 'Strong motion in full HD; 5 or 10 seconds.',
  sizes: KLING_1080P,
  durations: [5, 10],
  timeoutSeconds: 1200,
  routes: [route('kwaivgi/kling-v2.5-turbo-pro', kling)],
})

export const seedream45 = defineModel({
  id: 'replicate-seedream-4.5',
  name: 'Seedream 4.5 in 2K',
  kind: 'image',
  description: 'ByteDance’s image model, in 2K.',
  sizes: SEEDREAM_2K,
  timeoutSeconds: 240,
  routes: [route('bytedance/seedream-4.5', seedream)],
})

export const seedream45Edit = defineModel({
  id: 'replicate-seedream-4.5-edit',
  name: 'Seedream 4.5 edit in 2K',
  kind: 'edit',
  description: 'Combines and changes up to ten pictures, in 2K.',
  sizes: SEEDREAM_2K,
  images: { required: true, maxCount: 10 },
  timeoutSeconds: 240,
  routes: [route('bytedance/seedream-4.5', seedream, { pictures: { field: 'image_input', as: 'list' } })],
})

const kontextPictures = { field: 'input_image', as: 'one' } as const
const kleinPictures = { field: 'images', as: 'list' } as const
const veoPictures = { field: 'image', as: 'one' } as const

/** Everything this provider makes. */
export const replicateModels = [
  offer(fluxSchnell, route('black-forest-labs/flux-schnell', flux1)),
  offer(fluxDev, route('black-forest-labs/flux-dev', flux1)),
  offer(flux2Pro, route('black-forest-labs/flux-2-pro', customPixels)),
  offer(flux2Klein, route('black-forest-labs/flux-2-klein-9b', klein, { takes: isSquare })),
  offer(zImageTurbo, route('prunaai/z-image-turbo', exactPixels)),
  seedream45,
  offer(
    fluxKontextPro,
    route('black-forest-labs/flux-kontext-pro', kontext, { pictures: kontextPictures, takes: isSquare }),
  ),
  offer(
    flux2KleinEdit,
    route('black-forest-labs/flux-2-klein-9b', klein, { pictures: kleinPictures, takes: isSquare }),
  ),
  seedream45Edit,
  offer(wan22Small, route('wan-video/wan-2.2-5b-fast', wanSmall)),
  offer(veo31Fast, route('google/veo-3.1-fast', veo, { pictures: veoPictures })),
  klingTurboPro,
] as const
