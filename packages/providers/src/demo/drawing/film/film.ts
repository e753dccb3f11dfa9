/** A clip: the scene painted anew for every frame, while the camera travels, and encoded as H.264. */
import h264 from 'h264-mp4-encoder'
import type { DrawRequest, Drawing } from '../../messages.ts'
import type { Bitmap } from '../base/bitmap.ts'
import { canvasOf } from '../base/canvas.ts'
import { print } from '../base/print.ts'
import type { DrawEvents } from '../draw.ts'
import { previewsOf } from '../previews.ts'
import { paintFront, paintGround, paintHeavens, paintMovingSky, paintStillSky, printOf } from '../scene/paint.ts'
import { sceneOf } from '../scene/scene.ts'
import type { Scene } from '../scene/scene.ts'
import { paintSparks } from '../scene/weather.ts'
import { DIRECTIONS } from './direction.ts'
import type { Direction } from './direction.ts'
import { addBars, addStreak, project } from './lens.ts'
import { mendMp4 } from './mp4.ts'
import { FRAMES_PER_SECOND, comeIn, picturePlayer } from './player.ts'
import type { Player } from './player.ts'

/** A key frame every half second: seeking is quick, and the file hardly larger. */
const GROUP_OF_PICTURES = 12
/** Scenes are painted smaller than the film and enlarged by the lens: it moves, and it has to be done in seconds. */
const SCENE_SCALE = 0.75

/** A clip of exactly the asked length. */
export async function film(request: DrawRequest, input: Bitmap | null, events: DrawEvents): Promise<Drawing> {
  const { width, height, durationSeconds, style } = request
  const direction = DIRECTIONS[style]
  const play = input ? picturePlayer(request, input, direction) : everySecond(await scenePlayer(request, direction))
  const frames = durationSeconds * FRAMES_PER_SECOND
  const encoder = await openEncoder(width, height)
  try {
    const rgba = new Uint8Array(width * height * 4)
    for (let frame = 0; frame < frames; frame += 1) {
      const bitmap = play(frame, frames)
      if (frame === 0) events.previews(await previewsOf(bitmap))
      project(
        bitmap,
        { width, height, rgba },
        input ? 1 : direction.lens(frame / (frames - 1)),
        frame === 0 ? 0 : direction.trail,
      )
      if (direction.isWide) addBars({ width, height, rgba }, input ? comeIn(frame / FRAMES_PER_SECOND) : 1)
      encoder.addFrameRgba(rgba)
      events.progress(0.1 + (0.88 * (frame + 1)) / frames)
    }
  } finally {
    // an encoder that is let go without this takes the whole module down
    encoder.finalize()
  }
  const bytes = mendMp4(encoder.FS.readFile(encoder.outputFilename), frames, GROUP_OF_PICTURES)
  encoder.FS.unlink(encoder.outputFilename)
  encoder.delete()
  return { bytes, contentType: 'video/mp4' }
}

async function openEncoder(width: number, height: number): Promise<h264.H264MP4Encoder> {
  const encoder = await h264.createH264MP4Encoder()
  encoder.width = width
  encoder.height = height
  encoder.frameRate = FRAMES_PER_SECOND
  encoder.quantizationParameter = 23
  // four times as fast as 0, for files of the same size
  encoder.speed = 10
  encoder.groupOfPictures = GROUP_OF_PICTURES
  encoder.initialize()
  return encoder
}

/** Paints every second picture, and puts between two of them what lies between: half the work for the same calm motion. */
function everySecond(play: Player): Player {
  const painted = new Map<number, Bitmap>()
  const paintedAt = (frame: number, frames: number): Bitmap => {
    const bitmap = painted.get(frame) ?? play(frame, frames)
    painted.delete(frame - 2)
    painted.set(frame, bitmap)
    return bitmap
  }
  return (frame, frames) => {
    if (frame % 2 === 0 || frame === frames - 1) return paintedAt(frame, frames)
    return halfway(paintedAt(frame - 1, frames), paintedAt(Math.min(frame + 1, frames - 1), frames))
  }
}

function halfway(from: Bitmap, to: Bitmap): Bitmap {
  return { ...from, pixels: from.pixels.map((value, index) => (value + (to.pixels[index] as number) + 1) >> 1) }
}

/** Plays a scene of words. */
async function scenePlayer({ subject, seed, width, height }: DrawRequest, direction: Direction): Promise<Player> {
  const small = [Math.round(width * SCENE_SCALE), Math.round(height * SCENE_SCALE)] as const
  const scene = await sceneOf(subject, seed, ...small)
  const canvas = canvasOf(...small)
  const still = canvasOf(...small)
  const isOpen = scene.theme.place !== 'silk' && scene.theme.place !== 'space'
  if (isOpen) paintStillSky(still, scene)
  else if (scene.theme.place === 'space') paintHeavens(still, scene, 0)
  const options = { ...printOf(scene, `${subject} ${seed}`), ...direction.grade }
  if (scene.theme.tint?.hue === null) options.saturation = 0
  return (frame, frames) => {
    const seconds = frame / FRAMES_PER_SECOND
    const shot = shotOf(scene, direction, frame / (frames - 1))
    canvas.light.set(still.light)
    if (isOpen) paintMovingSky(canvas, shot, seconds * direction.skySpeed)
    else if (scene.theme.place === 'silk') paintHeavens(canvas, shot, seconds * direction.skySpeed)
    paintGround(canvas, shot, seconds * direction.waterSpeed)
    if (direction.isWide) addStreak(canvas, scene.frame)
    paintFront(canvas, shot, seconds)
    if (direction.sparks) paintSparks(canvas, scene.frame, seconds, direction.sparks)
    return print(canvas, { ...options, seed: options.seed + frame })
  }
}

/** The scene from where the camera is now; a figure on the ground comes closer as we do. */
function shotOf(scene: Scene, direction: Direction, part: number): Scene {
  const { frame, camera, figure } = scene
  const { x, z, height } = direction.travel(part)
  // in front of somebody one walks, and does not fly
  const pace = figure === null ? 1 : 0.3
  const moved = {
    ...camera,
    x: camera.x + x * pace,
    z: camera.z + z * pace,
    height: camera.height + height * pace,
    growth: 1.024,
    detail: -0.6,
  }
  if (!figure || figure.cutout.figure.place === 'sky' || figure.hasBank) return { ...scene, camera: moved }
  const distance = (camera.height * camera.focal) / Math.max(1, figure.foot - frame.horizon)
  const closer = distance / Math.max(0.4 * distance, distance - z * pace)
  const middle = frame.width / 2
  const side = middle + (figure.x - middle) * closer - (x * pace * camera.focal) / distance
  return {
    ...scene,
    camera: moved,
    figure: { ...figure, x: side, foot: frame.horizon + (figure.foot - frame.horizon) * closer },
  }
}
