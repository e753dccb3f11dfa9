/** Routes of video models. Fields and enum members: fal’s endpoint types (github.com/fal-ai/fal-js `endpoints.ts`, 2026-08-02). */
import { offer } from '@safelight/core'
import { elite, express, kling3Standard, lovely, veo31Fast, wan22Small, wanAi } from '../catalogue/index.ts'
import {
  aspectRatio,
  durationNumber,
  durationSeconds,
  durationText,
  fixed,
  negativePrompt,
  oneImage,
  prompt,
  route,
  seed,
  wanFrames,
  withImage,
  withoutImage,
} from './routes.ts'

/** Silent: sound costs half as much again, and nobody promised any. */
const kling3 = [prompt, durationText, negativePrompt, fixed({ generate_audio: false })] as const
const kling3FromText = route('fal-ai/kling-video/v3/standard/text-to-video', [...kling3, aspectRatio], withoutImage)
/** No size: a clip has the proportions of the picture it starts from. */
const kling3FromImage = route(
  'fal-ai/kling-video/v3/standard/image-to-video',
  [...kling3, oneImage('start_image_url')],
  withImage,
)

const kling3Turbo = [prompt, durationText] as const
const wan27 = [prompt, durationNumber, fixed({ resolution: '720p' }), seed] as const
const wan22 = [prompt, negativePrompt, aspectRatio, fixed({ resolution: '720p' }), seed] as const
/** Google's own API always makes sound; a prompt that was refused is not to be rewritten and made after all. */
const veo31 = [
  prompt,
  durationSeconds,
  aspectRatio,
  fixed({ resolution: '720p', generate_audio: true, auto_fix: false }),
  seed,
] as const

export const videoModels = [
  offer(lovely, kling3FromText, kling3FromImage),
  offer(
    express,
    route('fal-ai/kling-video/v3/turbo/standard/text-to-video', [...kling3Turbo, aspectRatio], withoutImage),
    route('fal-ai/kling-video/v3/turbo/standard/image-to-video', [...kling3Turbo, oneImage('image_url')], withImage),
  ),
  offer(
    elite,
    route('fal-ai/wan/v2.7/text-to-video', [...wan27, aspectRatio], withoutImage),
    route('fal-ai/wan/v2.7/image-to-video', [...wan27, oneImage('image_url')], withImage),
  ),
  offer(
    wanAi,
    route('fal-ai/wan/v2.2-a14b/text-to-video', [...wan22, wanFrames(16)], withoutImage),
    // The endpoint for LoRAs, without any: the only one from a picture with a choice of frames.
    route('fal-ai/wan/v2.2-a14b/image-to-video/lora', [...wan22, wanFrames(16), oneImage('image_url')], withImage),
  ),
  offer(kling3Standard, kling3FromText, kling3FromImage),
  offer(
    veo31Fast,
    route('fal-ai/veo3.1/fast', veo31, withoutImage),
    route('fal-ai/veo3.1/fast/image-to-video', [...veo31, oneImage('image_url')], withImage),
  ),
  offer(wan22Small, route('fal-ai/wan/v2.2-5b/text-to-video', [...wan22, wanFrames(24)])),
] as const
