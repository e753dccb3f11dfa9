import type { Rgb } from './color.ts'

/** A sheet of linear light with transparency, premultiplied: red, green, blue, cover. */
export interface Canvas {
  readonly width: number
  readonly height: number
  readonly light: Float32Array
}

export function canvasOf(width: number, height: number): Canvas {
  return { width, height, light: new Float32Array(width * height * 4) }
}

/** Lays a colour over a pixel. */
export function cover(
  canvas: Canvas,
  x: number,
  y: number,
  red: number,
  green: number,
  blue: number,
  alpha: number,
): void {
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height || alpha <= 0) return
  const { light } = canvas
  const index = (y * canvas.width + x) * 4
  const rest = 1 - alpha
  light[index] = red * alpha + (light[index] as number) * rest
  light[index + 1] = green * alpha + (light[index + 1] as number) * rest
  light[index + 2] = blue * alpha + (light[index + 2] as number) * rest
  light[index + 3] = alpha + (light[index + 3] as number) * rest
}

/** Adds light to a pixel, as a lamp does. */
export function shine(canvas: Canvas, x: number, y: number, [red, green, blue]: Rgb, strength: number): void {
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return
  const index = (y * canvas.width + x) * 4
  const { light } = canvas
  light[index] = (light[index] as number) + red * strength
  light[index + 1] = (light[index + 1] as number) + green * strength
  light[index + 2] = (light[index + 2] as number) + blue * strength
}

/** A soft spot of light around a point. */
export function glow(canvas: Canvas, x: number, y: number, radius: number, color: Rgb, strength: number): void {
  const reach = Math.ceil(radius * 2.2)
  const left = Math.floor(x)
  const top = Math.floor(y)
  for (let row = top - reach; row <= top + reach; row += 1) {
    for (let column = left - reach; column <= left + reach; column += 1) {
      const distance = ((column - x) ** 2 + (row - y) ** 2) / (radius * radius)
      if (distance < 5) shine(canvas, column, row, color, strength * Math.exp(-2 * distance))
    }
  }
}
