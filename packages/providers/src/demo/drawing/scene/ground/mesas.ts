import { hex } from '../../base/color.ts'
import type { Rgb } from '../../base/color.ts'
import { smoothstep } from '../../base/noise.ts'
import type { Frame } from '../frame.ts'
import type { Terrain } from '../terrain.ts'
import { blend, set } from './soil.ts'

/** Table mountains: heights in steps, walls in bands of colour. */
export function mesaGround(frame: Frame): Terrain {
  const { noise } = frame
  const chance = frame.chance.fork('mesas')
  const shift = chance.between(0, 200)
  const bands = [hex('#a6502e'), hex('#c97742'), hex('#8d3f2c'), hex('#dba069'), hex('#b5603a')]
  const plain = hex('#b8763f')
  return {
    hasWater: false,
    haze: 0.016,
    mist: 0.12,
    height(x, z, octaves) {
      const base = noise.fbm(x * 0.16 + shift, z * 0.16, 4) + 0.16 * noise.eroded(x * 0.5, z * 0.5 + shift, octaves)
      const raised = smoothstep(4, 10, z + Math.hypot(x, 1) * 0.7)
      let height = 0
      for (const [edge, lift] of [
        [0.06, 0.55],
        [0.16, 0.6],
        [0.27, 0.7],
      ] as const) {
        height += lift * smoothstep(edge, edge + 0.055, base)
      }
      const scree = 0.35 * smoothstep(-0.1, 0.08, base)
      return (height * 1.25 + scree) * raised + noise.eroded(x * 0.8, z * 0.8, Math.min(octaves, 8)) * 0.06
    },
    surface(x, z, height, up, out) {
      const layer = height * 5.5 + noise.fbm(x * 0.6, z * 0.6, 2) * 0.8 + 20
      const index = Math.floor(layer)
      const band = bands[index % bands.length] as Rgb
      set(out, band, 0.85 + noise.fbm(x * 4, height * 9, 2) * 0.35)
      blend(out, bands[(index + 1) % bands.length] as Rgb, smoothstep(0.7, 1, layer - index))
      blend(out, plain, smoothstep(0.7, 0.92, up) * 0.8)
    },
  }
}
