/** Firs close enough to show their branches: a few cut out of paper, planted many times, each in its own air. */
import sharp from 'sharp'
import { cover } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { clamp, lerp } from '../base/noise.ts'
import { chanceOf, mix } from '../base/random.ts'
import type { Chance } from '../base/random.ts'
import type { Frame } from './frame.ts'
import type { Season } from './ground/soil.ts'
import { airOf } from './sky.ts'
import type { Camera, Terrain } from './terrain.ts'

/** A tree as drawn: how dark each pixel is, how much snow lies on it, how much it covers. */
interface Paper {
  width: number
  height: number
  /** Three numbers a pixel: tone, snow, cover. */
  pixels: Float32Array
}

const PAPER_HEIGHT = 420
const PAPER_WIDTH = 220
const VARIANTS = 5

/** Tone in red, snow in green: the shapes of one fir, tiers of hanging branches from the top down. */
function firSvg(chance: Chance, isSnowy: boolean): string {
  const parts: string[] = [`<rect x="106" y="330" width="8" height="86" fill="rgb(50,0,0)"/>`]
  const tiers = chance.whole(9, 12)
  for (let tier = tiers - 1; tier >= 0; tier -= 1) {
    const down = (tier + 1) / tiers
    const top = 6 + 340 * (tier / tiers) ** 1.05
    const foot = top + 36 + 34 * down
    const half = (8 + 88 * down ** 0.9) * chance.between(0.82, 1.08)
    const tone = Math.round(95 + 60 * chance.next())
    parts.push(`<path fill="rgb(${tone},0,0)" d="${tierPath(chance, top, foot, half, 1)}"/>`)
    parts.push(`<path fill="rgb(${tone - 40},0,0)" d="${tierPath(chance, top + 14, foot + 3, half * 0.82, 0.5)}"/>`)
    if (isSnowy && chance.next() < 0.9)
      parts.push(
        `<path fill="rgb(${tone},235,0)" d="${tierPath(chance, top, top + (foot - top) * chance.between(0.45, 0.75), half * chance.between(0.6, 0.85), 0.7)}"/>`,
      )
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PAPER_WIDTH} ${PAPER_HEIGHT}">${parts.join('')}</svg>`
}

/** One tier: from the stem out to the left tip, a ragged hem, and back from the right tip. */
function tierPath(chance: Chance, top: number, foot: number, half: number, depth: number): string {
  const middle = PAPER_WIDTH / 2
  const points: string[] = [`M${middle} ${top.toFixed(1)}`]
  const fringes = Math.max(4, Math.round(half / 7))
  for (let fringe = 0; fringe <= fringes; fringe += 1) {
    const across = (fringe / fringes) * 2 - 1
    const x = middle + across * half
    const hang = foot - (1 - Math.abs(across)) * 4 + chance.between(-7, 8) * depth
    if (fringe > 0) points.push(`L${(x - half / fringes).toFixed(1)} ${(hang - 13 * depth - 6).toFixed(1)}`)
    points.push(`L${(x + chance.between(-2, 2)).toFixed(1)} ${hang.toFixed(1)}`)
  }
  return `${points.join(' ')} Z`
}

/** Cuts the variants. */
export async function cutFirs(chance: Chance, season: Season): Promise<Paper[]> {
  const papers: Paper[] = []
  for (let variant = 0; variant < VARIANTS; variant += 1) {
    const svg = firSvg(chance, season === 'winter')
    const bytes = await sharp(Buffer.from(svg)).resize(PAPER_WIDTH, PAPER_HEIGHT).ensureAlpha().raw().toBuffer()
    const pixels = new Float32Array(PAPER_WIDTH * PAPER_HEIGHT * 3)
    for (let index = 0; index < PAPER_WIDTH * PAPER_HEIGHT; index += 1) {
      const alpha = (bytes[index * 4 + 3] as number) / 255
      pixels[index * 3] = ((bytes[index * 4] as number) / 255) * alpha
      pixels[index * 3 + 1] = ((bytes[index * 4 + 1] as number) / 255) * alpha
      pixels[index * 3 + 2] = alpha
    }
    papers.push({ width: PAPER_WIDTH, height: PAPER_HEIGHT, pixels })
  }
  return papers
}

