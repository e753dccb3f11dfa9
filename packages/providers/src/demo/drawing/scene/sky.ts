/** The sky: its gradient, the lamp and its glow, stars, the Milky Way, clouds, northern lights. */
import { glow, shine } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex, mixed, rampIndex, rampOf, scaled } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { between } from '../base/field.ts'
import { clamp, smoothstep } from '../base/noise.ts'
import type { Frame } from './frame.ts'

/** How wide the lamp's light spreads in the air, and how strongly around the lamp itself. */
function spreadOf({ light }: Frame): { wide: number; near: number; stretch: number } {
  if (light.altitude === null) return { wide: 0, near: 0, stretch: 1 }
  if (light.isMoon) return { wide: 0.05, near: 0.22, stretch: 1 }
  // light near the horizon runs along it
  return light.altitude < 0.35 ? { wide: 0.34, near: 0.8, stretch: 1.5 } : { wide: 0.2, near: 0.8, stretch: 1 }
}

/** The colour of the air far away, for every column of the sheet: three numbers each. */
export function airOf(frame: Frame): Float32Array {
  const { width, lampX, lampY, horizon, unit, light } = frame
  const { wide, stretch } = spreadOf(frame)
  const [red, green, blue] = light.sky.at(-1) ?? light.haze
  const air = new Float32Array(width * 3)
  for (let x = 0; x < width; x += 1) {
    const distance = Math.hypot((x - lampX) / unit / stretch, (horizon - lampY) / unit)
    const spread = wide * Math.exp(-distance * 3.2)
    air[x * 3] = (red + light.haze[0]) / 2 + light.lamp[0] * spread
    air[x * 3 + 1] = (green + light.haze[1]) / 2 + light.lamp[1] * spread
    air[x * 3 + 2] = (blue + light.haze[2]) / 2 + light.lamp[2] * spread
  }
  return air
}

/** Fills the whole sheet: the gradient down to the horizon, the air of the horizon below it, the lamp's glow in both. */
export function paintSky(canvas: Canvas, frame: Frame): void {
  const { width, height, light } = canvas
  const { table } = rampOf(frame.light.sky)
  const { lampX, lampY, unit } = frame
  const [red, green, blue] = frame.light.lamp
  const { wide, near, stretch } = spreadOf(frame)
  for (let y = 0, index = 0; y < height; y += 1) {
    const sky = rampIndex((y / frame.horizon) ** 0.92)
    for (let x = 0; x < width; x += 1, index += 4) {
      const dx = (x - lampX) / unit / stretch
      const dy = (y - lampY) / unit
      const distance = Math.sqrt(dx * dx + dy * dy)
      const spread = wide === 0 ? 0 : wide * Math.exp(-distance * 3.2) + near * Math.exp(-distance * 16)
      light[index] = (table[sky] as number) + red * spread
      light[index + 1] = (table[sky + 1] as number) + green * spread
      light[index + 2] = (table[sky + 2] as number) + blue * spread
      light[index + 3] = 1
    }
  }
}

/** The disc of the sun, or of the moon with its seas. */
export function paintLamp(canvas: Canvas, frame: Frame): void {
  const { light, lampX, lampY, unit, noise } = frame
  if (light.altitude === null) return
  const isLow = light.altitude < 0.35
  const radius = unit * (light.isMoon ? 0.042 : isLow ? 0.05 : 0.028)
  const strength = light.isMoon ? 1.15 : isLow ? 2.4 : 5
  const reach = Math.ceil(radius + 2)
  for (let row = -reach; row <= reach; row += 1) {
    for (let column = -reach; column <= reach; column += 1) {
      const x = Math.round(lampX) + column
      const y = Math.round(lampY) + row
      const distance = Math.hypot(x - lampX, y - lampY)
      const inside = clamp(radius - distance + 0.5, 0, 1)
      if (inside === 0) continue
      let shade = 1
      if (light.isMoon) {
        const seas = noise.fbm((column / radius) * 1.1 + 7, (row / radius) * 1.1 + 3, 4)
        shade = (0.74 + 0.36 * smoothstep(-0.28, 0.22, seas)) * (1 - 0.25 * (distance / radius) ** 4)
      }
      shine(canvas, x, y, light.lamp, inside * strength * shade)
    }
  }
}

