/** Decides a picture: the place, its light, and what stands in it. */
import { hex, mixed, scaled } from '../base/color.ts'
import type { Rgb } from '../base/color.ts'
import { noiseOf } from '../base/noise.ts'
import { chanceOf, hashOf } from '../base/random.ts'
import type { Chance } from '../base/random.ts'
import { cutOut } from './figure.ts'
import type { Cutout } from './figure.ts'
import { FIGURES } from './figures/index.ts'
import { cutFirs } from './firs.ts'
import type { Grove } from './firs.ts'
import type { Frame } from './frame.ts'
import { alpineGround } from './ground/alpine.ts'
import { duneGround } from './ground/dunes.ts'
import { FOREST_FAR, forestGround } from './ground/forest.ts'
import { hillGround } from './ground/hills.ts'
import { islandGround } from './ground/islands.ts'
import { mesaGround } from './ground/mesas.ts'
import { lightOf } from './light.ts'
import type { Camera, Terrain } from './terrain.ts'
import { themeOf } from './words.ts'
import type { Theme } from './words.ts'

/** Everything that is decided before a picture is painted. */
export interface Scene {
  theme: Theme
  frame: Frame
  terrain: Terrain | null
  camera: Camera
  /** 0 is a mirror, 1 the open sea. */
  waves: number
  deep: Rgb
  figure: { cutout: Cutout; x: number; foot: number; hasBank: boolean } | null
  /** Trees close by, in a forest. */
  grove: Grove | null
}

/** Decides a picture from words and a seed. */
export async function sceneOf(subject: string, seed: string, width: number, height: number): Promise<Scene> {
  const chance = chanceOf(hashOf(`${subject.toLowerCase()} ${seed}`))
  const theme = themeOf(subject, chance.fork('theme'))
  const light = lightOf(theme.hour, chance.fork('light'), theme.tint)
  const unit = Math.sqrt(width * height)
  const horizon = Math.round(height * horizonOf(theme, chance.fork('horizon')))
  const frame: Frame = {
    width,
    height,
    unit,
    horizon,
    lampX: width * chance.pick([chance.between(0.18, 0.4), chance.between(0.6, 0.82)]),
    lampY: horizon * (1 - (light.altitude ?? 0)),
    light,
    noise: noiseOf(chance.fork('noise')),
    chance,
  }
  const wood = theme.place === 'forest' ? forestGround(frame, theme.season) : null
  const terrain = wood ?? TERRAINS[theme.place]?.(frame, theme) ?? null
  return {
    theme,
    frame,
    terrain: terrain && withMist(terrain, theme),
    camera: {
      x: 0,
      z: 0,
      height: CAMERA_HEIGHTS[theme.place],
      focal: unit * 1.15,
      near: 0.35,
      far: 55,
      growth: 1.01,
      detail: 0.5,
    },
    waves: theme.place === 'sea' ? chance.between(0.5, 0.9) : theme.place === 'city' ? 0.3 : 0.09,
    deep: mixed(hex(theme.place === 'sea' ? '#0b3a4a' : '#0c2a36'), scaled(light.ambient, 0.3), 0.35),
    figure: await figureOf(theme, frame, chance.fork('figure')),
    grove: wood && {
      papers: await cutFirs(chance.fork('firs'), theme.season),
      density: wood.density,
      treeHeight: 0.72,
      nearest: 1.1,
      farthest: FOREST_FAR + 0.5,
      colors: wood.colors,
    },
  }
}

const CAMERA_HEIGHTS: Record<Theme['place'], number> = {
  mountains: 0.72,
  lake: 0.4,
  forest: 0.3,
  sea: 0.35,
  city: 0.3,
  desert: 0.85,
  canyon: 0.5,
  meadow: 0.55,
  space: 1,
  silk: 1,
}

function horizonOf({ place }: Theme, chance: Chance): number {
  if (place === 'city') return 0.74
  if (place === 'sea' || place === 'desert') return chance.between(0.52, 0.62)
  return chance.between(0.56, 0.66)
}

const TERRAINS: Partial<Record<Theme['place'], (frame: Frame, theme: Theme) => Terrain>> = {
  mountains: (frame, { season }) => alpineGround(frame, { hasLake: false, season }),
  lake: (frame, { season }) => alpineGround(frame, { hasLake: true, season }),
  sea: islandGround,
  desert: duneGround,
  canyon: mesaGround,
  meadow: (frame, { season }) => hillGround(frame, season),
}

function withMist(terrain: Terrain, theme: Theme): Terrain {
  const factor = theme.isMisty ? 3 : theme.isRaining ? 2 : 1
  return { ...terrain, haze: terrain.haze * factor, mist: terrain.mist * factor }
}

/** Where a figure stands: at a third of the width, away from the lamp. */
async function figureOf(theme: Theme, frame: Frame, chance: Chance): Promise<Scene['figure']> {
  if (theme.figure === null || theme.place === 'silk') return null
  const { width, height, horizon, unit, lampX } = frame
  const third = lampX < width / 2 ? chance.between(0.6, 0.68) : chance.between(0.32, 0.4)
  const cutout = await cutOut(
    theme.figure,
    unit * FIGURES[theme.figure].size * chance.between(0.95, 1.15),
    lampX < width / 2,
  )
  const isOnWater = theme.place === 'sea' || theme.place === 'lake' || theme.place === 'city'
  const { place } = cutout.figure
  const x = width * third
  if (place === 'sky' || theme.place === 'space')
    return { cutout, x, foot: horizon * chance.between(0.5, 0.72), hasBank: false }
  if (place === 'water')
    return {
      cutout,
      x,
      foot: horizon + (height - horizon) * (theme.place === 'lake' ? 0.62 : isOnWater ? 0.3 : 0.6),
      hasBank: false,
    }
  return { cutout, x, foot: height * chance.between(0.87, 0.91), hasBank: isOnWater || theme.place === 'mountains' }
}
