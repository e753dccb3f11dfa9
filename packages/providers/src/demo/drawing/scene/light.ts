/** What the light is like: the time of day as colours of the sky, the lamp in it, and what it does to the land. */
import { hex, tinted } from '../base/color.ts'
import type { Rgb, Tint } from '../base/color.ts'
import type { Chance } from '../base/random.ts'

export type Hour = 'dawn' | 'day' | 'golden' | 'sunset' | 'dusk' | 'night' | 'overcast'

export interface Light {
  hour: Hour
  /** From the top of the sky down to the horizon. */
  sky: Rgb[]
  /** The lamp as it is seen; the sun, or the moon at night. */
  lamp: Rgb
  isMoon: boolean
  /** Height of the lamp above the horizon, as a part of the sky's height; null where clouds hide it. */
  altitude: number | null
  /** On what faces the lamp. */
  direct: Rgb
  /** From the sky on everything. */
  ambient: Rgb
  /** The air far away. */
  haze: Rgb
  cloudLit: Rgb
  cloudShade: Rgb
  /** 0..1 */
  stars: number
}

interface Sketch {
  sky: readonly string[]
  lamp: string
  direct: readonly [color: string, strength: number]
  ambient: readonly [color: string, strength: number]
  haze: string
  cloudLit: string
  cloudShade: string
}

const SKETCHES: Record<Hour, readonly Sketch[]> = {
  dawn: [
    {
      sky: ['#2f4778', '#5d6fa3', '#a890b8', '#eab0a6', '#ffd9b0'],
      lamp: '#ffe9c4',
      direct: ['#ffc49a', 1.5],
      ambient: ['#8b9ccb', 0.42],
      haze: '#e9bfb4',
      cloudLit: '#ffc9b0',
      cloudShade: '#7c78a6',
    },
    {
      sky: ['#1e4f6e', '#4a8795', '#9cbfae', '#f0d5a4', '#ffe6bd'],
      lamp: '#fff1cf',
      direct: ['#ffd6a0', 1.5],
      ambient: ['#84aebb', 0.42],
      haze: '#e6d5b4',
      cloudLit: '#ffe2b8',
      cloudShade: '#7399a3',
    },
  ],
  day: [
    {
      sky: ['#1a4f94', '#2f74b9', '#68a5d6', '#acd2ea', '#dcebf0'],
      lamp: '#fffdf2',
      direct: ['#fff1d6', 2],
      ambient: ['#8fb9e3', 0.5],
      haze: '#bfd6e4',
      cloudLit: '#ffffff',
      cloudShade: '#9fb4c9',
    },
    {
      sky: ['#176c8c', '#3296ae', '#74c0c4', '#b9dfd4', '#e8f1e2'],
      lamp: '#fffdf0',
      direct: ['#fff2d2', 1.9],
      ambient: ['#93c7cf', 0.5],
      haze: '#c4ddd6',
      cloudLit: '#fffef6',
      cloudShade: '#9dbcc0',
    },
  ],
  golden: [
    {
      sky: ['#33588c', '#6c86a6', '#b7a98f', '#f0bf76', '#ffd588'],
      lamp: '#fff0c0',
      direct: ['#ffb35c', 2],
      ambient: ['#8a97b8', 0.36],
      haze: '#eebf83',
      cloudLit: '#ffd79a',
      cloudShade: '#8d86a0',
    },
    {
      sky: ['#4b3f72', '#86678c', '#c58d86', '#f3b471', '#ffd07c'],
      lamp: '#ffeab4',
      direct: ['#ffa552', 1.9],
      ambient: ['#9389ae', 0.36],
      haze: '#eba976',
      cloudLit: '#ffca8b',
      cloudShade: '#806a8c',
    },
  ],
  sunset: [
    {
      sky: ['#151b47', '#3d2a66', '#85346f', '#dd5a51', '#ffad57'],
      lamp: '#ffe2a0',
      direct: ['#ff7a3c', 1.7],
      ambient: ['#6d5a9c', 0.3],
      haze: '#d8705e',
      cloudLit: '#ff8a5c',
      cloudShade: '#4a2f66',
    },
    {
      sky: ['#0f2d4d', '#2c5470', '#7d7482', '#e6845a', '#ffc46b'],
      lamp: '#fff0b8',
      direct: ['#ff9046', 1.7],
      ambient: ['#5d7c99', 0.3],
      haze: '#dc9265',
      cloudLit: '#ffa666',
      cloudShade: '#44566f',
    },
    {
      sky: ['#2a1238', '#5b1c4d', '#a32c50', '#ea5d49', '#ffa25a'],
      lamp: '#ffe0a8',
      direct: ['#ff6d3f', 1.7],
      ambient: ['#7a4f86', 0.3],
      haze: '#d5584f',
      cloudLit: '#ff7d5a',
      cloudShade: '#571f4a',
    },
  ],
  dusk: [
    {
      sky: ['#0a1233', '#1d2a5c', '#4b4583', '#97688f', '#e3a08d'],
      lamp: '#ffe0c8',
      direct: ['#d58b8b', 0.7],
      ambient: ['#5b69a8', 0.36],
      haze: '#a47b97',
      cloudLit: '#dd9391',
      cloudShade: '#343768',
    },
    {
      sky: ['#081c2b', '#123c50', '#2f6b78', '#79988f', '#dcc197'],
      lamp: '#fff0d0',
      direct: ['#c9a884', 0.7],
      ambient: ['#4d7f91', 0.36],
      haze: '#86a097',
      cloudLit: '#d9b58e',
      cloudShade: '#1f4857',
    },
  ],
  night: [
    {
      sky: ['#03071a', '#071130', '#0e2148', '#1c3a66', '#35587f'],
      lamp: '#e6eefc',
      direct: ['#a9c2ee', 0.3],
      ambient: ['#3d5a96', 0.13],
      haze: '#22406a',
      cloudLit: '#54709c',
      cloudShade: '#0b1730',
    },
    {
      sky: ['#070414', '#120a2c', '#231549', '#3c2767', '#5c4080'],
      lamp: '#f0e6fc',
      direct: ['#bfaeea', 0.3],
      ambient: ['#54479a', 0.13],
      haze: '#3a2a63',
      cloudLit: '#6b56a0',
      cloudShade: '#140c2c',
    },
  ],
  overcast: [
    {
      sky: ['#4d5a66', '#6b7983', '#8f9ba1', '#b4bdbe', '#d3d8d5'],
      lamp: '#ffffff',
      direct: ['#dfe6ea', 0.55],
      ambient: ['#b3c1cb', 0.62],
      haze: '#bcc5c7',
      cloudLit: '#c9d0d2',
      cloudShade: '#5c6973',
    },
  ],
}

