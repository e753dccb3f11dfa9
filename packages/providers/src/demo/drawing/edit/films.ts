/** Another film in the camera. */
import { clamp, lerp, smoothstep } from '../base/noise.ts'
import { near, shown, toned, unitOf } from './look.ts'
import type { Look } from './look.ts'
import { grade, lay } from './plate.ts'
import type { Plate } from './plate.ts'

/** Old paper: brown silver, burnt edges, dust and scratches. */
export const sepia: Look = (plate, chance) => {
  toned(
    plate,
    [near('#20120a', chance, 0.03), near('#8f6238', chance, 0.06), near('#f4e3c0', chance, 0.03)],
    0.94,
    tone => 0.04 + 0.92 * tone,
  )
  const unit = unitOf(plate)
  edges(plate, 0.55)
  for (let speck = 0; speck < 110; speck += 1) {
    const shade = chance.next() < 0.6 ? 0.93 : 0.15
    const x = chance.between(0, plate.width)
    const y = chance.between(0, plate.height)
    const length = chance.next() < 0.12 ? unit * chance.between(0.02, 0.08) : 1.5
    const lean = chance.between(-0.3, 0.3)
    for (let step = 0; step < length; step += 1)
      lay(plate, Math.round(x + step * lean), Math.round(y + step), shade, shade * 0.92, shade * 0.78, 0.45)
  }
}

export const noir: Look = (plate, chance) => {
  const contrast = chance.between(1.25, 1.6)
  grade(plate, (tone, _red, _green, _blue, out) => out.fill(clamp(0.47 + (tone - 0.5) * contrast, 0.015, 0.985)))
  edges(plate, 0.5)
}

function edges({ width, height, tones }: Plate, strength: number): void {
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const away = (((2 * x) / width - 1) ** 2 + ((2 * y) / height - 1) ** 2) / 2
      const keep = 1 - strength * away * away
      const index = (y * width + x) * 3
      for (let channel = 0; channel < 3; channel += 1)
        tones[index + channel] = (tones[index + channel] as number) * keep
    }
  }
}

export const vivid: Look = (plate, chance) => {
  const turn = chance.between(-0.1, 0.1)
  const strength = chance.between(1.55, 1.9)
  grade(plate, (tone, red, green, blue, out) => {
    const curved = tone + 0.32 * tone * (1 - tone) * (2 * tone - 1) * 2
    out[0] = clamp(curved + (red - tone) * strength + turn * (green - blue), 0, 1)
    out[1] = clamp(curved + (green - tone) * strength + turn * (blue - red), 0, 1)
    out[2] = clamp(curved + (blue - tone) * strength + turn * (red - green), 0, 1)
  })
}

/** Two lamps, magenta and cyan, and edges that glow. */
export const neon: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const pair = chance
    .pick([
      ['#ff2d95', '#21d4fd'],
      ['#b721ff', '#21fda8'],
      ['#ff5f2d', '#8a2dff'],
    ] as const)
    .map(shown) as [number[], number[]]
  const before = tones.slice()
  const bright = (index: number): number =>
    0.3 * (before[index] ?? 0) + 0.59 * (before[index + 1] ?? 0) + 0.11 * (before[index + 2] ?? 0)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = (y * width + x) * 3
      const tone = bright(index)
      const edge = clamp(
        (Math.abs(tone - bright(index + 6)) + Math.abs(tone - bright(Math.min(before.length - 3, index + width * 6)))) *
          3.5,
        0,
        1,
      )
      const side = smoothstep(0.15, 0.85, x / width + (tone - 0.5) * 0.5)
      const base = 0.03 + 0.8 * tone ** 1.25
      for (let channel = 0; channel < 3; channel += 1) {
        const lamp = lerp(pair[0][channel] as number, pair[1][channel] as number, side)
        const own = before[index + channel] as number
        tones[index + channel] = clamp(base * (0.25 * own + 0.85 * lamp) + edge * lamp * 0.55 + tone ** 4 * 0.35, 0, 1)
      }
    }
  }
}
