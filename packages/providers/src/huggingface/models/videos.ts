/** Clips. */
import { defineModel, offer } from '@safelight/core'
import type { JsonObject, ModelInput, Route, Size } from '@safelight/core'
import { wan22Small, wanAi } from '../../catalogue/index.ts'
import { routed } from '../routes.ts'
import { aspectOf, negative, seedOf, wavespeedPicture } from './fields.ts'

/** Wan counts frames in fours, and one: so many make the seconds that were asked for. */
function framesOf({ duration = 5 }: ModelInput, perSecond: number): number {
  return duration * perSecond + 1
}

/** Wan at fal makes what is asked in frames; the interpolation between them is left out. */
function falWan(framesPerSecond: number, resolution: string) {
  return (input: ModelInput, size: Size): JsonObject => ({
    prompt: input.prompt,
    ...negative(input),
    num_frames: framesOf(input, framesPerSecond),
    frames_per_second: framesPerSecond,
    resolution,
    aspect_ratio: aspectOf(size),
    num_interpolated_frames: 0,
    seed: seedOf(input),
  })
}

const withoutPictures: NonNullable<Route['takes']> = ({ images }) => !images || images.length === 0
export const huggingfaceWan22Small = offer(
  wan22Small,
  routed({
    through: 'fal-ai',
    model: 'Wan-AI/Wan2.2-TI2V-5B',
    task: 'text-to-video',
    providerId: 'fal-ai/wan/v2.2-5b/text-to-video',
    input: falWan(24, '720p'),
  }),
  routed({
    through: 'wavespeed',
    model: 'Wan-AI/Wan2.2-TI2V-5B',
    task: 'text-to-video',
    providerId: 'wavespeed-ai/wan-2.2/t2v-5b-720p',
    input: (input, size) => ({ ...wavespeedPicture(input, size), duration: input.duration ?? 5 }),
  }),
)

export const huggingfaceWanAi = offer(
  wanAi,
  routed({
    through: 'fal-ai',
    model: 'Wan-AI/Wan2.2-T2V-A14B',
    task: 'text-to-video',
    takes: withoutPictures,
    // Where the hub has it at fal: its 16 frames a second make any whole length.
    input: falWan(16, '720p'),
  }),
  routed({
    through: 'together',
    model: 'Wan-AI/Wan2.2-T2V-A14B',
    task: 'text-to-video',
    providerId: 'Wan-AI/Wan2.2-T2V-A14B',
    takes: input => withoutPictures(input) && input.duration === 5,
    input: (input, { width, height }) => ({
      prompt: input.prompt,
      ...negative(input),
      width,
      height,
      seconds: String(input.duration ?? 5),
      seed: seedOf(input),
    }),
  }),
)

export const wan21Tiny = defineModel({
  id: 'wan-2.1-1.3b',
  name: 'Wan 2.1 1.3B',
  kind: 'video',
  description: 'The smallest Wan: a rough clip for little money.',
  sizes: { landscape: { width: 832, height: 480 }, portrait: { width: 480, height: 832 } },
  durations: [5],
  takesNegativePrompt: true,
  timeoutSeconds: 600,
  routes: [
    routed({
      through: 'fal-ai',
      model: 'Wan-AI/Wan2.1-T2V-1.3B',
      task: 'text-to-video',
      providerId: 'fal-ai/wan/v2.1/1.3b/text-to-video',
      // It has one length: 81 frames at 16 a second.
      input: (input, size) => ({
        prompt: input.prompt,
        ...negative(input),
        resolution: '480p',
        aspect_ratio: aspectOf(size),
        seed: seedOf(input),
      }),
    }),
  ],
})
