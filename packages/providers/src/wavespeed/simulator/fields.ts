/** Fields of WaveSpeed's endpoints, as `GET /api/v3/models` writes them. */

export interface Field {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array'
  description?: string
  default?: unknown
  enum?: readonly (string | number)[]
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
  pattern?: string
  items?: { type: 'string' | 'object' }
  /** Only through the API, not in the playground. */
  disabled?: true
  /** Slots for media. */
  'x-ui-component'?: 'uploader' | 'uploaders'
  accept?: string
}

export type Fields = Readonly<Record<string, Field>>

export const text: Field = { type: 'string' }
export const seed: Field = { type: 'integer', default: -1, minimum: -1, maximum: 2 ** 31 - 1 }
export const flag: Field = { type: 'boolean', default: false, disabled: true }
export const image: Field = { type: 'string', 'x-ui-component': 'uploader', accept: 'image/*' }
export const size: Field = { type: 'string', default: '1024*1024', pattern: '^\\d+\\*\\d+$' }
export const size720: Field = { type: 'string', default: '1280*720', enum: ['1280*720', '720*1280'] }

export function images(maxItems: number): Field {
  return { type: 'array', items: { type: 'string' }, maxItems, 'x-ui-component': 'uploaders', accept: 'image/*' }
}

export function oneOf(...options: readonly string[]): Field {
  return { type: 'string', default: options[0], enum: options }
}

export function seconds(...options: readonly number[]): Field {
  return { type: 'integer', default: 5, enum: options }
}

/** Waiting for the result, and naked base64 instead of addresses. */
export const ways = { enable_sync_mode: flag, enable_base64_output: flag }
export const format = (...options: string[]) => ({ output_format: oneOf(...options) })
export const counted: Field = { type: 'integer', default: 1, minimum: 1, maximum: 4 }

export const FLUX_RATIOS = oneOf('1:1', '21:9', '16:9', '4:3', '3:2', '2:3', '3:4', '9:16', '9:21')
export const BANANA_RATIOS = oneOf(
  '1:1',
  '3:2',
  '2:3',
  '3:4',
  '4:3',
  '4:5',
  '5:4',
  '9:16',
  '16:9',
  '21:9',
  '1:4',
  '4:1',
)
export const GPT_RATIOS = oneOf(
  '1:1',
  '1:2',
  '2:1',
  '2:3',
  '3:2',
  '3:4',
  '4:3',
  '4:5',
  '5:4',
  '9:16',
  '16:9',
  '9:21',
  '21:9',
)
export const VIDEO_RATIOS = oneOf('16:9', '9:16', '1:1')
export const WAN_RATIOS = oneOf('16:9', '9:16', '1:1', '4:3', '3:4')
export const KLING_3 = seconds(3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
export const WAN_27_SECONDS: Field = { type: 'integer', default: 5, minimum: 2, maximum: 15 }
export const scale: Field = { type: 'number', default: 0.5, minimum: 0, maximum: 1 }
export const shots: Field = { type: 'array', items: { type: 'object' }, maxItems: 6 }

export const flux1 = {
  prompt: text,
  image,
  mask_image: image,
  strength: { type: 'number', default: 0.8, minimum: 0, maximum: 1 },
  size,
  num_images: counted,
  seed,
  ...format('jpeg', 'png', 'webp'),
  ...ways,
} as const satisfies Fields

export const klingText = {
  prompt: text,
  negative_prompt: text,
  duration: KLING_3,
  cfg_scale: scale,
  sound: { type: 'boolean' },
  shot_type: oneOf('customize', 'intelligence'),
  multi_prompt: shots,
} as const satisfies Fields

export const banana = {
  prompt: text,
  aspect_ratio: BANANA_RATIOS,
  resolution: oneOf('1k', '0.5k', '2k', '4k'),
  enable_web_search: flag,
  enable_image_search: flag,
  ...format('png', 'jpeg'),
  ...ways,
} as const satisfies Fields

export const gpt = {
  prompt: text,
  aspect_ratio: GPT_RATIOS,
  resolution: oneOf('1k', '2k', '4k'),
  quality: oneOf('medium', 'low', 'high'),
  ...format('png', 'jpeg', 'webp'),
  ...ways,
} as const satisfies Fields

export const wan27 = {
  prompt: text,
  negative_prompt: text,
  audio: text,
  resolution: oneOf('720p', '1080p'),
  duration: WAN_27_SECONDS,
  enable_prompt_expansion: flag,
  seed,
} as const satisfies Fields

export const wan22 = { prompt: text, negative_prompt: text, duration: seconds(5, 8), seed } as const
