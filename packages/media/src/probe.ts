import { SafelightError } from '@safelight/core'
import { probeAvif } from './formats/avif.ts'
import { probeGif } from './formats/gif.ts'
import { probeJpeg } from './formats/jpeg.ts'
import { probeMp4 } from './formats/mp4.ts'
import { probePng } from './formats/png.ts'
import { probeWebm } from './formats/webm.ts'
import { probeWebp } from './formats/webp.ts'
import { MEDIA_LIMITS, checkLimits, checkSane } from './limits.ts'
import type { MediaLimits } from './limits.ts'
import { boundedReader, bytesSource } from './reader.ts'
import type { ByteSource, Reader } from './reader.ts'
import { SNIFF_BYTES, sniff } from './sniff.ts'
import type { Found, MediaInfo, MediaType } from './types.ts'

const PARSERS: Record<MediaType, (reader: Reader) => Promise<Found>> = {
  'image/png': probePng,
  'image/jpeg': probeJpeg,
  'image/webp': probeWebp,
  'image/avif': probeAvif,
  'image/gif': probeGif,
  'video/mp4': probeMp4,
  'video/webm': probeWebm,
}

/**
 * Type, size and duration from the headers alone: nothing is decoded, and of a large file only a few kilobytes are read,
 * wherever they lie. Throws `unsupported_media` for what is none of our types or is damaged, `too_large` beyond `limits`.
 */
export async function probe(source: Uint8Array | ByteSource, limits: MediaLimits = MEDIA_LIMITS): Promise<MediaInfo> {
  const bytes = source instanceof Uint8Array ? bytesSource(source) : source
  const contentType = sniff(await bytes.read(0, SNIFF_BYTES))
  if (contentType === null) throw notOurs()
  const found = await PARSERS[contentType](boundedReader(bytes))
  checkSane(found)
  checkLimits(found, limits)
  return { contentType, ...found }
}

/** The refusal of bytes that are none of our types. */
export function notOurs(): SafelightError<'unsupported_media'> {
  return new SafelightError('unsupported_media', 'Only PNG, JPEG, WebP, AVIF, GIF, MP4 and WebM files are accepted.')
}