export interface Grove {
  papers: readonly Paper[]
  /** Whether a fir may stand there, 0..1. */
  density(x: number, z: number): number
  /** In the ground's units. */
  treeHeight: number
  nearest: number
  farthest: number
  colors: readonly Rgb[]
}

/** Distance between places where a fir may stand. */
const SPACING = 0.26

/** Plants a grove on the ground, the farthest trees first. Where each stands does not change when the camera moves. */
export function paintGrove(canvas: Canvas, frame: Frame, terrain: Terrain, camera: Camera, grove: Grove): void {
  const air = airOf(frame)
  const middle = canvas.width / 2
  for (
    let row = Math.floor((camera.z + grove.farthest) / SPACING);
    (row - 1) * SPACING > camera.z + grove.nearest;
    row -= 1
  ) {
    const reach = (middle * (row * SPACING - camera.z)) / camera.focal + grove.treeHeight
    const last = Math.ceil((camera.x + reach) / SPACING)
    for (let column = Math.floor((camera.x - reach) / SPACING); column <= last; column += 1) {
      const chance = chanceOf(mix(Math.imul(column, 7_919) ^ Math.imul(row, 104_729)))
      const x = (column + chance.between(-0.5, 0.5)) * SPACING
      const z = (row + chance.between(-0.5, 0.5)) * SPACING
      if (grove.density(x, z) < 0.35 + chance.next() * 0.5) continue
      const distance = z - camera.z
      const foot = frame.horizon + ((camera.height - terrain.height(x, z, 4)) * camera.focal) / distance
      const height = (grove.treeHeight * chance.between(0.6, 1.15) * camera.focal) / distance
      const dress: Dress = {
        paper: chance.pick(grove.papers),
        color: chance.pick(grove.colors),
        haze: 1 - Math.exp(-distance * terrain.haze * 1.1),
        air,
      }
      plant(canvas, frame, dress, middle + ((x - camera.x) * camera.focal) / distance, foot, height)
    }
  }
}

interface Dress {
  paper: Paper
  color: Rgb
  /** Part of the colour that the air takes. */
  haze: number
  air: Float32Array
}

function plant(
  canvas: Canvas,
  frame: Frame,
  { paper, color, haze, air }: Dress,
  x: number,
  foot: number,
  height: number,
): void {
  const { direct, ambient } = frame.light
  const scale = paper.height / height
  const width = paper.width / scale
  const left = Math.round(x - width / 2)
  const top = Math.round(foot - height * 0.97)
  const towards = clamp((frame.lampX - x) / (frame.unit * 0.4), -1, 1)
  const shown: Rgb = [0, 0, 0]
  for (let row = Math.max(0, -top); row < height && top + row < canvas.height; row += 1) {
    const sourceRow = Math.min(paper.height - 1, Math.floor(row * scale))
    // mist gathers at the feet
    const mist = haze + (1 - haze) * clamp(haze * 1.6, 0, 1) * (row / height) ** 2 * 0.6
    for (let column = Math.max(0, -left); column < width && left + column < canvas.width; column += 1) {
      const source = (sourceRow * paper.width + Math.min(paper.width - 1, Math.floor(column * scale))) * 3
      const alpha = paper.pixels[source + 2] as number
      if (alpha < 0.02) continue
      const tone = (paper.pixels[source] as number) / alpha
      const snow = (paper.pixels[source + 1] as number) / alpha
      const side = 0.5 + (column / width - 0.5) * 1.3 * towards
      const pixel = left + column
      for (let channel = 0; channel < 3; channel += 1) {
        const light = (ambient[channel] as number) * 0.95 + (direct[channel] as number) * clamp(side * 0.62, 0.04, 0.7)
        const own = lerp((color[channel] as number) * tone * 2, SNOW[channel] as number, snow)
        shown[channel] = lerp(own * light, air[pixel * 3 + channel] as number, mist)
      }
      cover(canvas, pixel, top + row, shown[0], shown[1], shown[2], alpha)
    }
  }
}

const SNOW = hex('#e9f0f8')
