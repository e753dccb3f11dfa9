/**
 * Input fields of the endpoints that fal's routes use: names, enum members, and with `*` what is required. Facts from
 * fal’s endpoint types (github.com/fal-ai/fal-js `libs/client/src/types/endpoints.ts` at 381105e, 2026-08-02), reduced to
 * the fields that matter here.
 */

/** `size`: a preset's name or `{ width, height }`. `image`: an address or a data URI. A list names all members. */
export type Field = 'text' | 'number' | 'boolean' | 'size' | 'image' | 'images' | readonly (string | number)[]

export const SIZE_PRESETS: Readonly<Record<string, { width: number; height: number }>> = {
  square_hd: { width: 1024, height: 1024 },
  square: { width: 512, height: 512 },
  portrait_4_3: { width: 768, height: 1024 },
  portrait_16_9: { width: 576, height: 1024 },
  landscape_4_3: { width: 1024, height: 768 },
  landscape_16_9: { width: 1024, height: 576 },
}

const GEMINI_RATIOS = '21:9 16:9 3:2 4:3 5:4 1:1 4:5 3:4 2:3 9:16 4:1 1:4 8:1 1:8 auto'.split(' ')
const KONTEXT_RATIOS = '21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21'.split(' ')
const SEEDANCE_RATIOS = '21:9 16:9 4:3 1:1 3:4 9:16'.split(' ')
const WIDE_TALL = ['16:9', '9:16']
const WIDE_TALL_SQUARE = ['16:9', '9:16', '1:1']
const KLING_SECONDS = '3 4 5 6 7 8 9 10 11 12 13 14 15'.split(' ')
const SEEDANCE_SECONDS = '2 3 4 5 6 7 8 9 10 11 12'.split(' ')
const WAN_SECONDS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
const LTX_SECONDS = [6, 8, 10, 12, 14, 16, 18, 20]

const picture = { 'prompt*': 'text', image_size: 'size', seed: 'number' } as const
const pictures = { ...picture, num_images: 'number' } as const
const steps = { num_inference_steps: 'number' } as const
const avoided = { negative_prompt: 'text' } as const
const gemini = {
  'prompt*': 'text',
  aspect_ratio: GEMINI_RATIOS,
  resolution: ['0.5K', '1K', '2K', '4K'],
  num_images: 'number',
  seed: 'number',
} as const
const gptImage = {
  'prompt*': 'text',
  image_size: 'size',
  num_images: 'number',
  quality: ['auto', 'low', 'medium', 'high'],
} as const
const kling3 = { ...avoided, prompt: 'text', duration: KLING_SECONDS, generate_audio: 'boolean' } as const
const wan27 = {
  ...avoided,
  duration: WAN_SECONDS,
  resolution: ['720p', '1080p'],
  seed: 'number',
} as const
const wan22 = {
  ...avoided,
  ...steps,
  'prompt*': 'text',
  num_frames: 'number',
  frames_per_second: 'number',
  resolution: ['480p', '580p', '720p'],
  seed: 'number',
} as const
const veo31 = {
  ...avoided,
  'prompt*': 'text',
  duration: ['4s', '6s', '8s'],
  resolution: ['720p', '1080p', '4k'],
  generate_audio: 'boolean',
  auto_fix: 'boolean',
  seed: 'number',
} as const
const seedance = {
  'prompt*': 'text',
  duration: SEEDANCE_SECONDS,
  resolution: ['480p', '720p', '1080p'],
  num_frames: 'number',
  seed: 'number',
} as const
const ltx = {
  'prompt*': 'text',
  duration: LTX_SECONDS,
  fps: [24, 25, 48, 50],
  resolution: ['1080p', '1440p', '2160p'],
  generate_audio: 'boolean',
} as const

