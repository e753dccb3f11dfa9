import { hex } from '../../base/color.ts'
import type { Rgb } from '../../base/color.ts'
import { clamp, smoothstep } from '../../base/noise.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { blend, set, treeAt } from './soil.ts'
import type { Season } from './soil.ts'

/** Rolling hills of grass, with hedges and lone woods. */
export function hillGround(frame: Frame, season: Season): Terrain {
  const { noise } = frame
  const chance = frame.chance.fork('hills')
  const trees = chance.whole(0, 1e9)
  const shift = chance.between(0, 200)
  const colors = HILLS[season]

  function wooded(x: number, z: number): number {
    return smoothstep(0.16, 0.24, noise.fbm(x * 0.5 + shift, z * 0.5 + 90, 3)) * smoothstep(2.6, 4, z)
  }

  return {
    hasWater: false,
    haze: 0.018,
    mist: 0.5,
    height(x, z, octaves) {
      const away = smoothstep(0.5, 9, z)
      const roll =
        noise.fbm(x * 0.2 + shift, z * 0.24, 3) * 1.9 * away +
        noise.fbm(x * 0.5, z * 0.5 + shift, 2) * 0.3 * smoothstep(0.3, 2, z)
      const mountains =
        Math.max(0, noise.eroded(x * 0.07 + shift, z * 0.07, Math.min(octaves, 7)) + 0.1) * 9 * smoothstep(18, 42, z)
      const density = wooded(x, z)
      return roll + mountains + 0.12 * away + (density < 0.06 ? 0 : treeAt(trees, x, z, 9, density) * 0.2)
    },
    surface(x, z, height, up, out) {
      const patch = noise.fbm(x * 0.7 + shift, z * 0.9, 3)
      set(out, colors.grass, 0.88 + noise.fbm(x * 6, z * 6, z < 4 ? 5 : 2) * 0.6)
      blend(out, colors.dry, smoothstep(-0.1, 0.35, patch) * 0.75)
      // flowers in drifts, a colour from afar; the near ones stand in the grass
      const drift = smoothstep(0.02, 0.3, noise.fbm(x * 0.6 + 20, z * 0.8 + shift, 2))
      blend(out, colors.flowers, drift * 0.32 * smoothstep(2.5, 4, z) * smoothstep(14, 4, z))
      blend(out, colors.woods, clamp(wooded(x, z) * 1.4, 0, 0.95))
      if (height > 2.2) blend(out, hex('#6d7480'), smoothstep(2.2, 3.2, height) * (1.4 - up))
    },
  }
}

const HILLS: Record<Season, { grass: Rgb; dry: Rgb; flowers: Rgb; woods: Rgb }> = {
  summer: { grass: hex('#557f32'), dry: hex('#a8a345'), flowers: hex('#d8483e'), woods: hex('#24452a') },
  spring: { grass: hex('#6d9b3a'), dry: hex('#9cb84a'), flowers: hex('#e58fb4'), woods: hex('#5b7d34') },
  autumn: { grass: hex('#8d7a32'), dry: hex('#b8862f'), flowers: hex('#a3442a'), woods: hex('#a8541e') },
  winter: { grass: hex('#e3eaf2'), dry: hex('#cfd9e6'), flowers: hex('#d5dde8'), woods: hex('#39464e') },
}
