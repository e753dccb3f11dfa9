/**
 * Clips on WaveSpeed. Fields as in wavespeed.ai/models/{id}/llms.txt and wavespeed.ai/docs/docs-api, 2026-11-23. A clip that
 * begins with a picture has the picture's proportions: none of these endpoints is told others.
 */
import { defineModel, offer, type ModelInput, type Route } from '@safelight/core'
import {
  elite as elitePromise,
  express as expressPromise,
  kling3Standard as kling3StandardPromise,
  lovely as lovelyPromise,
  wan22Small as wan22SmallPromise,
  wanAi as wanAiPromise,
} from '../catalogue/index.ts'
import { hasImage, hasNoImage, ratioOf, seedOf, sizeText, unwanted } from './fields.ts'
import { firstInput } from './inputs.ts'

const MEGABYTE = 1024 * 1024

function textRoute(endpoint: string, body: Route['body']): Route {
  return { provider: 'wavespeed', endpoint, takes: hasNoImage, body }
}

function pictureRoute(endpoint: string, body: Route['body']): Route {
  return { provider: 'wavespeed', endpoint, takes: hasImage, body }
}

/** Whole seconds; every model here has a length of five. */
function lengthOf({ duration = 5 }: Pick<ModelInput, 'duration'>): number {
  return duration
}

/** 3 to 15 seconds, 720p; sound would cost more than was promised. */
function kling(input: ModelInput) {
  return { prompt: input.prompt, ...unwanted(input), duration: lengthOf(input), sound: false }
}

const klingText = textRoute('kwaivgi/kling-v3.0-std/text-to-video', input => ({
  ...kling(input),
  aspect_ratio: ratioOf(input),
}))
/** JPEG or PNG of at most 10 MB, 300 pixels a side at least. */
const klingPicture = pictureRoute('kwaivgi/kling-v3.0-std/image-to-video', input => ({
  ...kling(input),
  image: firstInput({ maxBytes: 10 * MEGABYTE }),
}))

export const lovely = offer(lovelyPromise, klingText, klingPicture)
export const kling3Standard = offer(kling3StandardPromise, klingText, klingPicture)

/** 3 to 15 seconds, 720p; no negative prompt. */
export const express = offer(
  expressPromise,
  textRoute('kwaivgi/kling-v3-turbo-std/text-to-video', input => ({
    prompt: input.prompt,
    aspect_ratio: ratioOf(input),
    duration: lengthOf(input),
  })),
  pictureRoute('kwaivgi/kling-v3-turbo-std/image-to-video', input => ({
    prompt: input.prompt,
    image: firstInput({ maxBytes: 50 * MEGABYTE }),
    duration: lengthOf(input),
  })),
)

/** 2 to 15 seconds. */
export const elite = offer(
  elitePromise,
  textRoute('alibaba/wan-2.7/text-to-video', input => ({
    prompt: input.prompt,
    resolution: '720p',
    aspect_ratio: ratioOf(input),
    duration: lengthOf(input),
    seed: seedOf(input),
  })),
  pictureRoute('alibaba/wan-2.7/image-to-video', input => ({
    prompt: input.prompt,
    image: firstInput(),
    resolution: '720p',
    duration: lengthOf(input),
    seed: seedOf(input),
  })),
)

/** 5 or 8 seconds: of what was promised, only the longer one. */
const isFiveSeconds: NonNullable<Route['takes']> = ({ duration }) => duration === 5

function wan22(input: ModelInput) {
  return { prompt: input.prompt, ...unwanted(input), duration: lengthOf(input), seed: seedOf(input) }
}

export const wanAi = offer(
  wanAiPromise,
  {
    ...textRoute('wavespeed-ai/wan-2.2/t2v-720p', (input, size) => ({ ...wan22(input), size: sizeText(size) })),
    takes: input => hasNoImage(input) && isFiveSeconds(input),
  },
  {
    ...pictureRoute('wavespeed-ai/wan-2.2/i2v-720p', input => ({ ...wan22(input), image: firstInput() })),
    takes: input => hasImage(input) && isFiveSeconds(input),
  },
)

/** Always 5 seconds. */
export const wan22Small = offer(
  wan22SmallPromise,
  textRoute('wavespeed-ai/wan-2.2/t2v-5b-720p', (input, size) => ({
    prompt: input.prompt,
    size: sizeText(size),
    seed: seedOf(input),
  })),
)

/** 5 to 10 seconds. */
export const wan21UltraFast = defineModel({
  id: 'wan-2.1-ultra-fast',
  name: 'Wan 2.1 ultra fast',
  kind: 'video',
  description: 'The earlier open Wan, in a hurry.',
  sizes: { portrait: { width: 720, height: 1280 }, landscape: { width: 1280, height: 720 } },
  durations: [5, 10],
  takesNegativePrompt: true,
  timeoutSeconds: 600,
  routes: [
    {
      provider: 'wavespeed',
      endpoint: 'wavespeed-ai/wan-2.1/t2v-720p-ultra-fast',
      body: (input, size) => ({
        prompt: input.prompt,
        ...unwanted(input),
        size: sizeText(size),
        duration: lengthOf(input),
        seed: seedOf(input),
      }),
    },
  ],
})
