/** Far out: clouds of gas, stars, and a planet half in the dark. */
import { glow } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex, rampIndex, rampOf, tinted } from '../base/color.ts'
import type { Rgb, Tint } from '../base/color.ts'
import { between } from '../base/field.ts'
import { clamp, smoothstep } from '../base/noise.ts'
import type { Frame } from './frame.ts'

const GASES = [
  ['#02030a', '#0a1230', '#2c2a78', '#8b3a9c', '#f08a9c', '#ffe3c4'],
  ['#02060a', '#052430', '#0e5a66', '#3fb0a0', '#f0cf8e', '#fff3d8'],
  ['#060308', '#1e0a24', '#5a1838', '#c4483c', '#f7a65a', '#fff0cc'],
  ['#02030c', '#08143c', '#1c4c9c', '#5aa4e0', '#d8e4f4', '#ffffff'],
] as const
const SURFACES = [
  ['#3a2418', '#8c5a34', '#d9a56b', '#f2dfb8'],
  ['#0d2a4a', '#1f6a94', '#7fc0c4', '#f2f6ee'],
  ['#3c1220', '#a03a36', '#e08a54', '#f6dcae'],
  ['#1c1a3a', '#4a4a8c', '#9c8cc8', '#e8dcf0'],
] as const

/** Covers the whole sheet. */
export function paintSpace(canvas: Canvas, frame: Frame, tint: Tint | null, seconds: number): void {
  const color = (text: string): Rgb => (tint ? tinted(hex(text), tint) : hex(text))
  paintGas(canvas, frame, color)
  paintFarStars(canvas, frame, seconds)
  paintPlanet(canvas, frame, color, seconds)
}

function paintGas(canvas: Canvas, frame: Frame, color: (text: string) => Rgb): void {
  const { width, height, light } = canvas
  const { unit, noise } = frame
  const chance = frame.chance.fork('gas')
  const { table } = rampOf(chance.pick(GASES).map(color))
  const shift = chance.between(0, 90)
  const lean = chance.between(-0.8, 0.8)
  const step = 3
  const columns = Math.ceil(width / step) + 2
  const rows = Math.ceil(height / step) + 2
  const tones = new Float32Array(columns * rows)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x = ((column * step) / unit) * 1.6 + shift
      const y = ((row * step) / unit) * 1.6
      const bend = noise.fbm(x, y, 4)
      const veil = noise.fbm(x * 1.3 + bend * 1.8, y * 1.3 + bend * 1.8 + 20, 6)
      const lane = noise.ridged(x * 1.1 + bend, y * 1.1 + 9, 4)
      const across = (column / columns - 0.5 + (row / rows - 0.5) * lean) * 2.4
      const body = Math.exp(-across * across) * 0.62
      tones[row * columns + column] = clamp(
        (0.22 + veil * 0.85) * (0.45 + body) + body * 0.34 - smoothstep(0.62, 0.9, lane) * 0.3,
        0,
        1,
      )
    }
  }
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const column = (x / step) | 0
      const row = (y / step) | 0
      const fx = x / step - column
      const fy = y / step - row
      const cell = row * columns + column
      const tone = rampIndex(between(tones, columns, cell, fx, fy))
      const index = (y * width + x) * 4
      for (let channel = 0; channel < 3; channel += 1) light[index + channel] = table[tone + channel] as number
      light[index + 3] = 1
    }
  }
}

function paintFarStars(canvas: Canvas, frame: Frame, seconds: number): void {
  const { width, height, unit, noise } = frame
  const chance = frame.chance.fork('far stars')
  const tones = [hex('#cfe0ff'), hex('#ffffff'), hex('#ffe2c0'), hex('#ffd0b0')]
  for (let star = 0; star < 2_600; star += 1) {
    const x = chance.next() * width
    const y = chance.next() * height
    const size = chance.next()
    const tone = chance.pick(tones)
    const crowd = 0.4 + 0.9 * smoothstep(-0.2, 0.4, noise.fbm((x / unit) * 3, (y / unit) * 3, 2))
    const twinkle = seconds === 0 ? 1 : 0.8 + 0.2 * Math.sin(seconds * (1 + 3 * chance.next()) + star)
    glow(canvas, x, y, (0.5 + 1.6 * size ** 40) * (unit / 1_000 + 0.2), tone, (0.1 + 3 * size ** 22) * crowd * twinkle)
    if (size > 0.9985) cross(canvas, x, y, unit * 0.02, tone)
  }
}

