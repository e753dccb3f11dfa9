/** From light to print: bloom, vignette, the curve of the film, and its grain. */
import type { Bitmap } from './bitmap.ts'
import { addBloom } from './bloom.ts'
import type { Canvas } from './canvas.ts'
import { toByte } from './color.ts'
import { mix } from './random.ts'

export interface PrintOptions {
  /** Light that spills from the brightest parts, 0..1. */
  bloom: number
  /** Darkening of the corners, 0..1. */
  vignette: number
  /** Of the film, as a part of full white. */
  grain: number
  /** 1 leaves it. */
  contrast: number
  saturation: number
  /** Added to shadows and lights, to split the tones. */
  shadows?: readonly [number, number, number]
  lights?: readonly [number, number, number]
  seed: number
}

export const PLAIN_PRINT: PrintOptions = {
  bloom: 0.35,
  vignette: 0.28,
  grain: 0.022,
  contrast: 1,
  saturation: 1,
  seed: 1,
}

const CURVE_STEPS = 4_096
/** Light beyond this is white whatever happens. */
const CURVE_MAX = 6

/** Paper takes light evenly up to a shoulder and then more and more slowly; a table from the square root of light to 0..1. */
const CURVE = curve()

function curve(): Float32Array {
  const table = new Float32Array(CURVE_STEPS + 1)
  const shoulder = 0.55
  for (let step = 0; step <= CURVE_STEPS; step += 1) {
    const light = CURVE_MAX * (step / CURVE_STEPS) ** 2
    const rest = 1 - shoulder
    const paper = light < shoulder ? light : shoulder + rest * (1 - Math.exp(-(light - shoulder) / rest))
    table[step] = toByte(paper) / 255
  }
  return table
}

/** The finished picture; the canvas keeps the bloom. */
export function print(canvas: Canvas, options: PrintOptions): Bitmap {
  if (options.bloom > 0) addBloom(canvas, options.bloom)
  const { width, height, light } = canvas
  const { contrast, saturation, grain, seed, vignette, shadows = NEUTRAL, lights = NEUTRAL } = options
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0, index = 0; y < height; y += 1) {
    const vertical = ((2 * y) / height - 1) ** 2
    for (let x = 0; x < width; x += 1, index += 1) {
      const edge = (((2 * x) / width - 1) ** 2 + vertical) * 0.5
      const exposure = 1 - vignette * edge * edge
      const red = shown((light[index * 4] as number) * exposure)
      const green = shown((light[index * 4 + 1] as number) * exposure)
      const blue = shown((light[index * 4 + 2] as number) * exposure)
      const tone = 0.3 * red + 0.59 * green + 0.11 * blue
      const curved = tone + (contrast - 1) * tone * (1 - tone) * (2 * tone - 1) * 2
      // grain shows most in the middle tones, as silver does
      const shift = curved - tone + grain * grainAt(index ^ seed) * (0.35 + 2.6 * tone * (1 - tone))
      const dark = (1 - tone) * (1 - tone)
      const bright = tone * tone
      pixels[index * 3] = byteOf(tone + (red - tone) * saturation + shift + shadows[0] * dark + lights[0] * bright)
      pixels[index * 3 + 1] = byteOf(
        tone + (green - tone) * saturation + shift + shadows[1] * dark + lights[1] * bright,
      )
      pixels[index * 3 + 2] = byteOf(tone + (blue - tone) * saturation + shift + shadows[2] * dark + lights[2] * bright)
    }
  }
  return { width, height, pixels }
}

const NEUTRAL = [0, 0, 0] as const

function shown(light: number): number {
  return CURVE[light > CURVE_MAX ? CURVE_STEPS : (Math.sqrt(light / CURVE_MAX) * CURVE_STEPS) | 0] as number
}

function byteOf(value: number): number {
  return value <= 0 ? 0 : value >= 1 ? 255 : (value * 255 + 0.5) | 0
}

/** From -1 to 1, mostly near 0. */
export function grainAt(index: number): number {
  const bits = mix(index)
  return ((bits & 0xffff) + (bits >>> 16)) / 0xffff - 1
}
