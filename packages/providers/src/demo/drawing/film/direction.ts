/** How a clip is shot in each style: where the camera goes, how fast the sky moves, how the film is graded. */
import type { Style } from '../../order.ts'
import type { PrintOptions } from '../base/print.ts'

export interface Direction {
  /** Where the camera is after a part (0..1) of the clip: sideways, forward and up, in the ground's units. */
  travel(part: number): { x: number; z: number; height: number }
  /** How much of the picture is shown, 1 is all: below 1 the lens is closer. */
  lens(part: number): number
  /** Seconds of sky in a second of film. */
  skySpeed: number
  /** Seconds of water in a second of film. */
  waterSpeed: number
  grade: Partial<PrintOptions>
  /** Part of the frame before that stays, as in a long exposure. */
  trail: number
  /** Sparks in the air. */
  sparks: { color: string; count: number; rising: number } | null
  /** Black bars above and below, and a streak of light across the lamp, as from a wide lens. */
  isWide: boolean
}

const ease = (part: number): number => part * part * (3 - 2 * part)

export const DIRECTIONS: Record<Style, Direction> = {
  /** Slow, soft, in pastel, with light in the air. */
  lovely: {
    travel: part => ({
      x: 0.14 * Math.sin(part * Math.PI * 0.8),
      z: 0.5 * ease(part),
      height: 0.03 * Math.sin(part * Math.PI),
    }),
    lens: part => 1 - 0.04 * ease(part),
    skySpeed: 1.5,
    waterSpeed: 0.8,
    grade: {
      contrast: 0.95,
      saturation: 1.12,
      bloom: 1,
      vignette: 0.06,
      grain: 0.005,
      shadows: [0.085, 0.045, 0.125],
      lights: [0.06, 0.02, 0.03],
    },
    trail: 0.12,
    sparks: { color: '#ffd9c0', count: 60, rising: 0.05 },
    isWide: false,
  },
  /** Fast and bright: a flight, with the clouds in time lapse. */
  express: {
    travel: part => ({
      x: 0.5 * Math.sin(part * Math.PI * 2),
      z: 3.2 * part,
      height: 0.12 * Math.sin(part * Math.PI * 2) ** 2,
    }),
    lens: part => 0.96 - 0.06 * Math.sin(part * Math.PI),
    skySpeed: 16,
    waterSpeed: 2.4,
    grade: { contrast: 1.55, saturation: 1.45, bloom: 0.3, vignette: 0.3, grain: 0.004 },
    trail: 0.38,
    sparks: null,
    isWide: false,
  },
  /** A slow crane shot on wide film: deep blacks, teal shadows, amber light. */
  elite: {
    travel: part => ({ x: -0.2 + 0.4 * ease(part), z: 0.25 * part, height: 0.3 * ease(part) }),
    lens: part => 0.92 + 0.06 * ease(part),
    skySpeed: 2.5,
    waterSpeed: 0.7,
    grade: {
      contrast: 1.7,
      saturation: 0.72,
      bloom: 0.5,
      vignette: 0.6,
      grain: 0.014,
      shadows: [-0.05, 0.0, 0.035],
      lights: [0.06, 0.02, -0.05],
    },
    trail: 0,
    sparks: null,
    isWide: true,
  },
}
