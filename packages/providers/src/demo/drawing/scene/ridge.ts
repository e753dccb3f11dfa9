/** Outlines in layers: a line of tops, and everything below it. Woods, roofs, and the bank in front. */
import { cover } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import type { Rgb } from '../base/color.ts'
import { clamp } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'

/** Tops are kept three times as fine as columns, so that steep edges are smooth. */
const FINE = 3

/** The row of the top, at every third of a column. */
export type Tops = Float32Array

export function topsOf(width: number, row: (x: number) => number): Tops {
  const tops = new Float32Array(width * FINE)
  for (let index = 0; index < tops.length; index += 1) tops[index] = row((index + 0.5) / FINE)
  return tops
}

/** The row of the top at a column. */
export function topAt(tops: Tops, x: number): number {
  return tops[clamp(Math.round(x * FINE), 0, tops.length - 1)] as number
}

/** Blades of grass along a line. */
export function growGrass(tops: Tops, height: number, spacing: number, chance: Chance): void {
  const width = tops.length / FINE
  const ground = tops.slice()
  for (let x = 0; x < width; x += spacing * chance.between(0.4, 1.6)) {
    const blade = height * chance.between(0.3, 1) ** 1.5
    const lean = blade * chance.between(-0.45, 0.45)
    const foot = topAt(ground, x)
    const thick = Math.max(0.6, blade * 0.03)
    for (let step = 0; step <= 24; step += 1) {
      const up = step / 24
      const half = thick * (1 - up)
      const cx = x + lean * up * up
      for (let index = Math.floor((cx - half) * FINE); index <= Math.ceil((cx + half) * FINE); index += 1) {
        if (index >= 0 && index < tops.length) tops[index] = Math.min(tops[index] as number, foot - blade * up)
      }
    }
  }
}

/** Says what colour a place below the tops has: `below` rows under them. */
export type Shade = (x: number, y: number, below: number, out: Rgb) => void

/** Paints everything below the tops. */
export function paintRidge(canvas: Canvas, tops: Tops, shade: Shade): void {
  const color: Rgb = [0, 0, 0]
  for (let x = 0; x < canvas.width; x += 1) {
    const a = tops[x * FINE] as number
    const b = tops[x * FINE + 1] as number
    const c = tops[x * FINE + 2] as number
    const highest = Math.min(a, b, c)
    const middle = (a + b + c) / 3
    for (let y = Math.max(0, Math.floor(highest)); y < canvas.height; y += 1) {
      const part = (clamp(y + 1 - a, 0, 1) + clamp(y + 1 - b, 0, 1) + clamp(y + 1 - c, 0, 1)) / 3
      if (part <= 0) continue
      shade(x, y, Math.max(0, y - middle), color)
      cover(canvas, x, y, color[0], color[1], color[2], part)
    }
  }
}
