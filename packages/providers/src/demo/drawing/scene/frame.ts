import type { Noise } from '../base/noise.ts'
import type { Chance } from '../base/random.ts'
import type { Light } from './light.ts'

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
