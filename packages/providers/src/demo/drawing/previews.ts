import sharp from 'sharp'
import type { Bitmap } from './base/bitmap.ts'

const LONG_SIDE = 128
/** How far the print has come in each preview; the last is in full light. */
const STEPS = [0.12, 0.3, 0.5, 0.7, 0.9, 1] as const

/**
 * A print as it develops: faint in the red of the safelight, then stronger, then in white light. Data URLs of one to
 * three kilobytes each.
 */
export async function previewsOf(bitmap: Bitmap): Promise<string[]> {
  const { width, height } = bitmap
  const scale = LONG_SIDE / Math.max(width, height)
  const small = { width: Math.round(width * scale), height: Math.round(height * scale) }
  const raw = { width, height, channels: 3 as const }
  const pixels = await sharp(bitmap.pixels, { raw }).resize(small.width, small.height).raw().toBuffer()
  return Promise.all(STEPS.map(step => encode({ ...small, pixels: develop(pixels, step) })))
}

function develop(pixels: Uint8Array, step: number): Uint8Array {
  if (step === 1) return pixels
  const developed = new Uint8Array(pixels.length)
  for (let index = 0; index < pixels.length; index += 3) {
    const light = (0.3 * (pixels[index] ?? 0) + 0.59 * (pixels[index + 1] ?? 0) + 0.11 * (pixels[index + 2] ?? 0)) / 255
    // paper is bright under the lamp and darkens where the picture is dark
    const paper = 1 - step * (1 - light)
    developed[index] = 30 + 190 * paper
    developed[index + 1] = 4 + 44 * paper ** 1.6
    developed[index + 2] = 6 + 26 * paper ** 2
  }
  return developed
}

async function encode({ width, height, pixels }: Bitmap): Promise<string> {
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .webp({ quality: 50 })
    .toBuffer()
  return `data:image/webp;base64,${bytes.toString('base64')}`
}
