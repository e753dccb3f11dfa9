/** From a request to the bytes of a file. */
import sharp from 'sharp'
import type { DrawRequest, Drawing } from '../messages.ts'
import type { Bitmap } from './base/bitmap.ts'
import { retouch } from './edit/retouch.ts'
import { film } from './film/film.ts'
import { previewsOf } from './previews.ts'
import { paint } from './scene/paint.ts'

/** The picture to start from cannot be read. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

export interface DrawEvents {
  progress(fraction: number): void
  previews(previews: string[]): void
}

/** 40 million pixels, 160 MB decoded. */
const MAX_INPUT_PIXELS = 40_000_000

// one job at a time in each worker: threads of its own would only crowd out the other workers
sharp.concurrency(1)
sharp.cache(false)

/** Draws one output; the same request gives the same bytes. */
export async function draw(request: DrawRequest, events: DrawEvents): Promise<Drawing> {
  const { kind, width, height } = request
  const input = request.input && (await decode(request.input, width, height))
  events.progress(0.1)
  if (kind === 'video') return film(request, input, events)
  const bitmap = kind === 'edit' && input ? retouch(request, input) : await paint(request)
  events.progress(0.6)
  events.previews(await previewsOf(bitmap))
  events.progress(0.7)
  const raw = sharp(bitmap.pixels, { raw: { width, height, channels: 3 } })
  // copied, because a buffer that shares its memory could not be handed to another thread
  if (kind === 'edit')
    return { bytes: new Uint8Array(await raw.webp({ quality: 90 }).toBuffer()), contentType: 'image/webp' }
  return { bytes: new Uint8Array(await raw.png({ compressionLevel: 6 }).toBuffer()), contentType: 'image/png' }
}

/** The input upright, cut to the asked size around its middle. */
async function decode(bytes: Uint8Array, width: number, height: number): Promise<Bitmap> {
  try {
    const pixels = await sharp(bytes, { limitInputPixels: MAX_INPUT_PIXELS })
      .rotate()
      .resize(width, height, { fit: 'cover' })
      .flatten({ background: '#808080' })
      .toColourspace('srgb')
      .raw()
      .toBuffer()
    return { width, height, pixels: new Uint8Array(pixels) }
  } catch (error) {
    throw new InputError('The picture to start from could not be read.', { cause: error })
  }
}
