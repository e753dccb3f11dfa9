/** What falls and flies in front of everything: snow, rain, sparks of light. */
import { cover, glow } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import type { Frame } from './frame.ts'

/** A soft disc that covers what is behind it. */
function flake(canvas: Canvas, x: number, y: number, radius: number, color: Rgb, strength: number): void {
  const reach = Math.ceil(radius * 1.6)
  for (let row = Math.floor(y) - reach; row <= y + reach; row += 1) {
    for (let column = Math.floor(x) - reach; column <= x + reach; column += 1) {
      const distance = ((column - x) ** 2 + (row - y) ** 2) / (radius * radius)
      if (distance < 2.6) cover(canvas, column, row, color[0], color[1], color[2], strength * Math.exp(-1.6 * distance))
    }
  }
}

function wrap(value: number, size: number): number {
  return ((value % size) + size) % size
}

/** Snow: many small flakes far away, a few large ones out of focus close by. */
export function paintSnow(canvas: Canvas, frame: Frame, seconds: number): void {
  const { width, height, unit, light } = frame
  const chance = frame.chance.fork('snow')
  const color: Rgb = [0, 1, 2].map(
    channel => 0.12 + (light.ambient[channel] ?? 0) * 0.9 + (light.direct[channel] ?? 0) * 0.25,
  ) as Rgb
  for (let index = 0; index < 620; index += 1) {
    const near = chance.next() ** 5
    const radius = unit * (0.0011 + 0.0085 * near)
    const speed = unit * (0.05 + 0.22 * near)
    const sway = Math.sin(seconds * chance.between(0.6, 1.6) + index) * unit * 0.008
    const x = wrap(chance.next() * width + sway + seconds * unit * 0.02, width + 40) - 20
    const y = wrap(chance.next() * height + seconds * speed, height + 40) - 20
    flake(canvas, x, y, Math.max(0.8, radius), color, 0.75 - 0.45 * near)
  }
}

/** Rain: thin slanting streaks. */
export function paintRain(canvas: Canvas, frame: Frame, seconds: number): void {
  const { width, height, unit, light } = frame
  const chance = frame.chance.fork('rain')
  const color: Rgb = [0, 1, 2].map(channel => 0.08 + (light.ambient[channel] ?? 0) * 0.8) as Rgb
  for (let index = 0; index < 520; index += 1) {
    const near = chance.next() ** 2
    const length = unit * (0.02 + 0.06 * near)
    const speed = unit * (0.9 + 1.4 * near)
    const x = chance.next() * width * 1.2
    const y = wrap(chance.next() * height + seconds * speed, height + length * 2) - length
    for (let step = 0; step < length; step += 1) {
      cover(
        canvas,
        Math.round(x - step * 0.16),
        Math.round(y + step),
        color[0],
        color[1],
        color[2],
        (0.07 + 0.16 * near) * Math.sin((step / length) * Math.PI),
      )
    }
  }
}

/** Fireflies, or pollen in the light. */
export function paintSparks(
  canvas: Canvas,
  frame: Frame,
  seconds: number,
  options: { color: string; count: number; rising: number },
): void {
  const { width, height, unit } = frame
  const chance = frame.chance.fork('sparks')
  const color = hex(options.color)
  for (let index = 0; index < options.count; index += 1) {
    const near = chance.next() ** 3
    const beat = 0.55 + 0.45 * Math.sin(seconds * chance.between(1, 3) + index * 2.4)
    const x = wrap(chance.next() * width + Math.sin(seconds * 0.7 + index) * unit * 0.02, width)
    const y = wrap(height * chance.between(0.4, 1) - seconds * unit * options.rising * (0.3 + near), height)
    glow(canvas, x, y, unit * (0.0016 + 0.004 * near), color, 1.3 * beat)
    glow(canvas, x, y, unit * (0.01 + 0.02 * near), color, 0.1 * beat)
  }
}
