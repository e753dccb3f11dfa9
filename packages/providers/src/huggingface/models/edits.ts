/** Pictures made from pictures. */
import { defineModel, offer } from '@safelight/core'
import type { Route } from '@safelight/core'
import { flux2KleinEdit } from '../../catalogue/index.ts'
import { MEGAPIXEL } from '../../catalogue/sizes.ts'
import { routed, type Places } from '../routes.ts'
import { falPicture, falPictureWithout, wavespeedPicture } from './fields.ts'

const ALL_AS_URLS: Places = { encoding: 'data-uri', all: ['image_urls'] }
/** WaveSpeed takes three pictures at most. */
const upToThree: NonNullable<Route['takes']> = ({ images = [] }) => images.length <= 3
const ALL_AS_IMAGES: Places = { encoding: 'data-uri', all: ['images'] }

export const huggingfaceFlux2KleinEdit = offer(
  flux2KleinEdit,
  routed({
    through: 'fal-ai',
    model: 'black-forest-labs/FLUX.2-klein-9B',
    task: 'image-to-image',
    providerId: 'fal-ai/flux-2/klein/9b/edit',
    images: ALL_AS_URLS,
    input: falPicture,
  }),
  routed({
    through: 'wavespeed',
    model: 'black-forest-labs/FLUX.2-klein-9B',
    task: 'image-to-image',
    providerId: 'wavespeed-ai/flux-2-klein-9b/edit',
    images: ALL_AS_IMAGES,
    takes: upToThree,
    input: wavespeedPicture,
  }),
)

export const flux2DevEdit = defineModel({
  id: 'flux-2-dev-edit',
  name: 'FLUX.2 dev edit',
  kind: 'edit',
  description: 'The open FLUX.2: careful edits, with up to four pictures to go by.',
  sizes: MEGAPIXEL,
  images: { required: true, maxCount: 4 },
  timeoutSeconds: 180,
  routes: [
    routed({
      through: 'fal-ai',
      model: 'black-forest-labs/FLUX.2-dev',
      task: 'image-to-image',
      providerId: 'fal-ai/flux-2/edit',
      images: ALL_AS_URLS,
      input: falPicture,
    }),
    routed({
      through: 'wavespeed',
      model: 'black-forest-labs/FLUX.2-dev',
      task: 'image-to-image',
      providerId: 'wavespeed-ai/flux-2-dev/edit',
      images: ALL_AS_IMAGES,
      takes: upToThree,
      input: wavespeedPicture,
    }),
  ],
})

export const qwenImageEdit = defineModel({
  id: 'qwen-image-edit-2511',
  name: 'Qwen Image edit (November 2025)',
  kind: 'edit',
  description: 'Changes what you describe, lettering included, and keeps faces.',
  sizes: MEGAPIXEL,
  images: { required: true, maxCount: 3 },
  takesNegativePrompt: true,
  timeoutSeconds: 180,
  routes: [
    routed({
      through: 'fal-ai',
      model: 'Qwen/Qwen-Image-Edit-2511',
      task: 'image-to-image',
      providerId: 'fal-ai/qwen-image-edit-plus',
      images: ALL_AS_URLS,
      input: falPictureWithout,
    }),
  ],
})
