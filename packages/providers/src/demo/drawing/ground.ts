/** Kinds of ground: mountains, dunes, hills, islands, mesas. Each is a height and a colour for every place. */
import { hex } from './color.ts'
import type { Rgb } from './color.ts'
import type { Frame } from './frame.ts'
import { clamp, smoothstep } from './noise.ts'
import { mix } from './random.ts'
import type { Terrain } from './terrain.ts'

export type Season = 'summer' | 'autumn' | 'winter' | 'spring'

/** Lays a colour over another, in place. */
function blend(out: Rgb, color: Rgb, amount: number): void {
  out[0] += (color[0] - out[0]) * amount
  out[1] += (color[1] - out[1]) * amount
  out[2] += (color[2] - out[2]) * amount
}

function set(out: Rgb, color: Rgb, strength: number): void {
  out[0] = color[0] * strength
  out[1] = color[1] * strength
  out[2] = color[2] * strength
}

/** How high a tree stands over the ground at a place, 0 between trees: one cone in every cell, out of its middle. */
function treeAt(seed: number, x: number, z: number, perUnit: number, density: number): number {
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

const SEASONS: Record<Season, { rock: Rgb; meadow: Rgb; woods: [Rgb, Rgb]; snow: Rgb }> = {
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
