/** What the words of a prompt ask for. Whatever they leave open is chosen by chance, so every prompt has a picture. */
import type { Tint } from '../base/color.ts'
import type { Chance } from '../base/random.ts'
import type { FigureName } from './figures/index.ts'
import type { Season } from './ground/soil.ts'
import type { Hour } from './light.ts'

export type Place = 'mountains' | 'lake' | 'forest' | 'sea' | 'city' | 'desert' | 'canyon' | 'meadow' | 'space' | 'silk'

export interface Theme {
  place: Place
  hour: Hour
  season: Season
  /** 0 clear … 1 covered */
  clouds: number
  isSnowing: boolean
  isRaining: boolean
  isMisty: boolean
  hasAurora: boolean
  figure: FigureName | null
  tint: Tint | null
}

const PLACES: Record<Place, string> = {
  lake: 'lake reflection pond river fjord canoe mirror swan loch waterfall stream calm',
  mountains:
    'mountain alp peak summit cliff glacier valley hiking climb everest himalaya andes rocky trail volcano ski',
  forest: 'forest wood tree pine jungle mushroom cabin moss fir owl bear fox deer wolf enchanted fairy elf path',
  sea: 'sea ocean wave beach coast island boat ship sail whale lighthouse harbor harbour bay surf fish dolphin mermaid tide pirate shark water',
  city: 'city street skyline tokyo york paris london berlin neon cyberpunk building tower urban car robot downtown skyscraper metropolis rooftop office taxi',
  desert: 'desert dune sand sahara camel oasis pyramid egypt scorpion',
  canyon: 'canyon mesa mars cowboy western arizona utah cactus badlands rock planetary',
  meadow:
    'meadow field hill grass flower farm village garden spring horse rabbit balloon tuscany picnic cow sheep poppy lavender countryside prairie castle kite butterfly bee cat dog',
  space:
    'space galaxy nebula planet cosmos universe astronaut rocket saturn jupiter comet asteroid alien orbit milkyway supernova spaceship',
  silk: 'abstract silk flow flowing liquid pattern texture gradient smoke music marble fluid fabric minimal swirl wallpaper fractal paint ink shape',
}

const HOURS: Record<Hour, string> = {
  dawn: 'dawn sunrise morning daybreak pastel',
  day: 'day noon sunny bright daylight summer blue',
  golden: 'golden warm honey amber cozy cosy autumn harvest',
  sunset: 'sunset evening red crimson fire burning dramatic romantic dragon lava',
  dusk: 'dusk twilight violet purple lavender dream dreamy mystic magic magical pink',
  night:
    'night midnight moon moonlit moonlight star starry dark aurora neon cyberpunk owl wolf galaxy northern firefly',
  overcast: 'overcast storm stormy rain rainy grey gray gloomy fog foggy mist misty moody cloudy',
}

const SEASONS: Record<Season, string> = {
  winter: 'winter snow snowy ice icy frozen frost christmas arctic cold blizzard ski glacier penguin polar',
  autumn: 'autumn fall leaves october maple harvest orange',
  spring: 'spring blossom cherry flower bloom april fresh',
  summer: 'summer july august green tropical sunny',
}

const FIGURE_WORDS: Record<FigureName, string> = {
  fox: 'fox vixen',
  deer: 'deer stag elk moose reindeer antelope',
  wolf: 'wolf dog husky hound puppy coyote',
  cat: 'cat kitten panther lynx',
  bear: 'bear grizzly',
  horse: 'horse pony mare stallion unicorn',
  rabbit: 'rabbit bunny hare',
  camel: 'camel caravan',
  person:
    'person man woman girl boy hiker traveller traveler wanderer adventurer human child people explorer knight samurai cowboy astronaut',
  cabin: 'cabin house cottage hut home chalet barn',
  lighthouse: 'lighthouse beacon',
  castle: 'castle fortress palace kingdom',
  tree: 'oak lonely lone willow baobab',
  balloon: 'balloon zeppelin airship',
  birds: 'bird gull crow eagle raven swallow geese goose dove flock owl hawk',
  boat: 'boat ship sail sailboat yacht pirate vessel',
  whale: 'whale dolphin orca fish',
  swan: 'swan duck',
  rocket: 'rocket spaceship shuttle',
}