/** The spikes that a telescope draws around the brightest. */
function cross(canvas: Canvas, x: number, y: number, reach: number, tone: Rgb): void {
  for (let step = -reach; step <= reach; step += 1) {
    const strength = 0.5 * (1 - Math.abs(step) / reach) ** 2
    glow(canvas, x + step, y, 0.8, tone, strength)
    glow(canvas, x, y + step, 0.8, tone, strength)
  }
}

function paintPlanet(canvas: Canvas, frame: Frame, color: (text: string) => Rgb, seconds: number): void {
  const { width, height, unit, noise } = frame
  const chance = frame.chance.fork('planet')
  const { table } = rampOf(chance.pick(SURFACES).map(color))
  const radius = unit * chance.between(0.16, 0.34)
  const middleX = width * chance.between(0.25, 0.75)
  const middleY = height * chance.between(0.3, 0.72)
  const tilt = chance.between(-0.5, 0.5)
  const isBanded = chance.next() < 0.6
  const hasRing = isBanded && chance.next() < 0.6
  const lampAngle = chance.between(0, Math.PI * 2)
  const lamp = [Math.cos(lampAngle) * 0.82, Math.sin(lampAngle) * 0.55, 0.45] as const
  const rim = color('#9fc8ff')
  const ring = color('#e8d2ac')
  const reach = Math.ceil(radius * (hasRing ? 2.4 : 1.25))
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const x = Math.round(middleX) + dx
      const y = Math.round(middleY) + dy
      if (x < 0 || y < 0 || x >= width || y >= height) continue
      const index = (y * width + x) * 4
      const u = (dx * Math.cos(tilt) + dy * Math.sin(tilt)) / radius
      const v = (dy * Math.cos(tilt) - dx * Math.sin(tilt)) / radius
      const distance = Math.hypot(u, v)
      const inside = clamp((1 - distance) * radius + 0.5, 0, 1)
      if (inside > 0) {
        const depth = Math.sqrt(Math.max(0, 1 - distance * distance))
        const facing = (dx / radius) * lamp[0] + (dy / radius) * lamp[1] + depth * lamp[2]
        const day = smoothstep(-0.12, 0.55, facing)
        const turn = Math.atan2(u, depth) + seconds * 0.05
        const swirl = noise.fbm(turn * 2.2 + 9, v * 3, 5)
        const tone = isBanded ? 0.5 + 0.5 * Math.sin(v * 9 + swirl * 2.2) * 0.8 + swirl * 0.25 : 0.5 + swirl * 1.25
        const texture = rampIndex(clamp(tone, 0, 1))
        const edge = (1 - depth) ** 3 * day
        for (let channel = 0; channel < 3; channel += 1) {
          const seen =
            (table[texture + channel] as number) * (0.006 + 1.15 * day) + (rim[channel] as number) * edge * 0.8
          canvas.light[index + channel] = (canvas.light[index + channel] as number) * (1 - inside) + seen * inside
        }
      } else {
        const outward = (dx * lamp[0] + dy * lamp[1]) / (radius * distance + 1e-6)
        const air = Math.exp(-(distance - 1) * 22) * clamp(outward * 0.7 + 0.35, 0, 1) * 0.5
        for (let channel = 0; channel < 3; channel += 1)
          canvas.light[index + channel] = (canvas.light[index + channel] as number) + (rim[channel] as number) * air
      }
      if (hasRing) addRing(canvas, index, u, v, distance, ring, noise.at(Math.hypot(u, v / 0.26) * 26, 4))
    }
  }
}

/** The part of a ring at a place: in front of the lower half of the planet, behind the upper. */
function addRing(
  canvas: Canvas,
  index: number,
  u: number,
  v: number,
  distance: number,
  color: Rgb,
  grain: number,
): void {
  const away = Math.hypot(u, v / 0.26)
  if (away < 1.3 || away > 2.25 || (distance < 1 && v < 0)) return
  const body =
    smoothstep(1.3, 1.38, away) *
    smoothstep(2.25, 2.1, away) *
    (0.5 + 0.5 * grain) *
    (Math.abs(away - 1.86) < 0.05 ? 0.15 : 0.85)
  for (let channel = 0; channel < 3; channel += 1) {
    canvas.light[index + channel] =
      (canvas.light[index + channel] as number) * (1 - body * 0.8) + (color[channel] as number) * body * 0.6
  }
}
