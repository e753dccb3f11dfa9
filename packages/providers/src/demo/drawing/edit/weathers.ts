/** Another season, another weather. */
import { clamp, lerp, noiseOf, smoothstep } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'
import { near, toned, unitOf } from './look.ts'
import type { Look } from './look.ts'
import { coarseOf, grade, lay, screenSpot, skyOf } from './plate.ts'
import type { Plate } from './plate.ts'

export const snow: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const noise = noiseOf(chance.fork('snow'))
  const sky = skyOf(coarseOf(plate))
  const columns = Math.ceil(width / 16)
  const depth = chance.between(0.75, 1)
  const before = tones.slice()
  const reach = Math.max(2, Math.round(unitOf(plate) / 260))
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = (y * width + x) * 3
      const tone =
        0.3 * (before[index] as number) + 0.59 * (before[index + 1] as number) + 0.11 * (before[index + 2] as number)
      const above = (Math.max(0, y - reach) * width + x) * 3
      const below = (Math.min(height - 1, y + reach) * width + x) * 3
      // what is brighter than the place below it looks up, and snow lies on it
      const facing =
        (before[index + 1] as number) -
        (before[below + 1] as number) +
        0.5 * ((before[above + 1] as number) - (before[index + 1] as number))
      const open = sky[((y / 16) | 0) * columns + ((x / 16) | 0)] ?? 0
      const drift = noise.fbm((x / width) * 9, (y / height) * 14, 3) * 0.35
      const low = smoothstep(0.25, 1, y / height)
      const cover = clamp((0.2 + 0.62 * low + facing * 2.6 + drift) * depth, 0, 0.93) * (1 - open * 0.75)
      const white = 0.56 + 0.44 * tone
      tones[index] = lerp(lerp(tones[index] as number, tone, 0.45) * 0.97, white * 0.965, cover)
      tones[index + 1] = lerp(lerp(tones[index + 1] as number, tone, 0.45), white * 0.985, cover)
      tones[index + 2] = lerp(lerp(tones[index + 2] as number, tone, 0.45) * 1.05, white * 1.02, cover)
    }
  }
  flakes(plate, chance)
}

function flakes(plate: Plate, chance: Chance): void {
  const unit = unitOf(plate)
  for (let flake = 0; flake < 520; flake += 1) {
    const close = chance.next() ** 5
    const radius = unit * (0.0011 + 0.007 * close)
    screenSpot(
      plate,
      chance.between(0, plate.width),
      chance.between(0, plate.height),
      radius,
      [1, 1, 1],
      0.85 - 0.45 * close,
    )
  }
}

export const rain: Look = (plate, chance) => {
  toned(
    plate,
    [near('#10161b', chance, 0.02), near('#56666f', chance), near('#c3ced1', chance)],
    0.62,
    tone => 0.05 + 0.76 * tone,
  )
  const unit = unitOf(plate)
  const lean = chance.between(-0.3, 0.3)
  for (let drop = 0; drop < 900; drop += 1) {
    const close = chance.next() ** 2
    const length = unit * (0.015 + 0.055 * close)
    const x = chance.between(-0.1, 1.1) * plate.width
    const y = chance.between(-0.05, 1) * plate.height
    for (let step = 0; step < length; step += 1) {
      lay(
        plate,
        Math.round(x + step * lean),
        Math.round(y + step),
        0.86,
        0.9,
        0.93,
        (0.1 + 0.2 * close) * Math.sin((step / length) * Math.PI),
      )
    }
  }
}

export const fog: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const noise = noiseOf(chance.fork('fog'))
  const [red, green, blue] = near('#d5dcdd', chance, 0.03) as [number, number, number]
  const middle = chance.between(0.45, 0.7)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const band = Math.exp(-(((y / height - middle) / 0.3) ** 2))
      const drift = noise.fbm((x / width) * 2.2, (y / height) * 5, 4)
      const thick = clamp(0.3 + 0.36 * band + drift * 0.4, 0.08, 0.8)
      const index = (y * width + x) * 3
      tones[index] = lerp(tones[index] as number, red, thick)
      tones[index + 1] = lerp(tones[index + 1] as number, green, thick)
      tones[index + 2] = lerp(tones[index + 2] as number, blue, thick)
    }
  }
}

/** Green leaves turn; what is not green gets warmer. */
export const autumn: Look = (plate, chance) => {
  const orange = chance.between(0.42, 0.66)
  grade(plate, (tone, red, green, blue, out) => {
    const leafy = clamp((green - Math.max(red * 0.92, blue)) * 7 + 0.12, 0, 1)
    out[0] = lerp(red * 1.08 + 0.02, clamp(tone * 1.75 + 0.08, 0, 1), leafy)
    out[1] = lerp(green * 0.98, tone * (0.55 + orange * 0.6), leafy)
    out[2] = lerp(blue * 0.8, tone * 0.22, leafy)
  })
}
