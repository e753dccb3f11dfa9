import { hex } from '../../base/color.ts'
import { smoothstep } from '../../base/noise.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { blend, set } from './soil.ts'

/** Open water, with a headland or a few islands far out. */
export function islandGround(frame: Frame): Terrain {
  const { noise } = frame
  const chance = frame.chance.fork('islands')
  const shift = chance.between(0, 200)
  const side = chance.next() < 0.5 ? -1 : 1
  const bare = chance.between(-0.05, 0.25)
  const rock = hex('#5d5650')
  const green = hex('#3f5a34')
  return {
    hasWater: true,
    haze: 0.022,
    mist: 0.2,
    height(x, z, octaves) {
      const headland = smoothstep(0.15, 0.75, (side * x) / z - 0.05 + noise.at(z * 0.2 + shift, 3) * 0.2)
      const base = noise.eroded(x * 0.2 + shift, z * 0.2, octaves)
      const islands = smoothstep(8, 16, z) * (base + 0.06 - bare) * 3
      return Math.max(islands, (base + 0.42) * 2.2 * headland * smoothstep(3.5, 9, z)) - 0.12
    },
    surface(x, z, height, up, out) {
      const rough = noise.fbm(x * 3, z * 3, 3)
      set(out, rock, 0.8 + rough * 0.5)
      blend(out, green, smoothstep(0.55, 0.8, up + rough * 0.1) * smoothstep(0.06, 0.2, height))
    },
  }
}
