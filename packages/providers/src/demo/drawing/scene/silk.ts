/** Folds of light: noise bent by noise, coloured along a ramp, lit as if it were cloth. */
import type { Canvas } from '../base/canvas.ts'
import { hex, mixed, rampIndex, rampOf, tinted } from '../base/color.ts'
import type { Rgb, Tint } from '../base/color.ts'
import { between } from '../base/field.ts'
import { clamp } from '../base/noise.ts'
import type { Frame } from './frame.ts'

const PALETTES = [
  ['#0b1026', '#22307a', '#7d3fae', '#f06a8b', '#ffd3a1'],
  ['#06181c', '#0d4a52', '#2fa08e', '#e9d8a6', '#ee9b00'],
  ['#180a1c', '#5b1846', '#c43a4b', '#f79a52', '#fdeccb'],
  ['#0a1220', '#1d3f66', '#5f9ec7', '#dfe9ec', '#f4b183'],
  ['#10120c', '#33452a', '#8a9a4b', '#e6d690', '#fbf4dc'],
  ['#12081f', '#3b1a6e', '#4d6bd6', '#68d3d6', '#f3fbe8'],
] as const

/** Covers the whole sheet. Worked out on every second pixel and smoothed: there is nothing finer in it. */
export function paintSilk(canvas: Canvas, frame: Frame, tint: Tint | null, seconds: number): void {
  const { width, height } = canvas
  const { unit, noise } = frame
  const chance = frame.chance.fork('silk')
  const colors = chance.pick(PALETTES).map(text => (tint ? tinted(hex(text), tint) : hex(text)))
  const { table } = rampOf(colors)
  const sheen: Rgb = mixed(colors.at(-1) ?? [1, 1, 1], [1, 1, 1], 0.5)
  const zoom = chance.between(1.1, 1.9)
  const angle = chance.between(0, Math.PI)
  const shift = chance.between(0, 90)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const step = 2
  const columns = Math.ceil(width / step) + 2
  const rows = Math.ceil(height / step) + 2
  const folds = new Float32Array(columns * rows)
  const tones = new Float32Array(columns * rows)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x0 = ((column * step) / unit) * zoom
      const y0 = ((row * step) / unit) * zoom
      const x = x0 * cos - y0 * sin + shift
      const y = (x0 * sin + y0 * cos) * 0.55
      const bendX = noise.fbm(x + seconds * 0.06, y + 3, 3)
      const bendY = noise.fbm(x + 40, y - seconds * 0.05, 3)
      const fold = noise.fbm(x + 2.6 * bendX + seconds * 0.03, y + 2.6 * bendY, 3)
      const index = row * columns + column
      folds[index] = fold * 1.4 + 0.1 * Math.sin((fold + bendX * 0.6) * 15)
      tones[index] = 0.56 + fold * 0.9 + bendX * 0.3
    }
  }
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const cell = ((y / step) | 0) * columns + ((x / step) | 0)
      const [fx, fy] = [(x / step) % 1, (y / step) % 1]
      const fold = between(folds, columns, cell, fx, fy)
      const across = between(folds, columns, cell + 1, fx, fy) - fold
      const down = between(folds, columns, cell + columns, fx, fy) - fold
      const slope = ((across * 0.8 + down * 0.6) * unit) / step / 15
      const lit = clamp(0.78 + slope * 0.5, 0.25, 1.6)
      const gloss = 0.4 * Math.max(0, slope - 0.3) ** 2
      const tone = rampIndex(between(tones, columns, cell, fx, fy))
      const index = (y * width + x) * 4
      for (let channel = 0; channel < 3; channel += 1) {
        canvas.light[index + channel] =
          (table[tone + channel] as number) * lit + (sheen[channel] as number) * Math.min(0.5, gloss)
      }
      canvas.light[index + 3] = 1
    }
  }
}
