/** Smooth chance in the plane: the stuff of clouds, mountains and waves. Written for speed; a picture asks it millions of times. */
import type { Chance } from './random.ts'

export interface Noise {
  /** From -1 to 1, changing over distances of about 1. */
  at(x: number, y: number): number
  /** Octaves of `at` on top of each other, each half as large and half as strong; about -1 to 1. */
  fbm(x: number, y: number, octaves: number): number
  /** Sharp crests, as of waves or veins; 0 to 1. */
  ridged(x: number, y: number, octaves: number): number
  /**
   * Ground that water has worked on: steep places get less detail, so that valleys are smooth and crests are rough.
   * About -1 to 1. Octaves may be a fraction, so that detail fades with distance instead of popping.
   */
  eroded(x: number, y: number, octaves: number): number
}

const SIZE = 256
const MASK = SIZE - 1
/** A turn of 37 degrees and a doubling between octaves hides the grid. */
const TURN_COS = 1.6
const TURN_SIN = 1.2

/** The chance value at a whole-numbered place. */
type Corner = (column: number, row: number) => number

/** Noise whose every value follows from the chance it is made with. */
export function noiseOf(chance: Chance): Noise {
  const corner = cornersOf(chance)
  const at = smoothOf(corner)
  return { at, fbm: fbmOf(at), ridged: ridgedOf(at), eroded: erodedOf(corner) }
}

function cornersOf(chance: Chance): Corner {
  const values = new Float32Array(SIZE)
  const order = new Uint8Array(SIZE * 2)
  for (let index = 0; index < SIZE; index += 1) {
    values[index] = chance.between(-1, 1)
    order[index] = index
  }
  for (let index = SIZE - 1; index > 0; index -= 1) {
    const other = chance.whole(0, index)
    const kept = order[index] as number
    order[index] = order[other] as number
    order[other] = kept
  }
  order.copyWithin(SIZE, 0, SIZE)
  return (column, row) => values[order[(order[column & MASK] as number) + (row & MASK)] as number] as number
}

function smoothOf(corner: Corner): Noise['at'] {
  return (x, y) => {
    const column = Math.floor(x)
    const row = Math.floor(y)
    const fx = x - column
    const fy = y - row
    const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
    const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    const a = corner(column, row)
    const b = corner(column + 1, row)
    const c = corner(column, row + 1)
    const d = corner(column + 1, row + 1)
    return a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v
  }
}

function fbmOf(at: Noise['at']): Noise['fbm'] {
  return (x, y, octaves) => {
    let sum = 0
    let strength = 0.5
    for (let octave = 0; octave < octaves; octave += 1) {
      sum += strength * at(x, y)
      strength *= 0.5
      const turned = TURN_COS * x - TURN_SIN * y
      y = TURN_SIN * x + TURN_COS * y + 17.3
      x = turned + 5.1
    }
    return sum
  }
}

function ridgedOf(at: Noise['at']): Noise['ridged'] {
  return (x, y, octaves) => {
    let sum = 0
    let strength = 0.5
    for (let octave = 0; octave < octaves; octave += 1) {
      const crest = 1 - Math.abs(at(x, y))
      sum += strength * crest * crest
      strength *= 0.5
      const turned = TURN_COS * x - TURN_SIN * y
      y = TURN_SIN * x + TURN_COS * y + 9.7
      x = turned + 3.3
    }
    return sum
  }
}

/** The slope of the octaves so far weakens the next ones. */
function erodedOf(corner: Corner): Noise['eroded'] {
  return (x, y, octaves) => {
    let sum = 0
    let strength = 0.5
    let slopeX = 0
    let slopeY = 0
    for (let octave = 0; octave < octaves; octave += 1) {
      const column = Math.floor(x)
      const row = Math.floor(y)
      const fx = x - column
      const fy = y - row
      const u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
      const v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
      const a = corner(column, row)
      const ab = corner(column + 1, row) - a
      const ac = corner(column, row + 1) - a
      const abcd = corner(column + 1, row + 1) - ab - ac - a
      slopeX += 30 * fx * fx * (fx * (fx - 2) + 1) * (ab + abcd * v)
      slopeY += 30 * fy * fy * (fy * (fy - 2) + 1) * (ac + abcd * u)
      const value = a + ab * u + ac * v + abcd * u * v
      sum += (strength * value * Math.min(1, octaves - octave)) / (1 + slopeX * slopeX + slopeY * slopeY)
      strength *= 0.5
      const turned = TURN_COS * x - TURN_SIN * y
      y = TURN_SIN * x + TURN_COS * y + 11.9
      x = turned + 7.7
    }
    return sum
  }
}

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)))
  return t * t * (3 - 2 * t)
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value
}

export function lerp(from: number, to: number, t: number): number {
  return from + (to - from) * t
}
