/** What Google makes, and how its three surfaces want to be asked (ai.google.dev/gemini-api/docs). */
import { defineModel, offer } from '@safelight/core'
import type { Json, ModelInput, Route } from '@safelight/core'
import { nanoBanana2, nanoBanana2Edit, veo31Fast } from '../catalogue/index.ts'
import { GEMINI_1K, VIDEO_720P } from '../catalogue/sizes.ts'

/** Pictures go to the end of the first content, into the first instance, or behind the text of `input`. */
export type GoogleBody = Record<string, Json>

const RATIOS = { portrait: '9:16', square: '1:1', landscape: '16:9' } as const

/** `generateContent`: one call, one picture, in the answer. */
function picture({ prompt, size, seed }: ModelInput): GoogleBody {
  return {
    contents: [{ role: 'user', parts: [{ text: prompt }] }],
    generationConfig: {
      responseModalities: ['IMAGE'],
      seed: seedOf(seed),
      imageConfig: { aspectRatio: RATIOS[size], imageSize: '1K' },
    },
  }
}

/** Veo: 4, 6 or 8 seconds, as a number. A seed is for Vertex only. */
function veoClip({ prompt, size, duration = 4 }: ModelInput): GoogleBody {
  return {
    instances: [{ prompt }],
    parameters: { aspectRatio: RATIOS[size], resolution: '720p', durationSeconds: duration, sampleCount: 1 },
  }
}

/** Interactions: the length is text. `background` answers at once, `uri` keeps the clip out of the answer. */
function omniClip({ prompt, size, duration = 3, seed, images = [] }: ModelInput): GoogleBody {
  const task = images.length > 0 ? 'image_to_video' : 'text_to_video'
  return {
    model: 'gemini-omni-1.2-flash',
    input: prompt,
    background: true,
    store: true,
    response_format: {
      type: 'video',
      aspect_ratio: RATIOS[size],
      duration: `${duration}s`,
      resolution: '720p',
      delivery: 'uri',
    },
    generation_config: { seed: seedOf(seed), video_config: { task } },
  }
}

function seedOf(seed: string): number {
  return Number(BigInt(seed) % 2_147_483_648n)
}

/** The endpoint is the model and, behind the colon, the method; for Interactions the model is in the body. */
function route<const Endpoint extends string>(endpoint: Endpoint, body: Route['body']) {
  return { provider: 'google', endpoint, body } as const
}

export const gemini3ProImage = defineModel({
  id: 'gemini-3-pro-image',
  name: 'Gemini 3 Pro Image',
  kind: 'image',
  description: 'Google’s most careful image model: diagrams, lettering, several languages.',
  sizes: GEMINI_1K,
  timeoutSeconds: 240,
  routes: [route('gemini-3-pro-image:generateContent', picture)],
})

export const geminiOmniFlash = defineModel({
  id: 'gemini-omni-1.2-flash',
  name: 'Gemini Omni 1.2 flash',
  kind: 'video',
  description: 'Clips of 3, 5 or 10 seconds, with or without a first picture.',
  sizes: VIDEO_720P,
  durations: [3, 5, 10],
  images: { required: false, maxCount: 1 },
  timeoutSeconds: 900,
  routes: [route('gemini-omni-1.2-flash:interactions', omniClip)],
})

/** Everything this provider makes. */
export const googleModels = [
  offer(nanoBanana2, route('gemini-3.1-flash-image:generateContent', picture)),
  gemini3ProImage,
  offer(nanoBanana2Edit, route('gemini-3.1-flash-image:generateContent', picture)),
  offer(veo31Fast, route('veo-3.1-fast-generate-preview:predictLongRunning', veoClip)),
  geminiOmniFlash,
] as const