/** Stars, most of them faint, and a Milky Way across. */
export function paintStars(canvas: Canvas, frame: Frame): void {
  const { width, unit, horizon, light } = frame
  if (light.stars === 0) return
  const chance = frame.chance.fork('stars')
  const count = Math.round(((width * horizon) / (unit * unit)) * 1_500 * light.stars)
  const tones: Rgb[] = [hex('#cfe0ff'), hex('#ffffff'), hex('#ffe9d0'), hex('#fff6ea')]
  for (let star = 0; star < count; star += 1) {
    const x = chance.next() * width
    const y = chance.next() * horizon
    const faint = chance.next()
    const tone = chance.pick(tones)
    const low = 1 - (y / horizon) ** 3
    const nearMoon = 1 - Math.exp(-Math.hypot(x - frame.lampX, y - frame.lampY) / (unit * 0.12))
    const strength = (0.12 + 2.2 * faint ** 18) * low * nearMoon * light.stars
    glow(canvas, x, y, (0.55 + 0.9 * faint ** 24) * (unit / 1_000 + 0.25), tone, strength * 1.6)
  }
}

/** A band of countless faint stars, with dark lanes. */
export function paintMilkyWay(canvas: Canvas, frame: Frame): void {
  const { width, horizon, unit, noise, light } = frame
  if (light.hour !== 'night') return
  const chance = frame.chance.fork('milky way')
  const lean = chance.between(0.5, 1.1) * (chance.next() < 0.5 ? -1 : 1)
  const crossing = chance.between(0.25, 0.75) * width
  const cool = hex('#8fb0ff')
  const warm = hex('#ffcfa8')
  for (let y = 0; y < horizon; y += 1) {
    const middle = crossing + (y - horizon * 0.5) * lean
    const fade = 1 - (y / horizon) ** 2
    for (let x = 0; x < width; x += 1) {
      const across = (x - middle) / unit / 0.16
      if (across * across > 6) continue
      const cloud = noise.fbm((x / unit) * 5, (y / unit) * 5, 4)
      const lane = smoothstep(-0.05, 0.3, noise.fbm((x / unit) * 7 + 40, (y / unit) * 7, 4) + Math.abs(across) * 0.35)
      const body = Math.exp(-across * across) * (0.45 + 0.9 * Math.max(0, cloud + 0.15)) * lane * fade
      shine(canvas, x, y, cool, 0.05 * body)
      shine(canvas, x, y, warm, 0.035 * body * Math.exp(-across * across * 2))
    }
  }
}

export interface CloudOptions {
  /** 0 clear … 1 covered */
  amount: number
  /** Long streaks rather than heaps, 0..1. */
  streaks: number
}

/** Clouds on a plane high above, so that they grow smaller and closer towards the horizon. */
export function paintClouds(canvas: Canvas, frame: Frame, seconds: number, { amount, streaks }: CloudOptions): void {
  if (amount <= 0) return
  const { width, horizon, unit, noise, light, lampX, lampY } = frame
  const step = Math.max(2, Math.round(unit / 320))
  const columns = Math.ceil(width / step) + 1
  const rows = Math.ceil(horizon / step) + 1
  const cover = new Float32Array(columns * rows)
  const lit = new Float32Array(columns * rows)
  const threshold = 0.3 - 0.55 * amount
  for (let row = 0; row < rows; row += 1) {
    const above = Math.max(0.03, (horizon - row * step) / unit)
    const far = 0.42 / (above + 0.1)
    for (let column = 0; column < columns; column += 1) {
      const across = (column * step - width / 2) / unit
      const u = across * far * 2.2 + 31 + seconds * 0.06
      const v = far * (2.6 + 4 * streaks)
      const warp = noise.at(u * 0.7 + 9, v * 0.7) * 0.5
      const density = noise.fbm(u * (1 - 0.55 * streaks) + warp, v + warp, 5)
      const toLamp = noise.fbm(
        u * (1 - 0.55 * streaks) + warp + clamp((lampX - column * step) / unit, -0.3, 0.3) * 0.5,
        v + warp + 0.12,
        3,
      )
      const index = row * columns + column
      cover[index] = smoothstep(threshold, threshold + 0.34, density) * smoothstep(0.02, 0.16, above)
      const distance = Math.hypot(column * step - lampX, row * step - lampY) / unit
      const rim = light.altitude === null ? 0 : 0.5 * Math.exp(-distance * 3)
      lit[index] = clamp(0.5 + (density - toLamp) * 1.7 - (density - threshold) * 0.55 + rim, 0, 1.2)
    }
  }
  laySoftly(
    canvas,
    { cover, lit, columns, rows, step },
    rampOf([
      light.cloudShade,
      mixed(light.cloudShade, light.cloudLit, 0.55),
      light.cloudLit,
      scaled(light.cloudLit, 1.25),
    ]).table,
    horizon,
  )
}

