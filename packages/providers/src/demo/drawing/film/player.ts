/** A clip that begins with somebody's picture: the camera moves over it, and the style comes in slowly. */
import type { DrawRequest } from '../../messages.ts'
import { byteBetween } from '../base/bitmap.ts'
import type { Bitmap } from '../base/bitmap.ts'
import { clamp, lerp, noiseOf, smoothstep } from '../base/noise.ts'
import { chanceOf, hashOf } from '../base/random.ts'
import { bitmapOf, screenSpot } from '../edit/plate.ts'
import type { Plate } from '../edit/plate.ts'
import type { Direction } from './direction.ts'

export const FRAMES_PER_SECOND = 24

/** Gives the pictures of a clip, asked for one after the other. */
export type Player = (frame: number, frames: number) => Bitmap

/** How far the style has come in after so many seconds, 0..1. */
export function comeIn(seconds: number): number {
  return smoothstep(0, 0.9, seconds)
}

/** The first frame is the picture itself. */
export function picturePlayer({ subject, seed, style }: DrawRequest, input: Bitmap, direction: Direction): Player {
  const { width, height } = input
  const chance = chanceOf(hashOf(`${subject.toLowerCase()} ${seed}`))
  const noise = noiseOf(chance)
  const aim = strikingPlace(input)
  const aimX = clamp(aim.x + chance.between(-0.06, 0.06), 0.2, 0.8)
  const aimY = clamp(aim.y + chance.between(-0.06, 0.06), 0.2, 0.8)
  const closest = style === 'express' ? 0.62 : style === 'elite' ? 0.84 : 0.8
  const plate: Plate = { width, height, tones: new Float32Array(width * height * 3) }
  return (frame, frames) => {
    const seconds = frame / FRAMES_PER_SECOND
    const part = frame / (frames - 1)
    const pace = style === 'express' ? Math.sin((part * Math.PI) / 2) : part * part * (3 - 2 * part)
    const shown = lerp(1, closest, pace)
    const strength = comeIn(seconds)
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        // a breath of air over the picture, so that it lives
        const sway = strength * noise.at((x / width) * 3 + seconds * 0.5, (y / height) * 3 - seconds * 0.35) * 0.0035
        const sourceX = (x / width) * shown + (1 - shown) * aimX + sway
        const sourceY = (y / height) * shown + (1 - shown) * aimY + sway * 0.7
        sample(input, sourceX * width, sourceY * height, plate.tones, (y * width + x) * 3)
      }
    }
    develop(plate, direction, strength)
    if (direction.sparks) drift(plate, seconds, strength, hashOf(subject))
    return bitmapOf(plate, 0, 0)
  }
}

/** Where the colours are farthest from the picture's own mean, as parts of its sides: what people look at, as a rule. */
function strikingPlace({ width, height, pixels }: Bitmap): { x: number; y: number } {
  const step = 6
  const visit = (look: (warm: number, cool: number, x: number, y: number) => void): void => {
    for (let y = 0; y < height; y += step) {
      for (let x = 0; x < width; x += step) {
        const index = (y * width + x) * 3
        const green = pixels[index + 1] as number
        look((pixels[index] as number) - green, (pixels[index + 2] as number) - green, x / width, y / height)
      }
    }
  }
  let [count, meanWarm, meanCool] = [0, 0, 0]
  visit((warm, cool) => {
    count += 1
    meanWarm += (warm - meanWarm) / count
    meanCool += (cool - meanCool) / count
  })
  let [sumX, sumY, weight] = [0, 0, 0]
  visit((warm, cool, x, y) => {
    const apart = ((warm - meanWarm) ** 2 + (cool - meanCool) ** 2) ** 2
    sumX += apart * x
    sumY += apart * y
    weight += apart
  })
  return weight === 0 ? { x: 0.5, y: 0.5 } : { x: sumX / weight, y: sumY / weight }
}

function sample({ width, height, pixels }: Bitmap, x: number, y: number, out: Float32Array, index: number): void {
  const clampedX = clamp(x, 0, width - 1.001)
  const clampedY = clamp(y, 0, height - 1.001)
  const column = clampedX | 0
  const row = clampedY | 0
  const fx = clampedX - column
  const fy = clampedY - row
  const source = (row * width + column) * 3
  for (let channel = 0; channel < 3; channel += 1) {
    out[index + channel] = byteBetween(pixels, source + channel, width * 3, fx, fy) / 255
  }
}

/** The grade of the style, as far as it has come. */
function develop({ width, height, tones }: Plate, { grade }: Direction, strength: number): void {
  const contrast = lerp(1, grade.contrast ?? 1, strength)
  const saturation = lerp(1, grade.saturation ?? 1, strength)
  const vignette = (grade.vignette ?? 0) * strength
  const none = [0, 0, 0] as const
  const { shadows = none, lights = none } = grade
  for (let y = 0, index = 0; y < height; y += 1) {
    const vertical = ((2 * y) / height - 1) ** 2
    for (let x = 0; x < width; x += 1, index += 3) {
      const red = tones[index] as number
      const green = tones[index + 1] as number
      const blue = tones[index + 2] as number
      const tone = 0.3 * red + 0.59 * green + 0.11 * blue
      const edge = (((2 * x) / width - 1) ** 2 + vertical) * 0.5
      const curved = (tone + (contrast - 1) * tone * (1 - tone) * (2 * tone - 1) * 2) * (1 - vignette * edge * edge)
      const dark = (1 - tone) * (1 - tone) * strength
      const bright = tone * tone * strength
      tones[index] = curved + (red - tone) * saturation + shadows[0] * dark + lights[0] * bright
      tones[index + 1] = curved + (green - tone) * saturation + shadows[1] * dark + lights[1] * bright
      tones[index + 2] = curved + (blue - tone) * saturation + shadows[2] * dark + lights[2] * bright
    }
  }
}

/** Lights that float upwards. */
function drift(plate: Plate, seconds: number, strength: number, seed: number): void {
  const chance = chanceOf(seed)
  const unit = Math.sqrt(plate.width * plate.height)
  for (let index = 0; index < 44; index += 1) {
    const near = chance.next() ** 2
    const x = chance.next() * plate.width + Math.sin(seconds + index) * unit * 0.02
    const rise = seconds * unit * (0.03 + 0.06 * near)
    const y = (((chance.next() * plate.height - rise) % plate.height) + plate.height) % plate.height
    screenSpot(
      plate,
      x,
      y,
      unit * (0.004 + 0.014 * near),
      [1, 0.86, 0.74],
      0.4 * strength * (0.6 + 0.4 * Math.sin(seconds * 2 + index)),
    )
  }
}
