/** What the kinds of ground share: colours, seasons, trees. */
import { hex } from '../../base/color.ts'
import type { Rgb } from '../../base/color.ts'
import { smoothstep } from '../../base/noise.ts'
import { mix } from '../../base/random.ts'

export type Season = 'summer' | 'autumn' | 'winter' | 'spring'

/** Lays a colour over another, in place. */
export function blend(out: Rgb, color: Rgb, amount: number): void {
  out[0] += (color[0] - out[0]) * amount
  out[1] += (color[1] - out[1]) * amount
  out[2] += (color[2] - out[2]) * amount
}

/** Makes a colour this one, darker or brighter, in place. */
export function set(out: Rgb, color: Rgb, strength: number): void {
  out[0] = color[0] * strength
  out[1] = color[1] * strength
  out[2] = color[2] * strength
}

/** How high a tree stands over the ground at a place, 0 between trees: one cone in every cell, out of its middle. */
export function treeAt(seed: number, x: number, z: number, perUnit: number, density: number): number {
  const column = Math.floor(x * perUnit)
  const row = Math.floor(z * perUnit)
  const luck = mix(seed ^ Math.imul(column, 7_919) ^ Math.imul(row, 104_729))
  const shiftX = ((luck & 0xffff) / 0xffff - 0.5) * 0.55
  const shiftZ = ((luck >>> 16) / 0xffff - 0.5) * 0.55
  const dx = x * perUnit - column - 0.5 - shiftX
  const dz = z * perUnit - row - 0.5 - shiftZ
  const size = smoothstep(0.25, 0.5, density + (shiftX - shiftZ) * 0.6)
  const cone = 1 - Math.sqrt(dx * dx + dz * dz) / (0.3 + 0.17 * size)
  if (cone <= 0) return 0
  // branches in tiers, ragged around the stem
  const tiers = 0.06 * Math.sin(cone * 34 + 9 * (dx - dz) * cone)
  return size * (cone + tiers) * (0.75 + 0.7 * shiftX + 0.45 * shiftZ)
}

/** What grows and lies on mountains. */
export const SEASONS: Record<Season, { rock: Rgb; meadow: Rgb; woods: [Rgb, Rgb]; snow: Rgb }> = {
  summer: {
    rock: hex('#7a7068'),
    meadow: hex('#5c7a3a'),
    woods: [hex('#1e3a2a'), hex('#2a4a2c')],
    snow: hex('#f4f7fb'),
  },
  spring: {
    rock: hex('#827970'),
    meadow: hex('#7c9a48'),
    woods: [hex('#36542c'), hex('#5f7a3c')],
    snow: hex('#f4f7fb'),
  },
  autumn: {
    rock: hex('#7d6e62'),
    meadow: hex('#8a7436'),
    woods: [hex('#b0561c'), hex('#c98a22')],
    snow: hex('#f4f7fb'),
  },
  winter: {
    rock: hex('#6a6c74'),
    meadow: hex('#dfe6ee'),
    woods: [hex('#22333a'), hex('#2d4148')],
    snow: hex('#eef3fa'),
  },
}
