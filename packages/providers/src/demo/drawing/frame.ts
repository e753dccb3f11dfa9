import type { Canvas } from './canvas.ts'
import type { Light } from './light.ts'
import type { Noise } from './noise.ts'
import type { Chance } from './random.ts'

/** What every part of a picture draws from. */
export interface Frame {
  width: number
  height: number
  /** The side of a square of the same area: sizes that should look alike in every format are parts of it. */
  unit: number
  /** The row of the horizon. */
  horizon: number
  /** Where the lamp stands; below the horizon or outside where it is not seen. */
  lampX: number
  lampY: number
  light: Light
  noise: Noise
  chance: Chance
}

/** A part of a picture. Parts are drawn from the farthest to the nearest; seconds move what moves. */
export type Part = (canvas: Canvas, seconds: number) => void
