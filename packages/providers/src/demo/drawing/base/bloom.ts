import type { Canvas } from './canvas.ts'
import { between } from './field.ts'
import { clamp } from './noise.ts'

/** Pixels on a side of a cell of spilt light. */
const STEP = 8
/** Light above this spills. */
const THRESHOLD = 0.7

/** A bright spot spills light around it: the picture above a threshold, made small, blurred and added again. */
export function addBloom(canvas: Canvas, strength: number): void {
  const { width, height, light } = canvas
  const columns = Math.ceil(width / STEP)
  const rows = Math.ceil(height / STEP)
  const radius = Math.max(2, Math.round(Math.sqrt(width * height) / 180))
  for (let channel = 0; channel < 3; channel += 1) {
    const spill = spillOf(canvas, channel, columns, rows)
    for (let pass = 0; pass < 3; pass += 1) blur(spill, columns, rows, radius)
    for (let y = 0; y < height; y += 1) {
      const row = clamp(y / STEP - 0.5, 0, rows - 1.001)
      const top = row | 0
      for (let x = 0; x < width; x += 1) {
        const column = clamp(x / STEP - 0.5, 0, columns - 1.001)
        const left = column | 0
        const index = (y * width + x) * 4 + channel
        light[index] =
          (light[index] as number) + strength * between(spill, columns, top * columns + left, column - left, row - top)
      }
    }
  }
}

/** What is above the threshold in one channel, every second pixel of every second row. */
function spillOf({ width, height, light }: Canvas, channel: number, columns: number, rows: number): Float32Array {
  const spill = new Float32Array(columns * rows)
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const over = (light[(y * width + x) * 4 + channel] as number) - THRESHOLD
      if (over <= 0) continue
      const cell = ((y / STEP) | 0) * columns + ((x / STEP) | 0)
      spill[cell] = (spill[cell] as number) + Math.min(over, 6) / 16
    }
  }
  return spill
}

/** A box blur, sideways and then downwards. */
function blur(cells: Float32Array, columns: number, rows: number, radius: number): void {
  for (let row = 0; row < rows; row += 1) blurLine(cells, row * columns, 1, columns, radius)
  for (let column = 0; column < columns; column += 1) blurLine(cells, column, columns, rows, radius)
}

function blurLine(cells: Float32Array, start: number, stride: number, length: number, radius: number): void {
  const line = Float32Array.from({ length }, (_, index) => cells[start + index * stride] as number)
  let sum = 0
  for (let index = 0; index < radius; index += 1) sum += line[index] ?? 0
  for (let index = 0; index < length; index += 1) {
    sum += line[index + radius] ?? 0
    cells[start + index * stride] = sum / (2 * radius + 1)
    sum -= line[index - radius] ?? 0
  }
}
