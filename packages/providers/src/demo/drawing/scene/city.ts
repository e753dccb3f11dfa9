/** A skyline: rows of houses with lit windows, and the haze of streets between them. */
import { glow } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex, scaled } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { clamp, lerp } from '../base/noise.ts'
import { mix, unit as unitOf } from '../base/random.ts'
import type { Chance } from '../base/random.ts'
import type { Frame } from './frame.ts'
import { paintRidge, topsOf } from './ridge.ts'
import type { Tops } from './ridge.ts'
import { airOf } from './sky.ts'

const LAYERS = 5
const FINE = 3

interface House {
  left: number
  right: number
  top: number
  seed: number
}

/** Paints the rows of houses above `base`, the row where the nearest stand. */
export function paintCity(canvas: Canvas, frame: Frame, base: number): void {
  const { width, unit, light } = frame
  const air = airOf(frame)
  const isDark = light.isMoon || light.hour === 'sunset' || light.hour === 'overcast'
  for (let layer = 0; layer < LAYERS; layer += 1) {
    const near = layer / (LAYERS - 1)
    const chance = frame.chance.fork(`city ${layer}`)
    const foot = lerp(base - unit * 0.05, base, near)
    const houses = build(chance, width, unit, foot, near)
    const tops = topsOf(width, () => foot)
    for (const house of houses) raise(tops, house, foot, chance, unit)
    paintRidge(canvas, tops, houseShade(frame, { houses, near, air, foot, isDark }))
    if (isDark) paintLamps(canvas, frame, houses, near, chance)
  }
}

function build(chance: Chance, width: number, unit: number, foot: number, near: number): House[] {
  const houses: House[] = []
  const middle = chance.between(0.3, 0.7)
  for (let x = -unit * 0.05; x < width;) {
    const wide = unit * lerp(0.035, 0.1, near) * chance.between(0.6, 1.5)
    // a city rises towards its middle
    const rise = Math.exp(-(((x / width - middle) / 0.32) ** 2))
    const tall = unit * lerp(0.2, 0.26, near) * (0.35 + 0.9 * rise * (1 - near * 0.5)) * chance.between(0.5, 1.5)
    houses.push({ left: x, right: x + wide, top: foot - tall, seed: chance.whole(0, 1e9) })
    x += wide + unit * chance.between(-0.004, 0.012)
  }
  return houses
}

/** A house's outline: a block, a stepped tower, a tip with a mast, or a slant. */
function raise(tops: Tops, { left, right, top, seed }: House, foot: number, chance: Chance, unit: number): void {
  const kind = seed % 5
  const wide = right - left
  const mast = kind === 2 ? unit * chance.between(0.03, 0.08) : 0
  for (let index = Math.max(0, Math.floor(left * FINE)); index < Math.min(tops.length, right * FINE); index += 1) {
    const across = ((index + 0.5) / FINE - left) / wide
    const side = Math.abs(across - 0.5) * 2
    let row = top
    if (kind === 1) row += (foot - top) * (side > 0.72 ? 0.3 : side > 0.45 ? 0.13 : 0)
    if (kind === 2) row += side < 0.05 ? -mast : (foot - top) * 0.16 * side
    if (kind === 3) row += (foot - top) * 0.12 * across
    tops[index] = Math.min(tops[index] as number, row)
  }
}

const WARM = ['#ffd28a', '#ffc069', '#ffe2b0', '#ff9f5a'].map(hex)
const COOL = ['#9fd4ff', '#c7e6ff'].map(hex)

interface CityLayer {
  houses: readonly House[]
  near: number
  air: Float32Array
  foot: number
  isDark: boolean
}

function houseShade(frame: Frame, { houses, near, air, foot, isDark }: CityLayer) {
  const { light, unit, lampX } = frame
  const wall = light.ambient.map((part, channel) => 0.1 * part + 0.035 * (light.direct[channel] ?? 0)) as Rgb
  const clear = 0.22 + 0.7 * near
  const pane = Math.max(2.2, unit * lerp(0.0055, 0.011, near))
  let current = houses[0] as House
  return (x: number, y: number, below: number, out: Rgb): void => {
    if (x < current.left || x >= current.right)
      current = houses.find(house => x >= house.left && x < house.right) ?? current
    const mist = clamp(1 - clear + 0.5 * (1 - near) * clamp(1 - (foot - y) / (unit * 0.2), 0, 1), 0, 0.95)
    const edge =
      lampX < x
        ? (x - current.left) / (current.right - current.left)
        : (current.right - x) / (current.right - current.left)
    const side = 1 + 0.8 * Math.exp(-edge * 9)
    const tone = 0.75 + 0.5 * unitOf(mix(current.seed))
    for (let channel = 0; channel < 3; channel += 1) {
      out[channel] = lerp((wall[channel] as number) * side * tone, air[x * 3 + channel] as number, mist)
    }
    const column = Math.floor((x - current.left) / pane)
    const row = Math.floor((y - current.top) / (pane * 1.25))
    const isPane = (x - current.left) % pane > pane * 0.38 && (y - current.top) % (pane * 1.25) > pane * 0.5
    if (!isPane || below < pane || column < 0) return
    const luck = unitOf(mix(current.seed ^ Math.imul(column + 1, 7_919) ^ Math.imul(row + 1, 104_729)))
    const share = isDark ? 0.34 : 0.05
    if (luck > share) return
    const lamp = (
      luck < share * 0.82 ? WARM[Math.floor(luck * 97) % WARM.length] : COOL[Math.floor(luck * 89) % COOL.length]
    ) as Rgb
    const strength = (0.5 + 2 * (luck / share) ** 2) * (1 - mist * 0.75) * (isDark ? 1 : 0.5)
    for (let channel = 0; channel < 3; channel += 1)
      out[channel] = (out[channel] as number) + (lamp[channel] as number) * strength * 0.75
  }
}

const NEON = ['#ff4d8d', '#38d6ff', '#ffb13d', '#9a6bff', '#4dffc3'].map(hex)

/** Signs and mast lights. */
function paintLamps(canvas: Canvas, frame: Frame, houses: readonly House[], near: number, chance: Chance): void {
  const { unit } = frame
  for (const house of houses) {
    if (house.seed % 5 === 2)
      glow(canvas, (house.left + house.right) / 2, house.top - unit * 0.03, unit * 0.003, hex('#ff3a2f'), 2)
    if (near < 0.5 || chance.next() > 0.4) continue
    const color = scaled(chance.pick(NEON), 1)
    const x = lerp(house.left, house.right, chance.between(0.15, 0.85))
    const y = house.top + unit * chance.between(0.04, 0.16)
    const length = unit * chance.between(0.015, 0.05)
    for (let step = 0; step < length; step += 2) glow(canvas, x, y + step, unit * 0.0035, color, 0.9)
    glow(canvas, x, y + length / 2, unit * 0.03, color, 0.12)
  }
}
