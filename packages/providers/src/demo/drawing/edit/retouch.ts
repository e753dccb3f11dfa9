/** Changes a picture as the words say. Words that say nothing we know still change it, each in its own way. */
import type { DrawRequest } from '../../messages.ts'
import type { Bitmap } from '../base/bitmap.ts'
import { clamp } from '../base/noise.ts'
import { chanceOf, hashOf } from '../base/random.ts'
import type { Chance } from '../base/random.ts'
import { neon, noir, sepia, vivid } from './films.ts'
import { dawn, night, sunset } from './hours.ts'
import type { Look } from './look.ts'
import { bitmapOf, grade, plateOf } from './plate.ts'
import type { Plate } from './plate.ts'
import { painting, poster, sketch } from './strokes.ts'
import { autumn, fog, rain, snow } from './weathers.ts'

/** In the order they are applied: the season, the hour, the weather, the medium, the film. */
const LOOKS: readonly (readonly [words: string, look: Look])[] = [
  ['autumn fall october harvest leaves maple', autumn],
  ['snow snowy winter ice icy frozen frost christmas cold arctic blizzard', snow],
  ['dawn morning sunrise pastel soft spring light bright', dawn],
  ['sunset evening dusk golden warm orange fire romantic summer', sunset],
  ['night dark midnight moon moonlight star starry stars nocturnal', night],
  ['rain rainy storm stormy wet thunder gloomy sad', rain],
  ['fog foggy mist misty haze hazy dream dreamy mystic ghost smoke', fog],
  ['neon cyberpunk cyber synthwave vaporwave futuristic electric disco', neon],
  ['vivid colorful colourful vibrant saturated pop happy cheerful hdr', vivid],
  ['painting paint oil watercolor watercolour impressionist gogh monet canvas brush artistic art', painting],
  ['poster comic cartoon anime illustration flat print manga stylized toon', poster],
  ['sketch pencil drawing draw ink charcoal line engraving', sketch],
  ['sepia vintage old antique retro ancient western nostalgic film analog', sepia],
  ['noir monochrome black grayscale greyscale bw', noir],
]
const MAX_LOOKS = 3
/** What an open prompt may become. */
const OPEN_LOOKS: readonly Look[] = [sunset, night, dawn, painting, vivid, neon, sepia, fog, poster, autumn]

/** A picture, changed, with its composition kept. */
export function retouch({ subject, seed }: DrawRequest, input: Bitmap): Bitmap {
  const name = `${subject.toLowerCase()} ${seed}`
  const chance = chanceOf(hashOf(name))
  const plate = plateOf(input)
  for (const [index, look] of looksOf(subject, chance).entries()) look(plate, chance.fork(`look ${index}`))
  cast(plate, chance)
  return bitmapOf(plate, 0.03, hashOf(name))
}

function looksOf(subject: string, chance: Chance): readonly Look[] {
  const words = new Set(subject.toLowerCase().match(/\p{L}+/gu))
  const named = LOOKS.filter(([known]) => known.split(' ').some(word => words.has(word))).map(([, look]) => look)
  return named.length > 0 ? named.slice(0, MAX_LOOKS) : [chance.pick(OPEN_LOOKS)]
}

/** A slight cast of colour that is different for every prompt. */
function cast(plate: Plate, chance: Chance): void {
  const [red, green, blue] = [chance.between(0.94, 1.06), chance.between(0.96, 1.04), chance.between(0.94, 1.06)]
  grade(plate, (_tone, r, g, b, out) => {
    out[0] = clamp(r * red, 0, 1)
    out[1] = clamp(g * green, 0, 1)
    out[2] = clamp(b * blue, 0, 1)
  })
}
