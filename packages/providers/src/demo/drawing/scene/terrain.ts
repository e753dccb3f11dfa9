/**
 * Ground in perspective. Every column of the picture is a walk away from the camera: heights are asked at distances that
 * grow by a constant factor, and each stretch of ground that is not hidden behind a nearer one covers its rows exactly,
 * so that ridges have no steps.
 */
import type { Canvas } from '../base/canvas.ts'
import type { Rgb } from '../base/color.ts'
import { clamp, lerp } from '../base/noise.ts'
import type { Frame } from './frame.ts'
import { airOf } from './sky.ts'

export interface Terrain {
  /** Height above the water at a place; `octaves` of detail are enough there. */
  height(x: number, z: number, octaves: number): number
  /** What colour the ground has, before light falls on it; `up` is 1 for flat ground and 0 for a wall. */
  surface(x: number, z: number, height: number, up: number, out: Rgb): void
  /** Places below height 0 are water. */
  hasWater: boolean
  /** How much air there is to look through at distance 1. */
  haze: number
  /** Mist lies below this height. */
  mist: number
}

export interface Camera {
  x: number
  z: number
  /** Above the water. */
  height: number
  /** Pixels that a thing of size 1 at distance 1 covers. */
  focal: number
  near: number
  far: number
  /** Distances grow by this factor from step to step. */
  growth: number
  /** Octaves of detail more than a pixel needs, or fewer where it has to be quick. */
  detail: number
}

/** How much of each pixel is water, 0..1. */
export type WaterMask = Float32Array

interface Walk {
  distances: Float32Array
  octaves: Float32Array
  /** Part of the ground's colour that the air takes, by distance. */
  air: Float32Array
  /** The colour of the air, by column. */
  haze: Float32Array
}

function walkOf(frame: Frame, terrain: Terrain, camera: Camera): Walk {
  const steps = Math.ceil(Math.log(camera.far / camera.near) / Math.log(camera.growth))
  const distances = new Float32Array(steps)
  const octaves = new Float32Array(steps)
  const air = new Float32Array(steps)
  for (let step = 0; step < steps; step += 1) {
    const distance = camera.near * camera.growth ** step
    distances[step] = distance
    // detail smaller than a pixel would only flicker
    octaves[step] = clamp(Math.log2(camera.focal / distance) + camera.detail, 2, 11)
    air[step] = 1 - Math.exp(-distance * terrain.haze)
  }
  return { distances, octaves, air, haze: airOf(frame) }
}

/** All that a column needs, so that nothing is made anew for each. */
interface Painter {
  canvas: Canvas
  frame: Frame
  terrain: Terrain
  camera: Camera
  walk: Walk
  mask: WaterMask
  /** 1 where columns go from left to right, -1 where from right to left: always away from the lamp. */
  side: number
  heights: Float32Array
  /** Heights of the column before, for the slope sideways. */
  before: Float32Array
  /** How high the shadow stands at each distance: the light comes from the side. */
  shadow: Float32Array
  /** Light and cover of the rows of one column. */
  rows: Float32Array
  haze: Rgb
  color: Rgb
}

/** Paints the ground over the sky, and says where water is. */
export function paintTerrain(canvas: Canvas, frame: Frame, terrain: Terrain, camera: Camera): WaterMask {
  const { width, height } = canvas
  const walk = walkOf(frame, terrain, camera)
  const steps = walk.distances.length
  const fromLeft = frame.lampX < width / 2
  const painter: Painter = {
    canvas,
    frame,
    terrain,
    camera,
    walk,
    mask: new Float32Array(width * height),
    side: fromLeft ? 1 : -1,
    heights: new Float32Array(steps),
    before: new Float32Array(steps),
    shadow: new Float32Array(steps).fill(-1e9),
    rows: new Float32Array(height * 4),
    haze: [0, 0, 0],
    color: [0, 0, 0],
  }
  const slantOf = (index: number): number => ((fromLeft ? index : width - 1 - index) - width / 2) / camera.focal
  // a few columns outside the picture cast shadows into it
  for (let index = -Math.round(width * 0.12); index < -1; index += OUTSIDE_STEP) {
    measure(painter, slantOf(index))
    castShadow(painter, OUTSIDE_STEP)
  }
  for (let index = -1; index < width; index += 1) {
    measure(painter, slantOf(index))
    castShadow(painter, 1)
    if (index >= 0) paintColumn(painter, fromLeft ? index : width - 1 - index)
    const { before } = painter
    painter.before = painter.heights
    painter.heights = before
  }
  return painter.mask
}

/** Outside the picture every fourth column is enough. */
const OUTSIDE_STEP = 4

function measure({ terrain, camera, walk, heights }: Painter, slant: number): void {
  const { distances, octaves } = walk
  for (let step = 0; step < distances.length; step += 1) {
    const distance = distances[step] as number
    heights[step] = terrain.height(camera.x + slant * distance, camera.z + distance, octaves[step] as number)
  }
}

/** The shadow sinks with every column away from what casts it. */
function castShadow({ frame, camera, walk, heights, shadow }: Painter, columns: number): void {
  const sinking = (0.35 + 0.9 * (frame.light.altitude ?? 1)) * columns
  for (let step = 0; step < shadow.length; step += 1) {
    const sunk = (shadow[step] as number) - (sinking * (walk.distances[step] as number)) / camera.focal
    shadow[step] = Math.max(sunk, heights[step] as number)
  }
}

