/**
 * Routes of image and edit models. Fields and enum members: fal’s endpoint types (github.com/fal-ai/fal-js
 * `endpoints.ts`, 2026-08-02), which are generated from each endpoint’s OpenAPI document.
 */
import { offer } from '@safelight/core'
import {
  flux2Klein,
  flux2KleinEdit,
  flux2Pro,
  fluxDev,
  fluxKontextPro,
  fluxSchnell,
  gptImage2,
  gptImage2Edit,
  nanoBanana2,
  nanoBanana2Edit,
  qwenImage,
  zImageTurbo,
} from '../catalogue/index.ts'
import {
  allImages,
  aspectRatio,
  count,
  fixed,
  imageSize,
  negativePrompt,
  oneImage,
  prompt,
  route,
  seed,
  sizedImages,
} from './routes.ts'

/** What fal calls 1K is what the promise says in pixels. */
const gemini1K = [prompt, aspectRatio, fixed({ resolution: '1K' }), count, seed] as const
/** There is no seed. `high` is fal’s default, and several times as dear. */
const gptImage = [prompt, imageSize, count, fixed({ quality: 'medium' })] as const

export const imageModels = [
  // The schema shares its defaults with flux/dev, which takes 28 steps.
  offer(fluxSchnell, route('fal-ai/flux/schnell', [...sizedImages, fixed({ num_inference_steps: 4 })])),
  offer(fluxDev, route('fal-ai/flux/dev', sizedImages)),
  offer(
    flux2Pro,
    route('fal-ai/flux-2-pro', [prompt, imageSize, seed], input => input.count === 1),
  ),
  offer(flux2Klein, route('fal-ai/flux-2/klein/9b', sizedImages)),
  offer(zImageTurbo, route('fal-ai/z-image/turbo', sizedImages)),
  offer(qwenImage, route('fal-ai/qwen-image', [...sizedImages, negativePrompt])),
  offer(nanoBanana2, route('fal-ai/nano-banana-2', gemini1K)),
  offer(gptImage2, route('openai/gpt-image-2', gptImage)),
] as const

export const editModels = [
  // It takes an aspect ratio and chooses the pixels: of the promised sizes only the square is surely made.
  offer(
    fluxKontextPro,
    route(
      'fal-ai/flux-pro/kontext',
      [prompt, oneImage('image_url'), aspectRatio, count, seed],
      input => input.size === 'square',
    ),
  ),
  offer(flux2KleinEdit, route('fal-ai/flux-2/klein/9b/edit', [...sizedImages, allImages])),
  offer(nanoBanana2Edit, route('fal-ai/nano-banana-2/edit', [...gemini1K, allImages])),
  offer(gptImage2Edit, route('openai/gpt-image-2/edit', [...gptImage, allImages])),
] as const
