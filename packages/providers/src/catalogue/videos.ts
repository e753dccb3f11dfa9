/**
 * Video models that more than one vendor makes, without their routes; and the four styles of the app, each a model.
 * Only models that make exactly 3 and 5 seconds carry those lengths: what a clip lasts is what it costs.
 */
import { promise } from '@safelight/core'
import { VIDEO_720P, VIDEO_720P_SQUARE } from './sizes.ts'

/** May begin with a picture. */
const STARTING_PICTURE = { required: false, maxCount: 1 } as const

export const lovely = promise({
  id: 'lovely',
  name: 'Lovely',
  kind: 'video',
  description: 'Soft, cinematic motion (Kling 3 standard).',
  sizes: VIDEO_720P_SQUARE,
  durations: [3, 5],
  images: STARTING_PICTURE,
  takesNegativePrompt: true,
  timeoutSeconds: 900,
})

export const express = promise({
  id: 'express',
  name: 'Express',
  kind: 'video',
  description: 'The quickest clip (Kling 3 turbo, Seedance fast).',
  sizes: VIDEO_720P,
  durations: [3, 5],
  images: STARTING_PICTURE,
  timeoutSeconds: 600,
})

export const elite = promise({
  id: 'elite',
  name: 'Elite',
  kind: 'video',
  description: 'The finest detail (Wan 2.7, Runway Gen-4.5).',
  sizes: VIDEO_720P,
  durations: [3, 5],
  images: STARTING_PICTURE,
  timeoutSeconds: 1200,
})

export const wanAi = promise({
  id: 'wan-ai',
  name: 'Wan AI',
  kind: 'video',
  description: 'Wan, the open model: lively motion.',
  sizes: VIDEO_720P,
  durations: [3, 5],
  images: STARTING_PICTURE,
  takesNegativePrompt: true,
  timeoutSeconds: 900,
})

export const kling3Standard = promise({
  id: 'kling-3-standard',
  name: 'Kling 3 standard',
  kind: 'video',
  description: 'From 3 to 15 seconds, with or without a first picture.',
  sizes: VIDEO_720P_SQUARE,
  durations: [5, 3, 10, 15],
  images: STARTING_PICTURE,
  takesNegativePrompt: true,
  timeoutSeconds: 1200,
})

export const veo31Fast = promise({
  id: 'veo-3.1-fast',
  name: 'Veo 3.1 fast',
  kind: 'video',
  description: 'Google’s video model; 4, 6 or 8 seconds.',
  sizes: VIDEO_720P,
  durations: [4, 6, 8],
  images: STARTING_PICTURE,
  timeoutSeconds: 900,
})

export const wan22Small = promise({
  id: 'wan-2.2-5b',
  name: 'Wan 2.2 5B',
  kind: 'video',
  description: 'The small Wan: quick and cheap.',
  sizes: VIDEO_720P,
  durations: [5],
  timeoutSeconds: 600,
})