/** A stretch of ground that covers more rows than this is looked at more closely. */
const CLOSE_ROWS = 2.5
const MAX_CLOSER_LOOKS = 24

/** One column, from near to far: what is visible of each stretch is added to the rows it covers. */
function paintColumn(painter: Painter, x: number): void {
  const { canvas, terrain, camera, walk, heights, rows, haze } = painter
  const { distances } = walk
  rows.fill(0)
  for (let channel = 0; channel < 3; channel += 1) haze[channel] = walk.haze[x * 3 + channel] as number
  const slant = (x - canvas.width / 2) / camera.focal
  let lowest = canvas.height
  for (let step = 0; step < distances.length - 1 && lowest > 0; step += 1) {
    const near = distances[step] as number
    const far = distances[step + 1] as number
    const row = rowOf(painter, heights[step + 1] as number, far)
    if (row >= lowest) continue
    const looks = Math.min(
      MAX_CLOSER_LOOKS,
      Math.ceil((Math.min(lowest, rowOf(painter, heights[step] as number, near)) - row) / CLOSE_ROWS),
    )
    let ground = heights[step] as number
    for (let look = 1; look <= looks; look += 1) {
      const distance = near + ((far - near) * look) / looks
      const isLast = look === looks
      const before = ground
      const octaves = lerp(walk.octaves[step] as number, walk.octaves[step + 1] as number, look / looks)
      ground = isLast
        ? (heights[step + 1] as number)
        : terrain.height(camera.x + slant * distance, camera.z + distance, octaves)
      const top = Math.max(0, rowOf(painter, ground, distance))
      if (top >= lowest) continue
      const isWater = terrain.hasWater && ground <= 0
      if (!isWater) {
        const beside = isLast
          ? (painter.before[step + 1] as number)
          : terrain.height(camera.x + (slant - painter.side / camera.focal) * distance, camera.z + distance, octaves)
        const across = (painter.side * (ground - beside) * camera.focal) / distance
        const away = ((ground - before) * looks) / (far - near)
        const shadow = lerp(painter.shadow[step] as number, painter.shadow[step + 1] as number, look / looks)
        terrainColor(painter, { distance, slant, ground, across, away, shadow, air: walk.air[step + 1] as number })
      }
      coverRows(painter, x, top, lowest, isWater)
      lowest = top
    }
  }
  settle(canvas, rows, x, Math.floor(lowest))
}

function rowOf({ frame, terrain, camera }: Painter, ground: number, distance: number): number {
  const shown = terrain.hasWater && ground < 0 ? 0 : ground
  return frame.horizon + ((camera.height - shown) * camera.focal) / distance
}

/** Adds the colour to the rows between two heights, to the first and last only the part that is covered. */
function coverRows(
  { canvas, rows, mask, color }: Painter,
  x: number,
  top: number,
  bottom: number,
  isWater: boolean,
): void {
  for (let y = Math.floor(top); y < bottom; y += 1) {
    const part = Math.min(y + 1, bottom) - Math.max(y, top)
    if (part <= 0) continue
    const index = y * 4
    rows[index + 3] = (rows[index + 3] as number) + part
    if (isWater) {
      mask[y * canvas.width + x] = (mask[y * canvas.width + x] as number) + part
      continue
    }
    rows[index] = (rows[index] as number) + color[0] * part
    rows[index + 1] = (rows[index + 1] as number) + color[1] * part
    rows[index + 2] = (rows[index + 2] as number) + color[2] * part
  }
}

/** Lays a finished column over what stands behind it. */
function settle({ width, height, light }: Canvas, rows: Float32Array, x: number, from: number): void {
  for (let y = from; y < height; y += 1) {
    const index = (y * width + x) * 4
    const rest = 1 - Math.min(1, rows[y * 4 + 3] as number)
    for (let channel = 0; channel < 3; channel += 1) {
      light[index + channel] = (light[index + channel] as number) * rest + (rows[y * 4 + channel] as number)
    }
  }
}

/** A place on the ground as one column sees it. */
interface Place {
  distance: number
  /** Sideways, per distance. */
  slant: number
  ground: number
  /** The slope sideways, away from the lamp, and away from the camera. */
  across: number
  away: number
  /** How high the shadow stands there. */
  shadow: number
  /** The part of its colour that the air takes. */
  air: number
}

/** The colour of a place as it arrives at the camera. */
function terrainColor({ frame, terrain, camera, side, haze, color }: Painter, place: Place): void {
  const { distance, slant, ground, across, away, air } = place
  const up = 1 / Math.sqrt(1 + across * across + away * away)
  terrain.surface(camera.x + slant * distance, camera.z + distance, ground, up, color)

  const { direct, ambient } = frame.light
  const rise = 0.4 + 0.7 * (frame.light.altitude ?? 1)
  // the lamp stands to the side and a little behind what we see
  const facing = clamp((across * side * 0.9 + rise - away * 0.12) * up, 0, 1.4) / 1.25
  const lit = clamp(1 - (place.shadow - ground) / (0.012 * distance + 0.01), 0, 1)
  const sky = 0.45 + 0.55 * up
  const mist = air + (1 - air) * clamp(1 - ground / terrain.mist, 0, 1) * clamp(distance * terrain.haze * 2, 0, 1) * 0.5
  for (let channel = 0; channel < 3; channel += 1) {
    const light = (direct[channel] as number) * facing * lit + (ambient[channel] as number) * sky
    const arriving = (color[channel] as number) * light
    color[channel] = arriving + ((haze[channel] as number) - arriving) * mist
  }
}