const ALTITUDES: Record<Hour, readonly [number, number] | null> = {
  dawn: [0.06, 0.2],
  day: [0.55, 0.85],
  golden: [0.12, 0.32],
  sunset: [0.02, 0.14],
  dusk: [0.35, 0.7],
  night: [0.5, 0.82],
  overcast: null,
}

/** The light of an hour, in one of its moods, pulled towards a colour where the words ask for one. */
export function lightOf(hour: Hour, chance: Chance, tint: Tint | null): Light {
  const sketch = chance.pick(SKETCHES[hour])
  const color = (text: string): Rgb => (tint ? tinted(hex(text), tint) : hex(text))
  const strong = ([text, strength]: readonly [string, number]): Rgb => {
    const [red, green, blue] = color(text)
    return [red * strength, green * strength, blue * strength]
  }
  const altitudes = ALTITUDES[hour]
  return {
    hour,
    sky: sketch.sky.map(color),
    lamp: color(sketch.lamp),
    isMoon: hour === 'night' || hour === 'dusk',
    altitude: altitudes && chance.between(...altitudes),
    direct: strong(sketch.direct),
    ambient: strong(sketch.ambient),
    haze: color(sketch.haze),
    cloudLit: color(sketch.cloudLit),
    cloudShade: color(sketch.cloudShade),
    stars: hour === 'night' ? 1 : hour === 'dusk' ? 0.35 : 0,
  }
}
