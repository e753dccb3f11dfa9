/** What lies between the scene and the film: the lens that comes closer, bars, streaks, and the frame before. */
import { byteBetween } from '../base/bitmap.ts'
import type { Bitmap } from '../base/bitmap.ts'
import { shine } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex } from '../base/color.ts'
import { clamp } from '../base/noise.ts'
import type { Frame } from '../scene/frame.ts'

/** A frame of film: red, green, blue and nothing, 8 bits each. */
export interface FilmFrame {
  width: number
  height: number
  rgba: Uint8Array
}

/** Enlarges the middle `part` of a picture to the frame; `trail` of what was there stays. */
export function project(bitmap: Bitmap, { width, height, rgba }: FilmFrame, part: number, trail: number): void {
  const { pixels } = bitmap
  const stepX = (part * bitmap.width) / width
  const stepY = (part * bitmap.height) / height
  const left = ((1 - part) * bitmap.width) / 2
  const top = ((1 - part) * bitmap.height) / 2
  const stride = bitmap.width * 3
  for (let y = 0, index = 0; y < height; y += 1) {
    const sourceY = Math.min(bitmap.height - 1.001, top + y * stepY)
    const row = sourceY | 0
    const fy = sourceY - row
    for (let x = 0; x < width; x += 1, index += 4) {
      const sourceX = Math.min(bitmap.width - 1.001, left + x * stepX)
      const column = sourceX | 0
      const fx = sourceX - column
      const source = row * stride + column * 3
      for (let channel = 0; channel < 3; channel += 1) {
        const value = byteBetween(pixels, source + channel, stride, fx, fy)
        rgba[index + channel] = value + ((rgba[index + channel] as number) - value) * trail + 0.5
      }
    }
  }
}

/** Black above and below, for the look of a wider film; thinner where the format is upright. `part` of them is shut. */
export function addBars({ width, height, rgba }: FilmFrame, part: number): void {
  const bar = Math.round(clamp((height - width / 2.2) / 2, height * 0.06, height * 0.12) * part)
  rgba.fill(0, 0, bar * width * 4)
  rgba.fill(0, (height - bar) * width * 4)
}

/** A blue streak through the lamp, where it is seen. */
export function addStreak(canvas: Canvas, frame: Frame): void {
  const x = Math.round(frame.lampX)
  const y = Math.round(frame.lampY)
  if (frame.light.altitude === null || x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return
  const seen = Math.min(2, canvas.light[(y * canvas.width + x) * 4 + 1] as number)
  if (seen < 0.9) return
  const color = hex('#7fb8ff')
  for (let row = -5; row <= 5; row += 1) {
    const thin = Math.exp(-(row * row) / 4)
    for (let column = 0; column < canvas.width; column += 1) {
      shine(canvas, column, y + row, color, 0.34 * seen * thin * Math.exp(-Math.abs(column - x) / (frame.unit * 0.32)))
    }
  }
}
