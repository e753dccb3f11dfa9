import { clamp, smoothstep } from '../../base/noise.ts'
import { mix } from '../../base/random.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { SEASONS, blend, set, treeAt } from './soil.ts'
import type { Season } from './soil.ts'

/** Where a height of woods begins to thin out, and how high its trees are. */
const TREE_LINE = 1.35
const TREE_HEIGHT = 0.15

/** Mountains around a valley, with a lake or a meadow in it and woods on the slopes. */
export function alpineGround(frame: Frame, options: { hasLake: boolean; season: Season }): Terrain {
  const { noise } = frame
  const chance = frame.chance.fork('alpine')
  const trees = chance.whole(0, 1e9)
  const tall = chance.between(4.6, 7.2)
  const open = chance.between(-0.5, 0.5)
  const shiftX = chance.between(0, 200)
  const shiftZ = chance.between(0, 200)
  const floor = options.hasLake ? -0.3 : 0.12
  const wood = chance.between(-0.2, 0.12)
  const colors = SEASONS[options.season]
  const snowLine = options.season === 'winter' ? 0.05 : chance.between(1.5, 2.3)

  function wooded(x: number, z: number, height: number): number {
    if (height < 0.03 || height > TREE_LINE + 0.2) return 0
    const patch = smoothstep(wood - 0.2, wood + 0.15, noise.fbm(x * 0.8 + shiftZ, z * 0.8, 2))
    return patch * smoothstep(TREE_LINE, 0.75, height + noise.at(x * 3, z * 3) * 0.3) * smoothstep(0.03, 0.12, height)
  }

  return {
    hasWater: options.hasLake,
    haze: 0.015,
    mist: 0.4,
    height(x, z, octaves) {
      const away = z * 0.72 + Math.hypot(x - open * z * 0.4, 0.6) * 1.15
      const rise = smoothstep(2.4, 14, away)
      const base = noise.eroded(x * 0.15 + shiftX, z * 0.15 + shiftZ, octaves)
      const valley = rise === 1 ? 0 : noise.fbm(x * 0.55 + shiftX, z * 0.55, Math.min(4, octaves)) * 0.42 * (1 - rise)
      const height = (base + 0.22) * tall * rise + rise * 0.8 + floor + valley
      const density = wooded(x, z, height)
      return density < 0.06 ? height : height + treeAt(trees, x, z, 14, density) * TREE_HEIGHT
    },
    surface(x, z, height, up, out) {
      const rough = noise.fbm(x * 2.2, z * 2.2, 3)
      set(out, colors.rock, 0.8 + rough * 0.5)
      const flat = smoothstep(0.5, 0.78, up + rough * 0.14)
      blend(out, colors.meadow, flat * smoothstep(2.2, 1.1, height + rough * 0.4))
      const density = wooded(x, z, height)
      const isOther =
        (mix(trees ^ Math.imul(Math.floor(x * 14), 7_919) ^ Math.imul(Math.floor(z * 14), 104_729)) & 3) === 0
      blend(out, colors.woods[isOther ? 1 : 0], clamp(density * 1.5, 0, 0.95))
      const snow = smoothstep(snowLine - 0.25, snowLine + 0.35, height + rough * 0.6) * smoothstep(0.36, 0.62, up)
      blend(out, colors.snow, snow * (options.season === 'winter' && density > 0.1 ? 0.5 : 0.97))
    },
  }
}
