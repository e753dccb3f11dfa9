import { defineModel } from '@safelight/core'
import type { Json, ModelInput, Size } from '@safelight/core'

const IMAGE_SIZES = {
  portrait: { width: 768, height: 1152 },
  square: { width: 1024, height: 1024 },
  landscape: { width: 1152, height: 768 },
} as const

/** Even numbers, as H.264 wants them. */
const VIDEO_SIZES = {
  portrait: { width: 432, height: 768 },
  square: { width: 576, height: 576 },
  landscape: { width: 768, height: 432 },
} as const

function body(input: ModelInput, size: Size): Json {
  const { prompt, seed, count, style, duration } = input
  return {
    prompt,
    seed,
    count,
    width: size.width,
    height: size.height,
    ...(style === undefined ? {} : { style }),
    ...(duration === undefined ? {} : { duration }),
  }
}

/** Pictures drawn on this machine. */
export const demoImage = defineModel({
  id: 'demo-image',
  name: 'Demo image',
  kind: 'image',
  description: 'Landscapes drawn on this machine, without an account. Words of the prompt choose what is in them.',
  sizes: IMAGE_SIZES,
  maxCount: 4,
  price: 500,
  timeoutSeconds: 30,
  routes: [{ provider: 'demo', endpoint: 'demo/image', body }],
})

/** A picture, changed on this machine. */
export const demoEdit = defineModel({
  id: 'demo-edit',
  name: 'Demo edit',
  kind: 'edit',
  description:
    'Changes the light, the weather or the medium of your picture, on this machine. It keeps the composition.',
  sizes: IMAGE_SIZES,
  images: { required: true, maxCount: 1 },
  maxCount: 4,
  price: 1000,
  timeoutSeconds: 30,
  routes: [{ provider: 'demo', endpoint: 'demo/edit', body }],
})

/** Short clips, filmed on this machine. */
export const demoVideo = defineModel({
  id: 'demo-video',
  name: 'Demo video',
  kind: 'video',
  description:
    'Clips of three or five seconds in three styles, made on this machine. A picture may be the first frame.',
  sizes: VIDEO_SIZES,
  durations: [3, 5],
  styles: [
    { id: 'lovely', name: 'Lovely' },
    { id: 'express', name: 'Express' },
    { id: 'elite', name: 'Elite' },
  ],
  images: { required: false, maxCount: 1 },
  price: ({ duration = 3 }) => (duration <= 3 ? 2000 : 3000),
  timeoutSeconds: 60,
  routes: [{ provider: 'demo', endpoint: 'demo/video', body }],
})

/** Everything this provider makes. */
export const demoModels = [demoImage, demoEdit, demoVideo] as const
