/** Puts a figure into the picture: in its light, with its shadow or its reflection. */
import sharp from 'sharp'
import { cover, glow } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { clamp } from '../base/noise.ts'
import { svgOf } from './figures/figure.ts'
import type { Figure } from './figures/figure.ts'
import { FIGURES } from './figures/index.ts'
import type { FigureName } from './figures/index.ts'
import type { Frame } from './frame.ts'

/** A figure at the size it is painted in, as linear colour and cover. */
export interface Cutout {
  figure: Figure
  side: number
  pixels: Float32Array
  isMirrored: boolean
}

const LINEAR = Float32Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255
  return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
})

/** Cuts a figure out, so large that it stands `height` pixels high. */
export async function cutOut(name: FigureName, height: number, isMirrored: boolean): Promise<Cutout> {
  const figure: Figure = FIGURES[name]
  const side = Math.max(8, Math.round(height))
  const bytes = await sharp(Buffer.from(svgOf(figure, isMirrored)), { density: (72 * side) / 200 })
    .resize(side, side)
    .ensureAlpha()
    .raw()
    .toBuffer()
  const pixels = new Float32Array(side * side * 4)
  for (let index = 0; index < pixels.length; index += 4) {
    for (let channel = 0; channel < 3; channel += 1)
      pixels[index + channel] = LINEAR[bytes[index + channel] as number] as number
    pixels[index + 3] = (bytes[index + 3] as number) / 255
  }
  return { figure, side, pixels, isMirrored }
}

/** Stands a figure with its feet at a point. */
export function paintFigure(canvas: Canvas, frame: Frame, cutout: Cutout, x: number, foot: number): void {
  const { side, figure } = cutout
  const left = Math.round(x - side / 2)
  const top = Math.round(foot - side * 0.985)
  if (figure.place === 'ground') paintShadow(canvas, frame, cutout, left, foot)
  if (figure.place === 'water') paintReflection(canvas, frame, cutout, left, foot)
  paintBody(canvas, frame, cutout, left, top)
  if (frame.light.isMoon || frame.light.hour === 'sunset' || frame.light.hour === 'overcast')
    paintLamps(canvas, cutout, left, top)
}

function paintBody(canvas: Canvas, frame: Frame, { side, pixels }: Cutout, left: number, top: number): void {
  const { direct, ambient } = frame.light
  const { noise, lampX } = frame
  const towards = clamp((lampX - left - side / 2) / (frame.unit * 0.5), -1, 1)
  const reach = Math.max(1, Math.round(side / 110))
  const step = towards < 0 ? -reach : reach
  const alphaAt = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= side || row >= side ? 0 : (pixels[(row * side + column) * 4 + 3] as number)
  const color: Rgb = [0, 0, 0]
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const index = (row * side + column) * 4
      const alpha = pixels[index + 3] as number
      if (alpha === 0) continue
      const across = (column / side - 0.5) * 2 * towards
      const up = 1 - row / side
      const coat = 0.92 + 0.2 * noise.fbm((column / side) * 40, (row / side) * 26, 2)
      const shaded = clamp(0.42 + 0.26 * across + 0.2 * up, 0.1, 1) * coat
      const rim = Math.max(0, alpha - alphaAt(column + step, row - reach)) * 0.5
      for (let channel = 0; channel < 3; channel += 1) {
        const own = pixels[index + channel] as number
        const sun = direct[channel] as number
        color[channel] = own * ((ambient[channel] as number) * 1.25 * coat + sun * shaded) + sun * rim * (0.15 + own)
      }
      cover(canvas, left + column, top + row, color[0], color[1], color[2], alpha)
    }
  }
}

/** A long shadow away from the lamp, and a dark spot where the feet stand. */
function paintShadow(canvas: Canvas, frame: Frame, { side, pixels }: Cutout, left: number, foot: number): void {
  const { light, lampX } = frame
  const strength = light.altitude === null ? 0.15 : light.isMoon ? 0.35 : 0.5
  const lean = clamp((left + side / 2 - lampX) / (frame.unit * 0.4), -1.6, 1.6)
  const length = side * (light.altitude === null ? 0.06 : 0.3)
  for (let y = 0; y < length; y += 1) {
    const row = clamp(Math.round(side * 0.985 - (y / length) * side * 0.985), 0, side - 1)
    for (let column = 0; column < side; column += 1) {
      const alpha = pixels[(row * side + column) * 4 + 3] as number
      if (alpha === 0) continue
      const x = Math.round(left + column + lean * y * 1.4)
      cover(canvas, x, Math.round(foot) - 2 + y, 0, 0, 0, alpha * strength * (1 - y / length) * 0.8)
    }
  }
}

function paintReflection(canvas: Canvas, frame: Frame, { side, pixels }: Cutout, left: number, foot: number): void {
  const { noise, unit, light } = frame
  for (let y = 0; y < side * 0.8; y += 1) {
    const row = Math.round(side * 0.98 - y * 1.2)
    if (row < 0) break
    const sway = noise.fbm(y * 0.12, foot * 0.1, 2) * unit * 0.012 * (0.3 + y / side)
    for (let column = 0; column < side; column += 1) {
      const index = (row * side + column) * 4
      const alpha = pixels[index + 3] as number
      if (alpha === 0) continue
      const lit: Rgb = [0, 1, 2].map(
        channel =>
          (pixels[index + channel] as number) * ((light.ambient[channel] ?? 0) + (light.direct[channel] ?? 0) * 0.3),
      ) as Rgb
      cover(
        canvas,
        Math.round(left + column + sway),
        Math.round(foot - 2 + y),
        lit[0],
        lit[1],
        lit[2],
        alpha * 0.5 * (1 - y / side),
      )
    }
  }
}

function paintLamps(canvas: Canvas, { figure, side, isMirrored }: Cutout, left: number, top: number): void {
  const warm = hex('#ffc873')
  for (const [x, y, radius] of figure.lamps ?? []) {
    const column = left + ((isMirrored ? 200 - x : x) / 200) * side
    const row = top + (y / 200) * side
    glow(canvas, column, row, (radius / 200) * side, warm, 0.9)
    glow(canvas, column, row, (radius / 200) * side * 4, warm, 0.1)
  }
}
