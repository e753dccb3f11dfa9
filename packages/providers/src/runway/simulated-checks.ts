/** What Runway turns down at the door (docs.dev.runwayml.com/api): ratios and lengths by model, unknown fields, missing pictures. */
import { at, listAt, textAt } from '@safelight/core/adapter'

const IMAGE_RATIOS =
  '1024:1024 1080:1080 1168:880 1360:768 1440:1080 1080:1440 1808:768 1920:1080 1080:1920 2112:912 1280:720 720:1280 720:720 960:720 720:960 1680:720'
const CLIP_RATIOS = '1280:720 720:1280'

interface Rules {
  ratios: readonly string[]
  fields: readonly string[]
  needs?: string
}

const clips = ['model', 'promptText', 'ratio', 'duration', 'seed', 'contentModeration']

const RULES: Readonly<Record<string, Rules>> = {
  'text_to_image gen4_image': {
    ratios: IMAGE_RATIOS.split(' '),
    fields: ['model', 'promptText', 'ratio', 'seed', 'referenceImages', 'contentModeration'],
  },
  'text_to_video gen4.5': { ratios: CLIP_RATIOS.split(' '), fields: clips },
  'image_to_video gen4.5': {
    ratios: `${CLIP_RATIOS} 1104:832 960:960 832:1104 1584:672`.split(' '),
    fields: [...clips, 'promptImage'],
    needs: 'promptImage',
  },
}

/** Null where nothing is wrong. */
export function problemWith(path: string, json: unknown): string | null {
  const rules = RULES[`${path} ${textAt(json, 'model') ?? ''}`]
  if (!rules || typeof json !== 'object' || json === null) return 'model: not one of this endpoint'
  const unknown = Object.keys(json).find(field => !rules.fields.includes(field))
  if (unknown !== undefined) return `${unknown}: unrecognized key`
  const prompt = textAt(json, 'promptText')
  if (prompt === undefined || prompt.length > 1000) return 'promptText: must have 1 to 1000 characters'
  if (!rules.ratios.includes(textAt(json, 'ratio') ?? '')) return 'ratio: not one of this model'
  const duration = at(json, 'duration')
  const isLength = Number.isInteger(duration) && Number(duration) >= 2 && Number(duration) <= 10
  if (rules.fields.includes('duration') && !isLength) return 'duration: must be an integer from 2 to 10'
  const seed = at(json, 'seed') ?? 0
  if (!Number.isInteger(seed) || Number(seed) < 0 || Number(seed) > 4_294_967_295) return 'seed: out of range'
  if (rules.needs !== undefined && !isMedia(at(json, rules.needs))) return `${rules.needs}: must be a URL or a data URI`
  const references = listAt(json, 'referenceImages')
  const isGood = references.length <= 3 && references.every(each => isMedia(at(each, 'uri')))
  return isGood ? null : 'referenceImages: up to three of { uri, tag }'
}

function isMedia(uri: unknown): boolean {
  return typeof uri === 'string' && /^(https:\/\/|runway:\/\/|data:image\/[a-z]+;base64,)/.test(uri)
}
