/**
 * Models as `GET /v1/models/{owner}/{name}` shows them (replicate.com/docs/reference/http#models.get), with the fields of their
 * pages replicate.com/<owner>/<name>/api, of FLUX.1 those of github.com/replicate/cog-flux; reduced to what our routes use.
 */

const text = { type: 'string' } as const
const whole = { type: 'integer' } as const
const picture = { type: 'string', format: 'uri' } as const
const oneOf = (...members: readonly (string | number)[]) => ({ enum: members })
const from = (minimum: number, maximum: number) => ({ ...whole, minimum, maximum })
const upTo = (maxItems: number) => ({ type: 'array', items: picture, maxItems })

const WIDE_TALL = oneOf('16:9', '9:16')
const FORMATS = { output_format: oneOf('webp', 'jpg', 'png') } as const
const seed = { seed: whole } as const
const flux1 = {
  ...FORMATS,
  ...seed,
  aspect_ratio: oneOf('1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'),
  megapixels: oneOf('1', '0.25'),
  num_outputs: from(1, 4),
} as const

type Fields = Readonly<Record<string, object>>

const MODEL_FIELDS: Readonly<Record<string, Fields>> = {
  'black-forest-labs/flux-schnell': flux1,
  'black-forest-labs/flux-dev': flux1,
  'black-forest-labs/flux-2-pro': { ...seed, aspect_ratio: text, width: whole, height: whole, output_format: text },
  'black-forest-labs/flux-2-klein-9b': {
    ...seed,
    aspect_ratio: text,
    output_megapixels: text,
    output_format: text,
    images: { type: 'array', items: picture },
  },
  'prunaai/z-image-turbo': { ...seed, width: whole, height: whole, output_format: text },
  'bytedance/seedream-4.5': {
    image_input: upTo(14),
    size: oneOf('2K', '4K', 'custom'),
    width: from(1024, 4096),
    height: from(1024, 4096),
    aspect_ratio: text,
    sequential_image_generation: oneOf('disabled', 'auto'),
    max_images: from(1, 15),
  },
  'black-forest-labs/flux-kontext-pro': { ...seed, input_image: picture, aspect_ratio: text, output_format: text },
  'wan-video/wan-2.2-5b-fast': {
    ...seed,
    aspect_ratio: WIDE_TALL,
    resolution: text,
    num_frames: from(81, 121),
    frames_per_second: whole,
  },
  'google/veo-3.1-fast': {
    ...seed,
    image: picture,
    aspect_ratio: WIDE_TALL,
    resolution: oneOf('720p', '1080p'),
    duration: oneOf(4, 6, 8),
  },
  'kwaivgi/kling-v2.5-turbo-pro': {
    image: picture,
    aspect_ratio: oneOf('16:9', '9:16', '1:1'),
    duration: oneOf(5, 10),
    guidance_scale: { type: 'number' },
  },
}

/** The model, with the OpenAPI of its latest version where its fields are known here. */
export function modelOf(owner: string, name: string): object {
  const model = { owner, name, url: `https://replicate.com/${owner}/${name}`, visibility: 'public' }
  const fields = MODEL_FIELDS[`${owner}/${name}`]
  if (!fields) return { ...model, latest_version: null }
  const input = { type: 'object', required: ['prompt'], properties: { prompt: text, ...fields } }
  const schema = { openapi: '3.0.2', components: { schemas: { Input: input } } }
  return { ...model, latest_version: { id: 'hidden', openapi_schema: schema } }
}
