/** Images on WaveSpeed. Fields as in wavespeed.ai/models/{id}/llms.txt and wavespeed.ai/docs/docs-api, 2026-11-23. */
import { defineModel, type Json, type ModelInput, offer, type Route, type Size } from '@safelight/core'
import {
  flux2Klein as flux2KleinPromise,
  flux2Pro as flux2ProPromise,
  fluxDev as fluxDevPromise,
  fluxSchnell as fluxSchnellPromise,
  gptImage2 as gptImage2Promise,
  nanoBanana2 as nanoBanana2Promise,
  qwenImage as qwenImagePromise,
  zImageTurbo as zImageTurboPromise,
} from '../catalogue/index.ts'
import { ratioOf, seedOf, sizeText } from './fields.ts'

/** The commonest body: `prompt`, `size`, `seed`. */
function sized(input: ModelInput, size: Size) {
  return { prompt: input.prompt, size: sizeText(size), seed: seedOf(input) }
}

/** The FLUX.1 family makes up to four at once. */
function counted(input: ModelInput, size: Size): Json {
  return { ...sized(input, size), num_images: input.count }
}

function route(endpoint: string, body: Route['body'], takes?: NonNullable<Route['takes']>): Route {
  return { provider: 'wavespeed', endpoint, body, ...(takes ? { takes } : {}) }
}

/** 256 to 1536 pixels a side. */
export const fluxSchnell = offer(fluxSchnellPromise, route('wavespeed-ai/flux-schnell', counted))
/** 256 to 1536 pixels a side. */
export const fluxDev = offer(fluxDevPromise, route('wavespeed-ai/flux-dev', counted))
/** 256 to 1536 pixels a side. */
export const flux2Pro = offer(flux2ProPromise, route('wavespeed-ai/flux-2-pro/text-to-image', sized))
export const flux2Klein = offer(flux2KleinPromise, route('wavespeed-ai/flux-2-klein-9b/text-to-image', sized))
/** 256 to 1536 pixels a side. */
export const zImageTurbo = offer(zImageTurboPromise, route('wavespeed-ai/z-image/turbo', sized))
/** Takes no negative prompt here. */
export const qwenImage = offer(
  qwenImagePromise,
  route('wavespeed-ai/qwen-image/text-to-image', sized, input => !input.negativePrompt),
)

/** Told a ratio and a class, Google's model makes the pixels of Google's own table. It takes no seed. */
export const nanoBanana2 = offer(
  nanoBanana2Promise,
  route('google/nano-banana-2/text-to-image', input => ({
    prompt: input.prompt,
    aspect_ratio: ratioOf(input),
    resolution: '1k',
  })),
)

/** One at a time, without a seed; which pixels `1k` has at other ratios than 1:1 is not documented. */
export const gptImage2 = offer(
  gptImage2Promise,
  route(
    'openai/gpt-image-2/text-to-image',
    input => ({ prompt: input.prompt, aspect_ratio: '1:1', resolution: '1k', quality: 'medium' }),
    input => input.size === 'square' && input.count === 1,
  ),
)

/** What ByteDance's and Alibaba's newer models make in their own class of pixels. */
const FOUR_MEGAPIXEL = {
  portrait: { width: 1440, height: 2560 },
  square: { width: 2048, height: 2048 },
  landscape: { width: 2560, height: 1440 },
} as const

/** 1024 to 4096 pixels a side; no seed. */
export const seedream4 = defineModel({
  id: 'seedream-4',
  name: 'Seedream 4',
  kind: 'image',
  description: 'ByteDance’s image model: large, sharp, and good at typography.',
  sizes: FOUR_MEGAPIXEL,
  timeoutSeconds: 180,
  routes: [route('bytedance/seedream-v4', ({ prompt }, size) => ({ prompt, size: sizeText(size) }))],
})

const QWEN_2_CHARACTERS = 800

/** 256 to 4096 pixels a side; only short prompts. */
export const qwenImage2 = defineModel({
  id: 'qwen-image-2',
  name: 'Qwen Image 2',
  kind: 'image',
  description: 'Posters and pages with long texts, in large.',
  sizes: FOUR_MEGAPIXEL,
  timeoutSeconds: 180,
  routes: [
    route('wavespeed-ai/qwen-image-2.0/text-to-image', sized, ({ prompt }) => [...prompt].length <= QWEN_2_CHARACTERS),
  ],
})
