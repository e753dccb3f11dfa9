/** A picture that is being changed: red, green and blue as shown, 0..1, row by row. */
import type { Bitmap } from '../base/bitmap.ts'
import { clamp } from '../base/noise.ts'
import { grainAt } from '../base/print.ts'

export interface Plate {
  readonly width: number
  readonly height: number
  readonly tones: Float32Array
}

export function plateOf({ width, height, pixels }: Bitmap): Plate {
  return { width, height, tones: Float32Array.from(pixels, byte => byte / 255) }
}

export function bitmapOf({ width, height, tones }: Plate, grain: number, seed: number): Bitmap {
  const pixels = new Uint8Array(tones.length)
  for (let index = 0; index < tones.length; index += 1) {
    const noise = grain === 0 ? 0 : grain * grainAt(((index / 3) | 0) ^ seed)
    pixels[index] = Math.round(clamp((tones[index] as number) + noise, 0, 1) * 255)
  }
  return { width, height, pixels }
}

/** How bright a pixel is; `index` counts numbers, three a pixel. */
export function toneAt(tones: Float32Array, index: number): number {
  return 0.3 * (tones[index] as number) + 0.59 * (tones[index + 1] as number) + 0.11 * (tones[index + 2] as number)
}

/** Lays a colour over a pixel. */
export function lay(plate: Plate, x: number, y: number, red: number, green: number, blue: number, alpha: number): void {
  if (x < 0 || y < 0 || x >= plate.width || y >= plate.height) return
  const index = (y * plate.width + x) * 3
  const { tones } = plate
  tones[index] = (tones[index] as number) * (1 - alpha) + red * alpha
  tones[index + 1] = (tones[index + 1] as number) * (1 - alpha) + green * alpha
  tones[index + 2] = (tones[index + 2] as number) * (1 - alpha) + blue * alpha
}

/** Adds a soft spot of light, as light adds to light: never beyond white. */
export function screenSpot(
  plate: Plate,
  x: number,
  y: number,
  radius: number,
  color: readonly number[],
  strength: number,
): void {
  const reach = Math.ceil(radius * 2.6)
  const { width, height, tones } = plate
  for (let row = Math.max(0, Math.floor(y - reach)); row < Math.min(height, y + reach); row += 1) {
    for (let column = Math.max(0, Math.floor(x - reach)); column < Math.min(width, x + reach); column += 1) {
      const light = strength * Math.exp(-((column - x) ** 2 + (row - y) ** 2) / (radius * radius))
      const index = (row * width + column) * 3
      for (let channel = 0; channel < 3; channel += 1) {
        const tone = tones[index + channel] as number
        tones[index + channel] = 1 - (1 - tone) * (1 - clamp(light * (color[channel] ?? 0), 0, 1))
      }
    }
  }
}

/** The picture out of focus, in cells of `step` pixels: brightness and how busy it is there. */
export interface Coarse {
  step: number
  columns: number
  rows: number
  tone: Float32Array
  busy: Float32Array
}

export function coarseOf({ width, height, tones }: Plate): Coarse {
  const step = 16
  const columns = Math.ceil(width / step)
  const rows = Math.ceil(height / step)
  const tone = new Float32Array(columns * rows)
  const busy = new Float32Array(columns * rows)
  const count = new Float32Array(columns * rows)
  for (let y = 0; y < height - 2; y += 2) {
    for (let x = 0; x < width - 2; x += 2) {
      const index = (y * width + x) * 3
      const here = toneAt(tones, index)
      const cell = ((y / step) | 0) * columns + ((x / step) | 0)
      tone[cell] = (tone[cell] as number) + here
      const edge = Math.abs(here - toneAt(tones, index + 6)) + Math.abs(here - toneAt(tones, index + width * 6))
      busy[cell] = (busy[cell] as number) + edge
      count[cell] = (count[cell] as number) + 1
    }
  }
  for (let cell = 0; cell < tone.length; cell += 1) {
    const samples = Math.max(1, count[cell] as number)
    tone[cell] = (tone[cell] as number) / samples
    busy[cell] = (busy[cell] as number) / samples
  }
  return { step, columns, rows, tone, busy }
}

/** How much a place looks like open sky, 0..1: high up, calm, and calm all the way above it. */
export function skyOf(coarse: Coarse): Float32Array {
  const sky = new Float32Array(coarse.columns * coarse.rows)
  for (let column = 0; column < coarse.columns; column += 1) {
    let open = 1
    for (let row = 0; row < coarse.rows; row += 1) {
      const cell = row * coarse.columns + column
      open = Math.max(0, Math.min(open, 1.25 - (coarse.busy[cell] as number) * 9))
      sky[cell] = Math.min(1, open) * clamp(1.5 - (row / coarse.rows) * 2, 0, 1)
    }
  }
  return sky
}

/** Red, green and blue pulled along a curve of their brightness. */
export function grade(
  plate: Plate,
  change: (tone: number, red: number, green: number, blue: number, out: Float32Array) => void,
): void {
  const { tones } = plate
  const out = new Float32Array(3)
  for (let index = 0; index < tones.length; index += 3) {
    change(toneAt(tones, index), tones[index] as number, tones[index + 1] as number, tones[index + 2] as number, out)
    tones[index] = out[0] as number
    tones[index + 1] = out[1] as number
    tones[index + 2] = out[2] as number
  }
}
