import { hex } from '../../base/color.ts'
import { smoothstep } from '../../base/noise.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { blend, set } from './soil.ts'

/** Dunes: long crests, a slope towards the wind and a steep one away from it, with ripples. */
export function duneGround(frame: Frame): Terrain {
  const { noise } = frame
  const chance = frame.chance.fork('dunes')
  const shift = chance.between(0, 200)
  const lean = chance.between(-0.5, 0.5)
  const sand = chance.pick([hex('#d9a066'), hex('#e0b27a'), hex('#c98450'), hex('#e3c08e')])
  const dark = hex('#9c5f38')
  return {
    hasWater: false,
    haze: 0.014,
    mist: 0.15,
    height(x, z, octaves) {
      const bend = noise.fbm(x * 0.12 + shift, z * 0.12, 2) * 2.2
      const along = z * 0.34 + x * (0.2 + lean * 0.3) + bend + shift
      const phase = along - Math.floor(along)
      // up slowly, down quickly, with a crest in between
      const wave = phase < 0.68 ? smoothstep(0, 0.68, phase) : 1 - smoothstep(0.68, 1, phase)
      const size = 0.35 + 0.75 * smoothstep(-0.4, 0.5, noise.fbm(x * 0.2 + shift, z * 0.2 + 40, 2))
      const ripples = octaves > 7 ? noise.at(x * 4 + bend * 9, z * 34 + bend * 30) * 0.0028 : 0
      const far = smoothstep(4, 30, z)
      return (
        wave *
          size *
          (0.6 + 1.2 * far) *
          (1 - 0.75 * smoothstep(9, 20, z)) *
          smoothstep(0.2, 2.4, z + Math.hypot(x, 0.5)) +
        noise.fbm(x * 0.1, z * 0.1 + shift, 3) * 1.6 * far +
        ripples -
        0.1
      )
    },
    surface(x, z, height, up, out) {
      set(out, sand, 0.92 + noise.fbm(x * 3, z * 3, 2) * 0.12)
      blend(out, dark, smoothstep(0.98, 0.8, up) * 0.35 + smoothstep(0.5, 0, height) * 0.12)
    },
  }
}
