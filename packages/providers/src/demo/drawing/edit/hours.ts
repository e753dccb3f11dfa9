/** Another hour of the day. */
import { clamp, noiseOf, smoothstep } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'
import { near, shown, toned, unitOf } from './look.ts'
import type { Look } from './look.ts'
import { coarseOf, lay, screenSpot, skyOf } from './plate.ts'
import type { Plate } from './plate.ts'

export const night: Look = (plate, chance) => {
  const sky = skyOf(coarseOf(plate))
  const sun = sunOf(plate)
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
  paintMoon(plate, chance, open, sun)
}

/** Where the sun stands in an open sky, or null where there is none. */
function sunOf(plate: Plate): { x: number; y: number } | null {
  const coarse = coarseOf(plate)
  const { tone, columns, step } = coarse
  const sky = skyOf(coarse)
  const bright = (cell: number): number => ((sky[cell] ?? 0) > 0.2 ? Math.max(0, (tone[cell] ?? 0) - 0.9) : 0)
  const cells = [...tone.keys()].filter(cell => bright(cell) > 0)
  // a whole white sky has no sun in it
  if (cells.length === 0 || cells.length > tone.length / 12) return null
  const most = cells.reduce((best, cell) => (bright(cell) > bright(best) ? cell : best))
  const around = cells.filter(
    cell => Math.abs((cell % columns) - (most % columns)) < 4 && Math.abs(cell - most) < columns * 4,
  )
  const weight = around.reduce((sum, cell) => sum + bright(cell), 0)
  const mean = (place: (cell: number) => number): number =>
    around.reduce((sum, cell) => sum + bright(cell) * place(cell), 0) / weight
  return { x: (mean(cell => cell % columns) + 0.5) * step, y: (mean(cell => Math.floor(cell / columns)) + 0.5) * step }
}

/** The sun becomes the moon; otherwise the moon stands where the sky is open. */
function paintMoon(
  plate: Plate,
  chance: Chance,
  open: (x: number, y: number) => number,
  sun: { x: number; y: number } | null,
): void {
  const unit = unitOf(plate)
  let best = { x: plate.width * 0.75, y: plate.height * 0.18, score: -1, ...sun }
  for (let attempt = 0; attempt < (sun ? 0 : 14); attempt += 1) {
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

/** Warm light from one side, violet shadows. */
export const sunset: Look = (plate, chance) => {
  const sun = sunOf(plate)
  toned(
    plate,
    [near('#1c0f33', chance, 0.03), near('#c4524a', chance), near('#ffd48f', chance)],
    0.6,
    tone => tone ** 1.12,
  )
  const unit = unitOf(plate)
  const x = sun?.x ?? plate.width * chance.pick([chance.between(0.08, 0.3), chance.between(0.7, 0.92)])
  const y = sun?.y ?? plate.height * chance.between(0.26, 0.46)
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
