/** Pictures. */
import { defineModel, offer } from '@safelight/core'
import { fluxDev, fluxSchnell, qwenImage, zImageTurbo } from '../../catalogue/index.ts'
import { MEGAPIXEL } from '../../catalogue/sizes.ts'
import { routed } from '../routes.ts'
import { aspectOf, falPicture, falPictureWithout, negative, seedOf, wavespeedPicture } from './fields.ts'

export const huggingfaceFluxSchnell = offer(
  fluxSchnell,
  routed({
    through: 'nscale',
    model: 'black-forest-labs/FLUX.1-schnell',
    task: 'text-to-image',
    providerId: 'black-forest-labs/FLUX.1-schnell',
    // Nscale names sizes as OpenAI does; of ours it surely has the square.
    takes: ({ size, count }) => size === 'square' && count === 1,
    input: ({ prompt }, { width, height }) => ({ prompt, size: `${width}x${height}`, n: 1 }),
  }),
  routed({
    through: 'together',
    model: 'black-forest-labs/FLUX.1-schnell',
    task: 'text-to-image',
    providerId: 'black-forest-labs/FLUX.1-schnell',
    input: (input, { width, height }) => ({
      prompt: input.prompt,
      width,
      height,
      steps: 4,
      n: input.count,
      seed: seedOf(input),
    }),
  }),
  routed({
    through: 'fal-ai',
    model: 'black-forest-labs/FLUX.1-schnell',
    task: 'text-to-image',
    // It came and went in 2025 and 2026: only where the hub says so.
    input: falPicture,
  }),
)

export const huggingfaceFluxDev = offer(
  fluxDev,
  routed({
    through: 'fal-ai',
    model: 'black-forest-labs/FLUX.1-dev',
    task: 'text-to-image',
    providerId: 'fal-ai/flux/dev',
    input: falPicture,
  }),
  routed({
    through: 'wavespeed',
    model: 'black-forest-labs/FLUX.1-dev',
    task: 'text-to-image',
    providerId: 'wavespeed-ai/flux-dev',
    input: (input, size) => ({ ...wavespeedPicture(input, size), num_images: input.count }),
  }),
  routed({
    through: 'replicate',
    model: 'black-forest-labs/FLUX.1-dev',
    task: 'text-to-image',
    providerId: 'black-forest-labs/flux-dev',
    // One megapixel of 16:9 is 1344 x 768 there.
    input: (input, size) => ({
      prompt: input.prompt,
      aspect_ratio: aspectOf(size),
      megapixels: '1',
      num_outputs: input.count,
      output_format: 'png',
      seed: seedOf(input),
    }),
  }),
)

export const huggingfaceZImageTurbo = offer(
  zImageTurbo,
  routed({
    through: 'fal-ai',
    model: 'Tongyi-MAI/Z-Image-Turbo',
    task: 'text-to-image',
    providerId: 'fal-ai/z-image/turbo',
    input: falPicture,
  }),
  routed({
    through: 'wavespeed',
    model: 'Tongyi-MAI/Z-Image-Turbo',
    task: 'text-to-image',
    providerId: 'wavespeed-ai/z-image/turbo',
    input: wavespeedPicture,
  }),
  routed({
    through: 'replicate',
    model: 'Tongyi-MAI/Z-Image-Turbo',
    task: 'text-to-image',
    providerId: 'prunaai/z-image-turbo',
    input: (input, { width, height }) => ({ prompt: input.prompt, width, height, seed: seedOf(input) }),
  }),
)

export const huggingfaceQwenImage = offer(
  qwenImage,
  // The name at fal is read from the hub.
  routed({ through: 'fal-ai', model: 'Qwen/Qwen-Image', task: 'text-to-image', input: falPictureWithout }),
)

export const stableDiffusion3 = defineModel({
  id: 'stable-diffusion-3-medium',
  name: 'Stable Diffusion 3 medium',
  kind: 'image',
  description: 'The open model of 2024, on Hugging Face’s own machines.',
  sizes: { square: MEGAPIXEL.square },
  takesNegativePrompt: true,
  maxCount: 1,
  timeoutSeconds: 300,
  routes: [
    routed({
      through: 'hf-inference',
      model: 'stabilityai/stable-diffusion-3-medium-diffusers',
      task: 'text-to-image',
      providerId: 'stabilityai/stable-diffusion-3-medium-diffusers',
      input: (input, { width, height }) => ({
        inputs: input.prompt,
        parameters: { width, height, seed: seedOf(input), ...negative(input) },
      }),
    }),
  ],
})
