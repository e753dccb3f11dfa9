/** Other media: oil, pencil, poster. */
import { clamp, lerp, noiseOf } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'
import type { Look } from './look.ts'
import { toneAt } from './plate.ts'
import type { Plate } from './plate.ts'

/** Oil: each place takes the mean of the calmest of four fields around it (Kuwahara), then the weave of the canvas shows. */
export const painting: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const before = tones.slice()
  const step = Math.max(1, Math.round(Math.sqrt(width * height) / 420))
  const mean = new Float32Array(3)
  const best = new Float32Array(3)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let calmest = Infinity
      for (let field = 0; field < 4; field += 1) {
        const rough = fieldMean(
          before,
          width,
          height,
          x,
          y,
          (field & 1) === 0 ? -step : step,
          field < 2 ? -step : step,
          mean,
        )
        if (rough >= calmest) continue
        calmest = rough
        best.set(mean)
      }
      tones.set(best, (y * width + x) * 3)
    }
  }
  weave(plate, chance)
}

/** The mean colour of nine samples, and how much their brightness varies. */
function fieldMean(
  tones: Float32Array,
  width: number,
  height: number,
  x: number,
  y: number,
  stepX: number,
  stepY: number,
  mean: Float32Array,
): number {
  let sum = 0
  let squares = 0
  mean.fill(0)
  for (let row = 0; row < 3; row += 1) {
    const sampleY = clamp(y + row * stepY, 0, height - 1)
    for (let column = 0; column < 3; column += 1) {
      const index = (sampleY * width + clamp(x + column * stepX, 0, width - 1)) * 3
      const tone = toneAt(tones, index)
      sum += tone
      squares += tone * tone
      mean[0] = (mean[0] as number) + (tones[index] as number) / 9
      mean[1] = (mean[1] as number) + (tones[index + 1] as number) / 9
      mean[2] = (mean[2] as number) + (tones[index + 2] as number) / 9
    }
  }
  return squares - (sum * sum) / 9
}

function weave({ width, height, tones }: Plate, chance: Chance): void {
  const noise = noiseOf(chance.fork('weave'))
  const angle = chance.between(-0.6, 0.6)
  const warmth = chance.between(0, 0.06)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const along = x * Math.cos(angle) + y * Math.sin(angle)
      const across = y * Math.cos(angle) - x * Math.sin(angle)
      const bristle = noise.at(along * 0.04, across * 0.42) * 0.022
      const thread = (((x + y) & 3) === 0 ? -0.014 : 0.006) + bristle
      const index = (y * width + x) * 3
      const tone = toneAt(tones, index)
      for (let channel = 0; channel < 3; channel += 1) {
        const own = tones[index + channel] as number
        tones[index + channel] = clamp(
          tone + (own - tone) * 1.32 + thread + (channel === 0 ? warmth : channel === 2 ? -warmth : 0),
          0,
          1,
        )
      }
    }
  }
}

/** Pencil on paper: hatching as dark as the place, lines where it changes. */
export const sketch: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const before = tones.slice()
  const noise = noiseOf(chance.fork('paper'))
  const [red, green, blue] = chance.pick([
    [0.16, 0.16, 0.18],
    [0.32, 0.17, 0.1],
    [0.12, 0.17, 0.32],
  ] as const)
  const paper = [0.965, 0.95, 0.915] as const
  const lean = chance.between(0.5, 1.2)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = (y * width + x) * 3
      const tone = toneAt(before, index)
      const right = toneAt(before, (y * width + Math.min(width - 1, x + 2)) * 3)
      const under = toneAt(before, (Math.min(height - 1, y + 2) * width + x) * 3)
      const line = clamp((Math.abs(tone - right) + Math.abs(tone - under)) * 4.2 - 0.1, 0, 1)
      const tooth = noise.at(x * 0.6, y * 0.6) * 0.12
      const stroke = 0.5 + 0.5 * Math.sin((x + y * lean) * 0.75 + noise.fbm(x * 0.02, y * 0.02, 2) * 9)
      const counter = 0.5 + 0.5 * Math.sin((x * lean - y) * 0.7 + noise.fbm(x * 0.02, y * 0.02 + 9, 2) * 9)
      const hatch =
        clamp((0.9 - tone) * 1.3, 0, 1) * (0.68 + 0.42 * stroke) * 0.82 +
        (tone < 0.35 ? (0.35 - tone) * counter * 1.1 : 0)
      const lead = clamp(Math.max(line * 0.85, hatch) + tooth * (0.3 + hatch), 0, 0.96)
      tones[index] = lerp(paper[0], red, lead)
      tones[index + 1] = lerp(paper[1], green, lead)
      tones[index + 2] = lerp(paper[2], blue, lead)
    }
  }
}

/** A printed poster: few tones, full colours, dots in the shades, dark outlines. */
export const poster: Look = (plate, chance) => {
  const { width, height, tones } = plate
  const before = tones.slice()
  const levels = chance.whole(4, 6)
  const pitch = Math.max(4, Math.round(Math.sqrt(width * height) / 150))
  const turn = chance.between(-0.12, 0.12)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = (y * width + x) * 3
      const tone = toneAt(before, index)
      const right = toneAt(before, (y * width + Math.min(width - 1, x + 2)) * 3)
      const under = toneAt(before, (Math.min(height - 1, y + 2) * width + x) * 3)
      const line = clamp((Math.abs(tone - right) + Math.abs(tone - under)) * 5 - 0.35, 0, 0.9)
      const dotX = ((x + y) % pitch) / pitch - 0.5
      const dotY = ((x - y + pitch * 4_096) % pitch) / pitch - 0.5
      const dot = (0.5 - Math.hypot(dotX, dotY)) * 0.9
      const flat = Math.floor(clamp(tone + dot / levels / 1.6, 0, 0.999) * levels + 0.5) / levels
      for (let channel = 0; channel < 3; channel += 1) {
        const own = before[index + channel] as number
        const next = before[index + ((channel + 1) % 3)] as number
        const full = flat + (own - tone) * 1.75 + turn * (own - next)
        tones[index + channel] = clamp(full * (1 - line) + 0.04 * line, 0, 1)
      }
    }
  }
}
