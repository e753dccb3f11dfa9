/** Grass and flowers close to the camera, blade by blade. */
import { cover } from '../base/canvas.ts'
import type { Canvas } from '../base/canvas.ts'
import { hex } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { clamp, smoothstep } from '../base/noise.ts'
import { chanceOf, mix } from '../base/random.ts'
import type { Chance } from '../base/random.ts'
import type { Frame } from './frame.ts'
import type { Season } from './ground/soil.ts'
import { airOf } from './sky.ts'
import type { Camera, Terrain } from './terrain.ts'

interface Growth {
  blades: readonly Rgb[]
  flowers: readonly Rgb[]
}

const GROWTHS: Record<Exclude<Season, 'winter'>, Growth> = {
  summer: {
    blades: ['#4d6f2a', '#6b8a36', '#8f9a44', '#3c5c26'].map(hex),
    flowers: ['#d8382e', '#e0503a', '#f0e6d8', '#5f6fc4'].map(hex),
  },
  spring: {
    blades: ['#5f8a30', '#7da43c', '#96b24c', '#4a7428'].map(hex),
    flowers: ['#e88bb4', '#f2b8d0', '#fff4f0', '#f0d05a', '#a98ad8'].map(hex),
  },
  autumn: {
    blades: ['#8c7430', '#a8863a', '#6f6a30', '#b89a4c'].map(hex),
    flowers: ['#b8542a', '#d08a3a', '#8c3c30'].map(hex),
  },
}

const SPACING = 0.05
const NEAREST = 0.5
const FARTHEST = 4.5
/** Height of grass, in the ground's units. */
const TALL = 0.05

/** Grows a meadow in front, the farthest blades first. Where each stands does not change when the camera moves. */
export function paintBlades(
  canvas: Canvas,
  frame: Frame,
  terrain: Terrain,
  camera: Camera,
  season: Season,
  lushness: number,
): void {
  if (season === 'winter') return
  const growth = GROWTHS[season]
  const air = airOf(frame)
  const middle = canvas.width / 2
  for (let row = Math.floor((camera.z + FARTHEST) / SPACING); row * SPACING > camera.z + NEAREST; row -= 1) {
    const reach = (middle * (row * SPACING - camera.z)) / camera.focal + SPACING
    const last = Math.ceil((camera.x + reach) / SPACING)
    for (let column = Math.floor((camera.x - reach) / SPACING); column <= last; column += 1) {
      const chance = chanceOf(mix(Math.imul(column, 15_731) ^ Math.imul(row, 789_221)))
      const x = (column + chance.between(-0.5, 0.5)) * SPACING
      const z = (row + chance.between(-0.5, 0.5)) * SPACING
      const distance = z - camera.z
      const thin = smoothstep(FARTHEST, 2, distance)
      if (chance.next() > lushness * thin) continue
      const ground = terrain.height(x, z, 6)
      const foot = frame.horizon + ((camera.height - ground) * camera.focal) / distance
      const drift = smoothstep(0.0, 0.3, frame.noise.fbm(x * 1.1 + 20, z * 1.3, 2))
      growTuft(canvas, frame, growth, chance, {
        x: middle + ((x - camera.x) * camera.focal) / distance,
        foot,
        scale: camera.focal / distance,
        haze: 1 - Math.exp(-distance * terrain.haze * 1.5),
        air,
        flowers: drift * 0.3,
      })
    }
  }
}

interface Spot {
  x: number
  foot: number
  /** Pixels of a thing of size 1. */
  scale: number
  haze: number
  air: Float32Array
  /** How likely a blade is a flower. */
  flowers: number
}

function growTuft(canvas: Canvas, frame: Frame, growth: Growth, chance: Chance, spot: Spot): void {
  const column = clamp(Math.round(spot.x), 0, canvas.width - 1) * 3
  const { direct, ambient } = frame.light
  for (let blade = 0; blade < 3; blade += 1) {
    const isFlower = chance.next() < spot.flowers
    const height = TALL * spot.scale * chance.between(0.35, 1) * (isFlower ? 1.3 : 1)
    const lean = height * chance.between(-0.5, 0.5)
    const x = spot.x + chance.between(-0.02, 0.02) * spot.scale
    const own = chance.pick(growth.blades)
    const seen = (color: Rgb, light: number): Rgb =>
      color.map((part, channel) => {
        const lit = part * ((ambient[channel] as number) * 0.9 + (direct[channel] as number) * light)
        return lit + ((spot.air[column + channel] as number) - lit) * spot.haze
      }) as Rgb
    const [dark, bright] = [seen(own, 0.16), seen(own, 0.62)]
    for (let step = 0; step < height; step += 1) {
      const up = step / height
      const thick = clamp(height * 0.028 * (1 - up), 0.5, 2.4)
      const middle = x + lean * up * up
      for (let pixel = Math.round(middle - thick / 2); pixel <= middle + thick / 2; pixel += 1) {
        const tone = (channel: number): number =>
          (dark[channel] as number) + ((bright[channel] as number) - (dark[channel] as number)) * up
        cover(canvas, pixel, Math.round(spot.foot - step), tone(0), tone(1), tone(2), 0.85)
      }
    }
    if (isFlower) bloom(canvas, x + lean, spot.foot - height, height * 0.13, seen(chance.pick(growth.flowers), 0.7))
  }
}

/** A flower's head. */
function bloom(canvas: Canvas, x: number, y: number, size: number, [red, green, blue]: Rgb): void {
  const radius = clamp(size, 0.8, 9)
  for (let row = Math.floor(y - radius); row <= y + radius; row += 1) {
    for (let column = Math.floor(x - radius); column <= x + radius; column += 1) {
      const angle = Math.atan2(row - y, column - x)
      const petals = radius * (0.78 + 0.22 * Math.cos(angle * 5))
      const inside = clamp(petals - Math.hypot(column - x, (row - y) * 1.25) + 0.5, 0, 1)
      const shade = 0.8 + 0.3 * clamp((y - row) / radius, -1, 1)
      cover(canvas, column, row, red * shade, green * shade, blue * shade, inside)
    }
  }
}
