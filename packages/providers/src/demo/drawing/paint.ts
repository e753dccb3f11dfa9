import type { DrawRequest } from '../messages.ts'
import type { Bitmap } from './draw.ts'
import { chanceOf, hashOf } from './random.ts'

/** A picture from words and a seed. */
export function paint(request: DrawRequest): Bitmap {
  const { width, height, subject, seed } = request
  const chance = chanceOf(hashOf(`${subject} ${seed}`))
  const pixels = new Uint8Array(width * height * 3)
  const top = [chance.between(20, 200), chance.between(20, 120), chance.between(60, 220)]
  const bottom = [chance.between(120, 255), chance.between(80, 220), chance.between(40, 200)]
  const horizon = chance.between(0.5, 0.7)
  const phase = chance.between(0, 7)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const ridge = horizon + 0.08 * Math.sin((x / width) * 9 + phase) + 0.03 * Math.sin((x / width) * 31 + phase)
      const land = y / height > ridge ? 0.3 : 1
      for (let channel = 0; channel < 3; channel += 1) {
        const mixed = (top[channel] ?? 0) * (1 - y / height) + (bottom[channel] ?? 0) * (y / height)
        pixels[(y * width + x) * 3 + channel] = mixed * land
      }
    }
  }
  return { width, height, pixels }
}
