/** Ways to change a picture: its hour, its weather, its film. All keep light light and dark dark, so that it stays the same picture. */
import { hex, toByte } from './color.ts'
import { clamp, lerp, noiseOf, smoothstep } from './noise.ts'
import type { Noise } from './noise.ts'
import { coarseOf, grade, lay, screenSpot, skyOf } from './plate.ts'
import type { Plate } from './plate.ts'
import type { Chance } from './random.ts'

/** Changes a plate in place. */
export type Look = (plate: Plate, chance: Chance) => void

const shown = (text: string): number[] => hex(text).map(light => toByte(light) / 255)
const unitOf = ({ width, height }: Plate): number => Math.sqrt(width * height)

/** A hue that wanders a little with every prompt. */
function near(color: string, chance: Chance, by = 0.05): number[] {
  return shown(color).map(part => clamp(part + chance.between(-by, by), 0, 1))
}

/** Colours for dark, middle and light tones; mixed in by `strength`. */
function toned(plate: Plate, colors: readonly number[][], strength: number, curve: (tone: number) => number): void {
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

export const night: Look = (plate, chance) => {
  const sky = skyOf(coarseOf(plate))
  toned(
    plate,
    [near('#03060f', chance, 0.01), near('#1d3358', chance), near('#9db8dc', chance)],
    0.72,
    tone => 0.03 + 0.66 * tone ** 1.55,
  )
  const unit = unitOf(plate)
  const step = 16
  const columns = Math.ceil(plate.width / step)
  const open = (x: number, y: number): number => sky[Math.floor(y / step) * columns + Math.floor(x / step)] ?? 0
  for (let star = 0; star < 700; star += 1) {
    const x = chance.between(0, plate.width - 1)
    const y = chance.between(0, plate.height * 0.7)
    const bright = chance.next() ** 6
    const seen = open(x, y)
    if (seen > 0.35)
      screenSpot(plate, x, y, unit * (0.0009 + 0.0016 * bright), [0.9, 0.94, 1], (0.35 + 0.65 * bright) * seen)
  }
  paintMoon(plate, chance, open)
}

function paintMoon(plate: Plate, chance: Chance, open: (x: number, y: number) => number): void {
  const unit = unitOf(plate)
  let best = { x: plate.width * 0.75, y: plate.height * 0.18, score: -1 }
  for (let attempt = 0; attempt < 14; attempt += 1) {
    const x = plate.width * chance.between(0.14, 0.86)
    const y = plate.height * chance.between(0.1, 0.3)
    const score = open(x, y) + open(x - unit * 0.05, y) + open(x + unit * 0.05, y) + chance.between(0, 0.3)
    if (score > best.score) best = { x, y, score }
  }
  const radius = unit * chance.between(0.028, 0.045)
  const noise = noiseOf(chance.fork('moon'))
  screenSpot(plate, best.x, best.y, radius * 5, [0.5, 0.62, 0.85], 0.3)
  for (let row = -Math.ceil(radius); row <= radius; row += 1) {
    for (let column = -Math.ceil(radius); column <= radius; column += 1) {
      const inside = clamp(radius - Math.hypot(column, row) + 0.5, 0, 1)
      const seas = 0.82 + 0.16 * smoothstep(-0.25, 0.2, noise.fbm((column / radius) * 1.2, (row / radius) * 1.2, 4))
      lay(plate, Math.round(best.x) + column, Math.round(best.y) + row, 0.97 * seas, 0.98 * seas, seas, inside)
    }
  }
}

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
      const cover = clamp((0.18 + 0.5 * low + facing * 2.6 + drift) * depth, 0, 0.93) * (1 - open * 0.75)
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

/** Warm light from one side, violet shadows. */
export const sunset: Look = (plate, chance) => {
  toned(
    plate,
    [near('#1c0f33', chance, 0.03), near('#c4524a', chance), near('#ffd48f', chance)],
    0.6,
    tone => tone ** 1.12,
  )
  const unit = unitOf(plate)
  const x = plate.width * chance.pick([chance.between(0.08, 0.3), chance.between(0.7, 0.92)])
  const y = plate.height * chance.between(0.26, 0.46)
  screenSpot(plate, x, y, unit * 0.5, shown('#ff7a3a'), 0.34)
  screenSpot(plate, x, y, unit * 0.2, shown('#ffb45e'), 0.5)
  screenSpot(plate, x, y, unit * 0.055, shown('#fff0c8'), 1)
}

export const dawn: Look = (plate, chance) => {
  toned(
    plate,
    [near('#3a3f66', chance, 0.03), near('#d39aa8', chance), near('#fff0d8', chance)],
    0.66,
    tone => 0.08 + 0.9 * tone ** 0.95,
  )
  screenSpot(
    plate,
    plate.width * chance.between(0.2, 0.8),
    plate.height * 0.35,
    unitOf(plate) * 0.45,
    shown('#ffd9b8'),
    0.35,
  )
}

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
  const noise: Noise = noiseOf(chance.fork('fog'))
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