/** Hues of OKLab, in degrees. */
const HUES: Record<string, number> = {
  red: 27,
  crimson: 20,
  scarlet: 28,
  ruby: 15,
  orange: 55,
  gold: 85,
  yellow: 100,
  lime: 125,
  green: 145,
  emerald: 158,
  teal: 190,
  turquoise: 195,
  cyan: 205,
  blue: 255,
  azure: 245,
  indigo: 275,
  violet: 300,
  purple: 308,
  lavender: 300,
  magenta: 335,
  pink: 355,
  rose: 5,
}
const GREYS = new Set(['monochrome', 'noir', 'greyscale', 'grayscale', 'bw'])
const COLORED_THINGS =
  /\b(red|orange|brown|gr[ae]y|black|white|golden)\s+(fox|deer|wolf|cat|bear|horse|rabbit|dog|boat|balloon|house|cabin|tree|bird|person|woman|man|car|flower|rose)/g

const OPEN_PLACES: readonly Place[] = [
  'mountains',
  'lake',
  'forest',
  'sea',
  'meadow',
  'desert',
  'canyon',
  'silk',
  'lake',
  'mountains',
]
const OPEN_HOURS: readonly Hour[] = ['dawn', 'day', 'golden', 'sunset', 'dusk', 'night', 'golden', 'sunset']
const BRIGHT_HOURS: readonly Hour[] = ['dawn', 'day', 'golden', 'overcast']

/** Reads a prompt; the same words and chance give the same theme. */
export function themeOf(prompt: string, chance: Chance): Theme {
  // a red fox does not make a red evening
  const words = wordsOf(prompt.toLowerCase().replace(COLORED_THINGS, '$2'))
  const named = find(PLACES, words)
  const figure = find(FIGURE_WORDS, words)
  const season = find(SEASONS, words)
  const place = named ?? homeOf(figure, chance) ?? (season === 'winter' ? 'mountains' : chance.pick(OPEN_PLACES))
  const has = (text: string): boolean => text.split(' ').some(word => words.has(word))
  const hasAurora = has('aurora borealis northern polar')
  const isRaining = has('rain rainy storm stormy thunder thunderstorm')
  const isMisty = has('fog foggy mist misty haze hazy moody')
  const isSnowing = has('snowing snowfall blizzard snowstorm snow christmas snowy')
  const tint = tintOf(prompt, words)
  // without colour a picture lives from its light
  const openHours = tint?.hue === null ? BRIGHT_HOURS : OPEN_HOURS
  const hour = hasAurora ? 'night' : (find(HOURS, words) ?? chance.pick(openHours))
  return {
    place,
    hour: isRaining && hour !== 'night' ? 'overcast' : hour,
    season: season ?? chance.pick(['summer', 'summer', 'autumn', 'spring', 'winter'] as const),
    clouds:
      isRaining || isSnowing || has('cloud cloudy overcast storm')
        ? chance.between(0.7, 0.9)
        : has('clear')
          ? 0
          : chance.between(0.15, 0.6),
    isSnowing,
    isRaining,
    isMisty,
    hasAurora,
    figure,
    tint,
  }
}

/** Lower-case words, also without a plural's ending. */
function wordsOf(prompt: string): Set<string> {
  const words = new Set<string>()
  for (const word of prompt.toLowerCase().match(/\p{L}+/gu) ?? []) {
    words.add(word)
    if (word.endsWith('ies')) words.add(`${word.slice(0, -3)}y`)
    if (word.endsWith('ves')) words.add(`${word.slice(0, -3)}f`)
    if (word.endsWith('es')) words.add(word.slice(0, -2))
    if (word.endsWith('s')) words.add(word.slice(0, -1))
  }
  return words
}

/** The entry that most words of the prompt name; the first of them where several are even. */
function find<Name extends string>(table: Record<Name, string>, words: ReadonlySet<string>): Name | null {
  let best: Name | null = null
  let most = 0
  for (const name of Object.keys(table) as Name[]) {
    const count = table[name].split(' ').filter(word => words.has(word)).length
    if (count > most) {
      best = name
      most = count
    }
  }
  return best
}

function homeOf(figure: FigureName | null, chance: Chance): Place | null {
  if (figure === null) return null
  if (['boat', 'whale', 'lighthouse'].includes(figure)) return 'sea'
  if (figure === 'swan') return 'lake'
  return chance.pick(['mountains', 'lake', 'meadow', 'forest'] as const)
}

/** Colour words pull the whole picture, unless they say what colour one thing in it has. */
function tintOf(prompt: string, words: ReadonlySet<string>): Tint | null {
  if ([...words].some(word => GREYS.has(word)) || /black\s+and\s+white/i.test(prompt)) return { hue: null, strength: 1 }
  for (const [word, hue] of Object.entries(HUES)) if (words.has(word)) return { hue, strength: 0.62 }
  return null
}