interface Field {
  cover: Float32Array
  lit: Float32Array
  columns: number
  rows: number
  step: number
}

/** Lays a coarse field of cloud over the sheet, smoothly. */
function laySoftly(canvas: Canvas, { cover, lit, columns, step }: Field, table: Float32Array, horizon: number): void {
  const { light, width } = canvas
  for (let y = 0; y < Math.min(horizon, canvas.height); y += 1) {
    const row = (y / step) | 0
    const fy = y / step - row
    for (let x = 0; x < width; x += 1) {
      const column = (x / step) | 0
      const fx = x / step - column
      const cell = row * columns + column
      const alpha = 0.94 * between(cover, columns, cell, fx, fy)
      if (alpha < 0.004) continue
      const tone = rampIndex(between(lit, columns, cell, fx, fy) / 1.2)
      const index = (y * width + x) * 4
      for (let channel = 0; channel < 3; channel += 1) {
        light[index + channel] =
          (light[index + channel] as number) * (1 - alpha) + (table[tone + channel] as number) * alpha
      }
    }
  }
}

/** Curtains of northern light: a sharp lower edge, and rays that fade upwards from green to violet. */
export function paintAurora(canvas: Canvas, frame: Frame, seconds: number): void {
  const { width, horizon, unit, noise } = frame
  const chance = frame.chance.fork('aurora')
  const green = hex('#4dffa0')
  const teal = hex('#3ad6d0')
  const violet = hex('#a050e0')
  for (let curtain = 0; curtain < 3; curtain += 1) {
    const base = horizon * chance.between(0.42, 0.8)
    const phase = chance.between(0, 50)
    const reach = horizon * chance.between(0.28, 0.5)
    const power = chance.between(0.35, 0.75)
    for (let x = 0; x < width; x += 1) {
      const along = x / unit
      const fold = noise.fbm(along * 1.3 + phase + seconds * 0.05, phase * 0.3 + seconds * 0.03, 3)
      const edge = base + fold * unit * 0.32
      const rays =
        0.45 + 0.75 * smoothstep(-0.5, 0.7, noise.fbm(along * 16 + phase + fold * 5, seconds * 0.4 + phase, 3))
      const gate = smoothstep(-0.35, 0.35, noise.at(along * 0.9 + phase, 5 + seconds * 0.07))
      for (let y = Math.max(0, Math.floor(edge - reach * 1.6)); y < Math.min(horizon, edge + unit * 0.02); y += 1) {
        const up = (edge - y) / reach
        const profile = up < 0 ? Math.exp(up * 60) : Math.exp(-up * 2.6) * (1 - Math.exp(-up * 30) * 0.2)
        const strength = power * profile * rays * gate
        if (strength < 0.004) continue
        shine(canvas, x, y, green, strength * Math.max(0, 1 - up * 1.3))
        shine(canvas, x, y, teal, strength * 0.4 * smoothstep(0.1, 0.5, up))
        shine(canvas, x, y, violet, strength * 0.7 * smoothstep(0.25, 0.9, up))
      }
    }
  }
}
