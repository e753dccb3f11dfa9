import { hex } from '../../base/color.ts'
import type { Rgb } from '../../base/color.ts'
import { clamp, smoothstep } from '../../base/noise.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { SEASONS, blend, set, treeAt } from './soil.ts'
import type { Season } from './soil.ts'

/** A way through a wood, and where its trees stand. */
export interface Wood extends Terrain {
  density(x: number, z: number): number
  colors: readonly Rgb[]
}

/** From here on trees are part of the ground; nearer ones are planted one by one. */
export const FOREST_FAR = 7

/** A clearing in a wood of tall firs, with more wood on the slopes behind. */
export function forestGround(frame: Frame, season: Season): Wood {
  const { noise } = frame
  const chance = frame.chance.fork('forest')
  const trees = chance.whole(0, 1e9)
  const shift = chance.between(0, 200)
  const bend = chance.between(-0.2, 0.2)
  const colors = SEASONS[season]
  const floor = FLOORS[season]
  const moss = season === 'winter' ? hex('#d3deea') : hex('#2f4526')

  function density(x: number, z: number): number {
    // a way that winds into the wood, wide where we stand
    const way = bend * z + Math.sin(z * 0.5 + shift) * 0.35
    const off = Math.abs(x - way) / (0.7 + 0.75 * smoothstep(3.4, 1, z))
    return smoothstep(0.75, 1.15, off + noise.at(x * 1.3, z * 1.3) * 0.3) * smoothstep(1, 1.6, z + off * 0.5)
  }

  return {
    hasWater: false,
    haze: 0.036,
    mist: 0.6,
    density,
    colors: colors.woods,
    height(x, z, octaves) {
      const rise = smoothstep(5, 22, z)
      const ground = noise.fbm(x * 0.35 + shift, z * 0.35, Math.min(6, octaves)) * (0.22 + 2.4 * rise) + rise * 1.6
      if (z < FOREST_FAR - 1) return ground
      const here = density(x, z) * smoothstep(FOREST_FAR - 1, FOREST_FAR, z)
      return here < 0.06 ? ground : ground + treeAt(trees, x, z, 3.6, here) * 0.66
    },
    surface(x, z, _height, up, out) {
      const rough = noise.fbm(x * 7, z * 7, 4)
      set(out, floor, 0.9 + rough * (season === 'winter' ? 0.12 : 0.7))
      const here = density(x, z)
      blend(out, moss, clamp(here + rough * 0.4, 0, 0.8))
      if (z < FOREST_FAR - 1) return
      blend(out, colors.woods[0], clamp(here * 1.5, 0, 0.96) * smoothstep(0.99, 0.93, up))
    },
  }
}

const FLOORS: Record<Season, Rgb> = {
  summer: hex('#56682f'),
  spring: hex('#6b8038'),
  autumn: hex('#8f5f28'),
  winter: hex('#eaf0f8'),
}
