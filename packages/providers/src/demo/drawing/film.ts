import h264 from 'h264-mp4-encoder'
import type { DrawRequest, Drawing } from '../messages.ts'
import type { Bitmap, DrawEvents } from './draw.ts'
import { paint } from './paint.ts'
import { previewsOf } from './previews.ts'

const FRAMES_PER_SECOND = 24

/** A clip of exactly the asked length. */
export async function film(request: DrawRequest, input: Bitmap | null, events: DrawEvents): Promise<Drawing> {
  const { width, height, durationSeconds } = request
  const first = input ?? (await paint(request))
  events.previews(await previewsOf(first))
  const encoder = await h264.createH264MP4Encoder()
  encoder.width = width
  encoder.height = height
  encoder.frameRate = FRAMES_PER_SECOND
  encoder.quantizationParameter = 26
  encoder.initialize()
  const frames = durationSeconds * FRAMES_PER_SECOND
  const rgba = new Uint8Array(width * height * 4)
  for (let frame = 0; frame < frames; frame += 1) {
    for (let index = 0; index < width * height; index += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        rgba[index * 4 + channel] = (first.pixels[index * 3 + channel] ?? 0) * (1 - frame / frames / 2)
      }
    }
    encoder.addFrameRgba(rgba)
    events.progress(0.1 + (0.85 * frame) / frames)
  }
  encoder.finalize()
  const bytes = encoder.FS.readFile(encoder.outputFilename).slice()
  encoder.delete()
  return { bytes, contentType: 'video/mp4' }
}
