/** What all changes to a picture share. Each keeps light light and dark dark, so that it stays the same picture. */
import { hex, toByte } from '../base/color.ts'
import { clamp, lerp } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'
import { grade } from './plate.ts'
import type { Plate } from './plate.ts'

/** Changes a plate in place. */
export type Look = (plate: Plate, chance: Chance) => void

/** A colour as it is shown, 0..1. */
export const shown = (text: string): number[] => hex(text).map(light => toByte(light) / 255)
/** The side of a square of the same area. */
export const unitOf = ({ width, height }: Plate): number => Math.sqrt(width * height)

/** A hue that wanders a little with every prompt. */
export function near(color: string, chance: Chance, by = 0.05): number[] {
  return shown(color).map(part => clamp(part + chance.between(-by, by), 0, 1))
}

/** Colours for dark, middle and light tones; mixed in by `strength`. */
export function toned(
  plate: Plate,
  colors: readonly number[][],
  strength: number,
  curve: (tone: number) => number,
): void {
  const [dark, middle, light] = colors as [number[], number[], number[]]
  grade(plate, (tone, red, green, blue, out) => {
    const position = clamp(curve(tone), 0, 1)
    const own = [red, green, blue]
    for (let channel = 0; channel < 3; channel += 1) {
      const from = position < 0.5 ? dark : middle
      const to = position < 0.5 ? middle : light
      const mapped = lerp(
        from[channel] as number,
        to[channel] as number,
        position < 0.5 ? position * 2 : position * 2 - 1,
      )
      const kept = tone < 1e-3 ? position : ((own[channel] as number) / tone) * position
      out[channel] = lerp(kept, mapped, strength)
    }
  })
}
