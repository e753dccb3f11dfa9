/** Water that mirrors what stands behind it. */
import type { Canvas } from '../base/canvas.ts'
import type { Rgb } from '../base/color.ts'
import { clamp, smoothstep } from '../base/noise.ts'
import type { Frame } from './frame.ts'
import type { WaterMask } from './terrain.ts'

export interface WaterOptions {
  /** The colour of the depth. */
  deep: Rgb
  /** 0 is a mirror, 1 the open sea in wind. */
  waves: number
}

/** Fills what the mask calls water, from the picture above it. */
export function paintWater(
  canvas: Canvas,
  frame: Frame,
  mask: WaterMask,
  options: WaterOptions,
  seconds: number,
): void {
  const { width, height, light } = canvas
  const { horizon, unit, noise, lampX } = frame
  const { deep, waves } = options
  const above = light.slice(0, Math.ceil(horizon) * width * 4)
  const lamp = frame.light.lamp
  const isLampSeen = frame.light.altitude !== null
  const glitterPower = frame.light.isMoon ? 0.35 : 0.9
  const spreadOfGlitter = unit * (0.05 + 0.1 * waves)
  for (let y = Math.floor(horizon); y < height; y += 1) {
    const below = Math.max(0.5, y - horizon)
    const distance = unit / below
    const nearness = below / (height - horizon)
    const mirror = 0.9 - 0.5 * nearness * (0.6 + 0.4 * waves)
    const amplitude = (0.6 + 22 * waves) * Math.sqrt(nearness) * (unit / 900)
    for (let x = 0; x < width; x += 1) {
      const part = mask[y * width + x] as number
      if (part <= 0) continue
      const across = ((x - width / 2) / unit) * distance
      const ripple = waveAt(frame, across, distance, waves, seconds)
      const mirroredY = clamp(horizon - below * (1 + 0.25 * waves) - ripple * amplitude * 2.4, 0, horizon - 1)
      const mirroredX = clamp(x + ripple * amplitude * 0.8, 0, width - 1)
      const source = (Math.round(mirroredY) * width + Math.round(mirroredX)) * 4
      const shine = clamp(mirror + ripple * 0.22 * (0.4 + waves), 0.12, 1)
      const index = (y * width + x) * 4
      let glitter = 0
      if (isLampSeen) {
        const off = (x - lampX) / (spreadOfGlitter * (0.5 + 1.5 * nearness) + unit * 0.02)
        const sparkle = smoothstep(
          0.12 + 0.1 * Math.abs(off),
          0.5,
          ripple + noise.at(across * 9, distance * 30 + seconds) * 0.25,
        )
        glitter = Math.exp(-off * off) * sparkle * glitterPower * (0.35 + 0.65 * waves)
      }
      for (let channel = 0; channel < 3; channel += 1) {
        const seen =
          (above[source + channel] as number) * shine +
          (deep[channel] as number) * (1 - shine) +
          (lamp[channel] as number) * glitter
        light[index + channel] = (light[index + channel] as number) * (1 - part) + seen * part
      }
    }
  }
}

/** The tilt of the water at a place, about -1 to 1; far waves are small to the eye. */
function waveAt({ noise }: Frame, across: number, distance: number, waves: number, seconds: number): number {
  const swell = noise.fbm(across * 1.7 + seconds * 0.12, distance * 5.5 - seconds * 0.5, 3)
  if (waves < 0.15) return swell * 0.8
  const chop = noise.ridged(across * 5 - seconds * 0.25, distance * 12 - seconds * 0.9, 2) - 0.35
  return swell * 0.8 + chop * 0.9 * waves
}
