/** Paints a scene, from the farthest to the nearest. */
import type { DrawRequest } from '../../messages.ts'
import type { Bitmap } from '../base/bitmap.ts'
import { canvasOf } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex, mixed } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { clamp } from '../base/noise.ts'
import { PLAIN_PRINT, print } from '../base/print.ts'
import type { PrintOptions } from '../base/print.ts'
import { hashOf } from '../base/random.ts'
import { paintBlades } from './blades.ts'
import { paintCity } from './city.ts'
import { paintFigure } from './figure.ts'
import { paintGrove } from './firs.ts'
import type { Frame } from './frame.ts'
import { growGrass, paintRidge, topsOf } from './ridge.ts'
import { sceneOf } from './scene.ts'
import type { Scene } from './scene.ts'
import { paintSilk } from './silk.ts'
import { paintAurora, paintClouds, paintLamp, paintMilkyWay, paintSky, paintStars } from './sky.ts'
import { paintSpace } from './space.ts'
import { paintTerrain } from './terrain.ts'
import { paintWater } from './water.ts'
import { paintRain, paintSnow, paintSparks } from './weather.ts'

/** A picture from words and a seed. */
export async function paint(request: DrawRequest): Promise<Bitmap> {
  const { subject, seed, width, height } = request
  const scene = await sceneOf(subject, seed, width, height)
  const canvas = canvasOf(width, height)
  paintHeavens(canvas, scene, 0)
  paintGround(canvas, scene, 0)
  paintFront(canvas, scene, 0)
  return print(canvas, printOf(scene, `${subject} ${seed}`))
}

/** What is above and behind everything. */
export function paintHeavens(canvas: Canvas, scene: Scene, seconds: number): void {
  const { theme, frame } = scene
  if (theme.place === 'silk') return paintSilk(canvas, frame, theme.tint, seconds)
  if (theme.place === 'space') return paintSpace(canvas, frame, theme.tint, seconds)
  paintStillSky(canvas, scene)
  paintMovingSky(canvas, scene, seconds)
}

/** The part of the sky that stands still for some seconds. */
export function paintStillSky(canvas: Canvas, { frame }: Scene): void {
  paintSky(canvas, frame)
  paintMilkyWay(canvas, frame)
  paintStars(canvas, frame)
  paintLamp(canvas, frame)
}

/** The part that moves. */
export function paintMovingSky(canvas: Canvas, { theme, frame }: Scene, seconds: number): void {
  if (theme.hasAurora) paintAurora(canvas, frame, seconds)
  const streaks = frame.chance.fork('clouds').next()
  const amount = theme.hasAurora ? Math.min(theme.clouds, 0.15) : theme.clouds
  paintClouds(canvas, frame, seconds, { amount, streaks })
}

/** The land, its water, and the town. */
export function paintGround(canvas: Canvas, scene: Scene, seconds: number): void {
  const { theme, frame, terrain, camera, waves, deep, grove } = scene
  if (theme.place === 'city') {
    paintCity(canvas, frame, frame.horizon)
    const { width, height, horizon } = frame
    const mask = new Float32Array(width * height).fill(1, horizon * width)
    paintWater(canvas, frame, mask, { deep, waves }, seconds)
  }
  if (!terrain) return
  const mask = paintTerrain(canvas, frame, terrain, camera)
  if (terrain.hasWater) paintWater(canvas, frame, mask, { deep, waves }, seconds)
  if (grove) paintGrove(canvas, frame, terrain, camera, grove)
  if (theme.place === 'meadow') paintBlades(canvas, frame, terrain, camera, theme.season, 0.8)
  if (theme.place === 'forest') paintBlades(canvas, frame, terrain, camera, theme.season, 0.16)
}

/** What stands close by, and what falls in front of it. */
export function paintFront(canvas: Canvas, { theme, frame, figure }: Scene, seconds: number): void {
  if (figure?.hasBank) paintBank(canvas, frame, theme.season === 'winter', figure.foot)
  if (figure) paintFigure(canvas, frame, figure.cutout, figure.x, figure.foot)
  if (theme.isSnowing) paintSnow(canvas, frame, seconds)
  if (theme.isRaining) paintRain(canvas, frame, seconds)
  const isWarmNight = (frame.light.hour === 'dusk' || frame.light.hour === 'night') && theme.season !== 'winter'
  if (isWarmNight && (theme.place === 'forest' || theme.place === 'meadow')) {
    paintSparks(canvas, frame, seconds, { color: '#ffe27a', count: 46, rising: 0.02 })
  }
}

/** A bank of grass or snow to stand on. */
function paintBank(canvas: Canvas, frame: Frame, isWinter: boolean, foot: number): void {
  const { width, unit, noise, light, lampX } = frame
  const chance = frame.chance.fork('bank')
  const phase = chance.between(0, 50)
  const line = (x: number): number => foot - unit * 0.012 + noise.fbm((x / unit) * 1.6 + phase, 2, 3) * unit * 0.05
  const tops = topsOf(width, line)
  if (!isWinter) growGrass(tops, unit * 0.05, unit * 0.006, chance)
  const own = isWinter ? hex('#e6edf6') : mixed(hex('#33491f'), hex('#5d6a2c'), chance.next())
  const lit = own.map(
    (part, channel) => part * ((light.ambient[channel] ?? 0) * 0.8 + (light.direct[channel] ?? 0) * 0.42),
  ) as Rgb
  const deep = isWinter ? 0.5 : 0.16
  paintRidge(canvas, tops, (x, y, _below, out) => {
    const sunk = clamp((y - line(x)) / (unit * 0.16), 0, 1)
    const towards = Math.exp(-(((x - lampX) / unit / 0.7) ** 2))
    const texture = 0.85 + 0.3 * noise.fbm(x * 0.05, y * 0.11, 3)
    const strength = (1 - (1 - deep) * sunk) * texture * (0.75 + 0.5 * towards)
    for (let channel = 0; channel < 3; channel += 1) out[channel] = (lit[channel] as number) * strength
  })
}

/** How a scene is printed: night and mist want less contrast than a clear day. */
export function printOf({ theme, frame }: Scene, name: string): PrintOptions {
  const isGrey = theme.tint?.hue === null
  return {
    ...PLAIN_PRINT,
    contrast: isGrey ? 1.5 : theme.isMisty ? 1.02 : 1.14,
    saturation: isGrey ? 0 : theme.place === 'city' ? 1.05 : 1.08,
    bloom: frame.light.isMoon || theme.place === 'space' ? 0.5 : 0.35,
    grain: isGrey ? 0.045 : 0.02,
    seed: hashOf(name),
  }
}
