/** Colours are linear light, as lamps add up; they are mixed in OKLab, as eyes see them. */
import { clamp } from './noise.ts'

/** Red, green and blue in linear light; 1 is white paper, lamps go beyond. */
export type Rgb = [red: number, green: number, blue: number]
type Lab = [lightness: number, a: number, b: number]

/** `#rrggbb` in linear light. */
export function hex(text: string): Rgb {
  const bits = Number.parseInt(text.slice(1), 16)
  return [toLinear(bits >> 16), toLinear((bits >> 8) & 255), toLinear(bits & 255)]
}

function toLinear(byte: number): number {
  const value = byte / 255
  return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
}

/** One byte of sRGB from linear light. */
export function toByte(light: number): number {
  const value = light <= 0.003_130_8 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055
  return Math.round(clamp(value, 0, 1) * 255)
}

function toLab([red, green, blue]: Rgb): Lab {
  const l = Math.cbrt(0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue)
  const m = Math.cbrt(0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue)
  const s = Math.cbrt(0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue)
  return [
    0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
    1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
    0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
  ]
}

function fromLab([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b) ** 3
  const m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b) ** 3
  const s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b) ** 3
  return [
    Math.max(0, 4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
    Math.max(0, -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
    Math.max(0, -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s),
  ]
}

/** Between two colours. */
export function mixed(from: Rgb, to: Rgb, t: number): Rgb {
  const a = toLab(from)
  const b = toLab(to)
  return fromLab([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t])
}

export function scaled([red, green, blue]: Rgb, factor: number): Rgb {
  return [red * factor, green * factor, blue * factor]
}

/** A colour word's pull on every colour of a picture. */
export interface Tint {
  /** Of the colour circle of OKLab, in degrees; null takes colour away. */
  hue: number | null
  /** 0..1 */
  strength: number
}

/** Turns a colour towards a hue, with its lightness kept. */
export function tinted(color: Rgb, { hue, strength }: Tint): Rgb {
  const [lightness, a, b] = toLab(color)
  if (hue === null) return fromLab([lightness, a * (1 - strength), b * (1 - strength)])
  // colours that are nearly grey get some of the hue too, the very dark and very bright the least
  const chroma = Math.max(Math.hypot(a, b), 0.09 * Math.min(1, 4 * lightness * Math.max(0, 1.1 - lightness)))
  const angle = (hue * Math.PI) / 180
  const towards: Lab = [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)]
  return fromLab([lightness, a + (towards[1] - a) * strength, b + (towards[2] - b) * strength])
}

/** Colours along a line, 0..1, as a table of 512 steps of three numbers. */
export interface Ramp {
  readonly table: Float32Array
}
const RAMP_STEPS = 512

/** A ramp through colours at even distances, without edges at the colours in between. */
export function rampOf(colors: readonly Rgb[]): Ramp {
  const labs = colors.map(toLab)
  const table = new Float32Array(RAMP_STEPS * 3)
  for (let step = 0; step < RAMP_STEPS; step += 1) {
    const position = (step / (RAMP_STEPS - 1)) * (labs.length - 1)
    table.set(fromLab(splineAt(labs, position)), step * 3)
  }
  return { table }
}

/** Catmull-Rom through the colours. */
function splineAt(labs: readonly Lab[], position: number): Lab {
  const index = Math.min(labs.length - 2, Math.floor(position))
  const t = position - index
  const point = (offset: number): Lab => labs[clamp(index + offset, 0, labs.length - 1)] as Lab
  const [before, from, to, after] = [point(-1), point(0), point(1), point(2)]
  return [0, 1, 2].map(axis => {
    const [p, a, b, n] = [before[axis] ?? 0, from[axis] ?? 0, to[axis] ?? 0, after[axis] ?? 0]
    return a + 0.5 * t * (b - p + t * (2 * p - 5 * a + 4 * b - n + t * (3 * (a - b) + n - p)))
  }) as Lab
}

/** The offset into `table` for a position of 0..1. */
export function rampIndex(position: number): number {
  return 3 * Math.round(clamp(position, 0, 1) * (RAMP_STEPS - 1))
}
