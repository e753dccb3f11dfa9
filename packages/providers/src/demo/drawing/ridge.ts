/** Outlines in layers: a line of tops, and everything below it. Woods, roofs, and the bank in front. */
import type { Canvas } from './canvas.ts'
import { cover } from './canvas.ts'
import type { Rgb } from './color.ts'
import { clamp } from './noise.ts'
import type { Chance } from './random.ts'

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

/** A conifer at `x`, standing at `foot`: tiers of branches, wider towards the ground. */
export function plantFir(tops: Tops, x: number, foot: number, height: number, chance: Chance): void {
  const half = height * chance.between(0.15, 0.21)
  const tiers = chance.between(7, 12)
  const ragged = chance.between(0, 9)
  const from = Math.max(0, Math.floor((x - half) * FINE))
  const to = Math.min(tops.length - 1, Math.ceil((x + half) * FINE))
  for (let index = from; index <= to; index += 1) {
    const off = Math.abs((index + 0.5) / FINE - x) / half
    const lean = (index + 0.5) / FINE < x ? 0.31 : 0
    const top = firTop(off, tiers, lean + ragged)
    if (top < 1) tops[index] = Math.min(tops[index] as number, foot - height * (1 - top))
  }
}

/** How far below its tip a fir first reaches this far from its stem; both as parts of the whole. */
function firTop(off: number, tiers: number, phase: number): number {
  for (let down = 0; down < 1; down += 0.012) {
    const tier = down * tiers + phase
    const branch = 0.55 + 0.45 * (tier - Math.floor(tier))
    const ragged = 1 + 0.14 * Math.sin(down * 90 + phase * 20)
    if (0.015 + down * branch * ragged >= off) return down
  }
  return 1
}

/** A deciduous crown: a heap of rounds. */
export function plantCrown(tops: Tops, x: number, foot: number, height: number, chance: Chance): void {
  for (let round = 0; round < 7; round += 1) {
    const radius = height * chance.between(0.16, 0.3)
    const cx = x + height * chance.between(-0.26, 0.26)
    const cy = foot - height * chance.between(0.5, 0.78)
    const from = Math.max(0, Math.floor((cx - radius) * FINE))
    const to = Math.min(tops.length - 1, Math.ceil((cx + radius) * FINE))
    for (let index = from; index <= to; index += 1) {
      const dx = (index + 0.5) / FINE - cx
      const rise = Math.sqrt(Math.max(0, radius * radius - dx * dx)) + radius * 0.06 * Math.sin(dx * 1.7 + round)
      tops[index] = Math.min(tops[index] as number, cy - rise)
    }
  }
}

/** Blades of grass along a line. */
export function growGrass(tops: Tops, height: number, spacing: number, chance: Chance): void {
  const width = tops.length / FINE
  for (let x = 0; x < width; x += spacing * chance.between(0.4, 1.6)) {
    const blade = height * chance.between(0.3, 1) ** 1.5
    const lean = blade * chance.between(-0.45, 0.45)
    const foot = topAt(tops, x)
    const thick = Math.max(0.7, blade * 0.045)
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
