import { SafelightError } from '@safelight/core'
import { damaged } from './damaged.ts'
import type { Found } from './types.ts'

/** How large a picture or a clip may be before anything decodes it. */
export interface MediaLimits {
  /** Of the longer side, in pixels. */
  maxSide: number
  maxPixels: number
  maxSeconds: number
}

/** For files that providers made: generous, since they are only stored and served. */
export const MEDIA_LIMITS: MediaLimits = { maxSide: 16_384, maxPixels: 150_000_000, maxSeconds: 3_600 }

/** For files that people send, which something will decode: at 4 bytes a pixel, 160 MB at most. */
export const UPLOAD_LIMITS: MediaLimits = { maxSide: 8_192, maxPixels: 40_000_000, maxSeconds: 600 }

/** Throws `too_large` for a file beyond the limits. */
export function checkLimits(
  found: { width: number | null; height: number | null; durationSeconds: number | null },
  limits: MediaLimits = MEDIA_LIMITS,
): void {
  const { width, height, durationSeconds } = found
  const side = Math.max(width ?? 0, height ?? 0)
  if (side > limits.maxSide) {
    throw new SafelightError(
      'too_large',
      `A side of ${side} pixels is more than the ${limits.maxSide} that are allowed.`,
    )
  }
  const pixels = (width ?? 0) * (height ?? 0)
  if (pixels > limits.maxPixels) {
    throw new SafelightError('too_large', `${pixels} pixels are more than the ${limits.maxPixels} that are allowed.`)
  }
  if ((durationSeconds ?? 0) > limits.maxSeconds) {
    throw new SafelightError(
      'too_large',
      `${Math.ceil(durationSeconds ?? 0)} seconds are more than the ${limits.maxSeconds} that are allowed.`,
    )
  }
}

/** Refuses what no picture can be: a side of nothing, or a number that is none. */
export function checkSane(found: Found): void {
  if (!(found.width > 0 && found.height > 0)) throw damaged('it has no width or no height')
  if (!Number.isSafeInteger(found.width) || !Number.isSafeInteger(found.height)) throw damaged('its size is no number')
  const seconds = found.durationSeconds
  if (seconds !== null && !(Number.isFinite(seconds) && seconds >= 0)) throw damaged('its duration is no number')
}
