/** RGB, 8 bits each, row by row. */
export interface Bitmap {
  width: number
  height: number
  pixels: Uint8Array
}

/** One channel's value between four pixels; `index` counts bytes, `stride` is a row of them. */
export function byteBetween(pixels: Uint8Array, index: number, stride: number, fx: number, fy: number): number {
  const upper = (pixels[index] as number) * (1 - fx) + (pixels[index + 3] as number) * fx
  const lower = (pixels[index + stride] as number) * (1 - fx) + (pixels[index + stride + 3] as number) * fx
  return upper * (1 - fy) + lower * fy
}
