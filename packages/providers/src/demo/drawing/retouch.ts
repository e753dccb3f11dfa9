import type { DrawRequest } from '../messages.ts'
import type { Bitmap } from './draw.ts'
import { chanceOf, hashOf } from './random.ts'

/** A picture, changed as the words say, with its composition kept. */
export function retouch(request: DrawRequest, input: Bitmap): Bitmap {
  const chance = chanceOf(hashOf(`${request.subject} ${request.seed}`))
  const gains = [chance.between(0.3, 1), chance.between(0.3, 1), chance.between(0.3, 1)]
  const pixels = input.pixels.map((value, index) => value * (gains[index % 3] ?? 1))
  return { ...input, pixels }
}
