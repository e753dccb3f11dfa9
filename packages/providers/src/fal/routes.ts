/** Small words for the bodies of fal's endpoints: what their fields are called, and how each writes sizes and seeds. */
import type { JsonObject, ModelInput, Route, Size } from '@safelight/core'
import { inputImage, inputImages } from './inputs.ts'

export type Body = (input: ModelInput, size: Size) => JsonObject

/** A route to one endpoint; its body is made of parts. */
export function route(endpoint: string, parts: readonly Body[], takes?: Route['takes']): Route {
  const body: Body = (input, size) => Object.assign({}, ...parts.map(part => part(input, size))) as JsonObject
  return { provider: 'fal', endpoint, body, ...(takes ? { takes } : {}) }
}

/** What stays the same in every request. */
export const fixed =
  (fields: JsonObject): Body =>
  () =>
    fields

export const prompt: Body = input => ({ prompt: input.prompt })

/** Integers of 31 bits are taken everywhere; the same seed of ours is always the same one there. */
export const seed: Body = input => ({ seed: Number(BigInt(input.seed) % 2_147_483_648n) })

export const negativePrompt: Body = input =>
  input.negativePrompt === undefined ? {} : { negative_prompt: input.negativePrompt }

/** Only where the endpoint has the field: the others make one. */
export const count: Body = input => ({ num_images: input.count })

/** Exact pixels. */
export const imageSize: Body = (_, { width, height }) => ({ image_size: { width, height } })

/** What most endpoints of pictures take. */
export const sizedImages = [prompt, imageSize, seed, count] as const

export const aspectRatio: Body = input => ({ aspect_ratio: ASPECT_RATIOS[input.size] })
const ASPECT_RATIOS = { portrait: '9:16', square: '1:1', landscape: '16:9' } as const

/** As in `"5"`. */
export const durationText: Body = input => ({ duration: String(input.duration) })
/** As in `5`. */
export const durationNumber: Body = input => ({ duration: input.duration ?? null })
/** As in `"8s"`. */
export const durationSeconds: Body = input => ({ duration: `${input.duration}s` })

/** Wan counts frames, four to a step and the first one by itself: 49 and 81 at 16 a second. */
export const wanFrames =
  (framesPerSecond: number): Body =>
  input => ({ num_frames: (input.duration ?? 5) * framesPerSecond + 1, frames_per_second: framesPerSecond })

export const oneImage =
  (field: 'image_url' | 'start_image_url'): Body =>
  () => ({ [field]: inputImage(0) })
export const allImages: Body = input => ({ image_urls: inputImages(input.images?.length ?? 0) })

type Input = Omit<ModelInput, 'seed'>
export const withoutImage = (input: Input): boolean => (input.images?.length ?? 0) === 0
export const withImage = (input: Input): boolean => !withoutImage(input)