export const ENDPOINT_FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  'fal-ai/flux/schnell': { ...pictures, ...steps },
  'fal-ai/flux/dev': { ...pictures, ...steps },
  'fal-ai/flux-2': { ...pictures, ...steps },
  'fal-ai/flux-2-pro': picture,
  'fal-ai/flux-2/klein/9b': { ...pictures, ...steps },
  'fal-ai/z-image/turbo': { ...pictures, ...steps },
  'fal-ai/qwen-image': { ...pictures, ...steps, ...avoided },
  'fal-ai/nano-banana-2': gemini,
  'openai/gpt-image-2': gptImage,
  'fal-ai/bytedance/seedream/v4.5/text-to-image': pictures,

  'fal-ai/flux-pro/kontext': {
    'prompt*': 'text',
    'image_url*': 'image',
    aspect_ratio: KONTEXT_RATIOS,
    num_images: 'number',
    seed: 'number',
  },
  'fal-ai/flux-2/klein/9b/edit': { ...pictures, ...steps, 'image_urls*': 'images' },
  'fal-ai/nano-banana-2/edit': { ...gemini, image_urls: 'images' },
  'openai/gpt-image-2/edit': { ...gptImage, 'image_urls*': 'images' },
  'fal-ai/qwen-image-edit': { ...pictures, ...steps, ...avoided, 'image_url*': 'image' },
  'fal-ai/bytedance/seedream/v4.5/edit': { ...pictures, 'image_urls*': 'images' },

  'fal-ai/kling-video/v3/standard/text-to-video': { ...kling3, aspect_ratio: WIDE_TALL_SQUARE },
  'fal-ai/kling-video/v3/standard/image-to-video': { ...kling3, 'start_image_url*': 'image' },
  'fal-ai/kling-video/v3/turbo/standard/text-to-video': {
    prompt: 'text',
    duration: KLING_SECONDS,
    aspect_ratio: WIDE_TALL_SQUARE,
  },
  'fal-ai/kling-video/v3/turbo/standard/image-to-video': {
    prompt: 'text',
    duration: KLING_SECONDS,
    'image_url*': 'image',
  },
  'fal-ai/wan/v2.7/text-to-video': { ...wan27, 'prompt*': 'text', aspect_ratio: [...WIDE_TALL_SQUARE, '4:3', '3:4'] },
  'fal-ai/wan/v2.7/image-to-video': { ...wan27, prompt: 'text', image_url: 'image' },
  'fal-ai/wan/v2.2-a14b/text-to-video': { ...wan22, aspect_ratio: WIDE_TALL_SQUARE },
  'fal-ai/wan/v2.2-a14b/image-to-video/lora': {
    ...wan22,
    aspect_ratio: ['auto', ...WIDE_TALL_SQUARE],
    'image_url*': 'image',
  },
  'fal-ai/wan/v2.2-5b/text-to-video': { ...wan22, resolution: ['580p', '720p'], aspect_ratio: WIDE_TALL_SQUARE },
  'fal-ai/veo3.1/fast': { ...veo31, aspect_ratio: WIDE_TALL },
  'fal-ai/veo3.1/fast/image-to-video': { ...veo31, aspect_ratio: ['auto', ...WIDE_TALL], 'image_url*': 'image' },
  'fal-ai/bytedance/seedance/v1/pro/fast/text-to-video': { ...seedance, aspect_ratio: SEEDANCE_RATIOS },
  'fal-ai/bytedance/seedance/v1/pro/fast/image-to-video': {
    ...seedance,
    aspect_ratio: [...SEEDANCE_RATIOS, 'auto'],
    'image_url*': 'image',
  },
  'fal-ai/ltx-2.3/text-to-video/fast': { ...ltx, aspect_ratio: WIDE_TALL },
  'fal-ai/ltx-2.3/image-to-video/fast': { ...ltx, aspect_ratio: ['auto', ...WIDE_TALL], 'image_url*': 'image' },
}

/** One thing that is wrong with an input, as the platform's validation words it. */
export interface InputProblem {
  field: string
  type: 'missing' | 'literal_error' | 'string_type' | 'int_type' | 'bool_type' | 'value_error'
  message: string
}

/** What an endpoint would say to an input. Unknown fields are ignored, as fal ignores them; so are unknown endpoints. */
export function problemsOf(endpoint: string, input: Readonly<Record<string, unknown>>): InputProblem[] {
  return Object.entries(ENDPOINT_FIELDS[endpoint] ?? {}).flatMap(([name, field]) => {
    const key = name.replace('*', '')
    const value = input[key]
    if (value !== undefined && value !== null) return problemOf(key, field, value) ?? []
    return name.endsWith('*') ? { field: key, type: 'missing', message: 'Field required' } : []
  })
}

function problemOf(key: string, field: Field, value: unknown): InputProblem | null {
  const problem = (type: InputProblem['type'], message: string) => ({ field: key, type, message })
  if (typeof field !== 'string') {
    return field.includes(value as string) ? null : problem('literal_error', `Input should be ${field.join(', ')}`)
  }
  switch (field) {
    case 'text':
      return typeof value === 'string' ? null : problem('string_type', 'Input should be a valid string')
    case 'number':
      return Number.isSafeInteger(value) ? null : problem('int_type', 'Input should be a valid integer')
    case 'boolean':
      return typeof value === 'boolean' ? null : problem('bool_type', 'Input should be a valid boolean')
    case 'size':
      return isSize(value) ? null : problem('value_error', 'Input should be a size')
    case 'image':
      return isAddress(value) ? null : problem('value_error', 'Input should be a URL or a data URI')
    case 'images':
      return Array.isArray(value) && value.length > 0 && value.every(isAddress)
        ? null
        : problem('value_error', 'Input should be a list of URLs')
  }
}

function isSize(value: unknown): boolean {
  if (typeof value === 'string') return Object.hasOwn(SIZE_PRESETS, value) || value.startsWith('auto')
  const { width, height } = value as { width?: unknown; height?: unknown }
  return [width, height].every(side => Number.isSafeInteger(side) && Number(side) > 0 && Number(side) <= 14_142)
}

function isAddress(value: unknown): boolean {
  return typeof value === 'string' && /^(https?:\/\/|data:image\/[a-z+]+;base64,)./.test(value)
}
