/**
 * The endpoints this simulator knows, with their fields, as WaveSpeed prints them (wavespeed.ai/models/{id}/llms.txt,
 * wavespeed.ai/docs/docs-api and the official ComfyUI nodes, 2026-11-23). Prices are list prices where one is printed.
 */
import {
  text,
  seed,
  flag,
  image,
  size,
  size720,
  images,
  oneOf,
  seconds,
  ways,
  format,
  FLUX_RATIOS,
  VIDEO_RATIOS,
  WAN_RATIOS,
  KLING_3,
  scale,
  shots,
  flux1,
  klingText,
  banana,
  gpt,
  wan27,
  wan22,
  type Fields,
} from './fields.ts'

export interface Endpoint {
  id: string
  type: 'text-to-image' | 'image-to-image' | 'text-to-video' | 'image-to-video'
  /** US dollars for one run. */
  price: number
  fields: Fields
  required: readonly string[]
  /** Of a width and a height, where the endpoint is told one. */
  sides?: readonly [number, number]
}

type Row = [id: string, price: number, fields: Fields, required: string[], sides?: [number, number]]

const textToImage: Row[] = [
  ['wavespeed-ai/flux-schnell', 0.003, flux1, ['prompt'], [256, 1536]],
  [
    'wavespeed-ai/flux-dev',
    0.012,
    {
      ...flux1,
      num_inference_steps: { type: 'integer', default: 28, minimum: 1, maximum: 50 },
      guidance_scale: { type: 'number', default: 3.5, minimum: 1, maximum: 20 },
    },
    ['prompt'],
    [256, 1536],
  ],
  ['wavespeed-ai/flux-2-pro/text-to-image', 0.03, { prompt: text, size, seed, ...ways }, ['prompt'], [256, 1536]],
  ['wavespeed-ai/flux-2-klein-9b/text-to-image', 0.01, { prompt: text, size, seed, ...ways }, ['prompt'], [256, 1536]],
  [
    'wavespeed-ai/z-image/turbo',
    0.005,
    { prompt: text, image, strength: scale, size, seed, ...format('jpeg', 'png', 'webp'), ...ways },
    ['prompt'],
    [256, 1536],
  ],
  [
    'wavespeed-ai/qwen-image/text-to-image',
    0.02,
    { prompt: text, size, seed, ...format('jpeg', 'png', 'webp'), ...ways },
    ['prompt'],
    [256, 1536],
  ],
  [
    'wavespeed-ai/qwen-image-2.0/text-to-image',
    0.02,
    { prompt: { type: 'string', maxLength: 800 }, size, seed, ...ways },
    ['prompt'],
    [256, 4096],
  ],
  [
    'wavespeed-ai/flux-kontext-pro/text-to-image',
    0.04,
    {
      prompt: text,
      aspect_ratio: FLUX_RATIOS,
      seed,
      guidance_scale: { type: 'number', default: 3.5 },
      safety_tolerance: oneOf('2', '1', '3', '4', '5'),
      ...ways,
    },
    ['prompt'],
  ],
  [
    'bytedance/seedream-v4',
    0.027,
    { prompt: text, size: { ...size, default: '2048*2048' }, ...ways },
    ['prompt'],
    [1024, 4096],
  ],
  ['google/nano-banana-2/text-to-image', 0.07, banana, ['prompt']],
  ['openai/gpt-image-2/text-to-image', 0.05, gpt, ['prompt']],
]

const imageToImage: Row[] = [
  [
    'wavespeed-ai/flux-kontext-pro',
    0.04,
    {
      prompt: text,
      image,
      guidance_scale: { type: 'number', default: 3.5 },
      aspect_ratio: FLUX_RATIOS,
      enable_sync_mode: flag,
    },
    ['prompt', 'image'],
  ],
  [
    'wavespeed-ai/flux-2-klein-9b/edit',
    0.016,
    { prompt: text, images: images(3), size, seed, ...ways },
    ['prompt', 'images'],
    [256, 1536],
  ],
  ['google/nano-banana-2/edit', 0.07, { ...banana, images: images(14) }, ['prompt', 'images']],
  ['openai/gpt-image-2/edit', 0.06, { ...gpt, images: images(16) }, ['prompt', 'images']],
  [
    'bytedance/seedream-v4/edit',
    0.027,
    { prompt: text, images: images(10), size, ...ways },
    ['prompt', 'images'],
    [1024, 4096],
  ],
]

const textToVideo: Row[] = [
  ['kwaivgi/kling-v3.0-std/text-to-video', 0.42, { ...klingText, aspect_ratio: VIDEO_RATIOS }, []],
  [
    'kwaivgi/kling-v3-turbo-std/text-to-video',
    0.4,
    { prompt: text, multi_prompt: shots, aspect_ratio: VIDEO_RATIOS, duration: KLING_3, cfg_scale: scale },
    [],
  ],
  ['alibaba/wan-2.7/text-to-video', 0.5, { ...wan27, aspect_ratio: WAN_RATIOS }, ['prompt']],
  ['wavespeed-ai/wan-2.2/t2v-720p', 0.3, { ...wan22, size: size720 }, ['prompt']],
  ['wavespeed-ai/wan-2.2/t2v-5b-720p', 0.05, { prompt: text, size: size720, seed }, ['prompt']],
  [
    'wavespeed-ai/wan-2.1/t2v-720p-ultra-fast',
    0.23,
    {
      prompt: text,
      negative_prompt: text,
      size: size720,
      num_inference_steps: { type: 'integer', default: 30, minimum: 1, maximum: 40 },
      duration: { type: 'integer', default: 5, minimum: 5, maximum: 10 },
      guidance_scale: { type: 'number', default: 5 },
      flow_shift: { type: 'number', default: 5 },
      seed,
    },
    ['prompt'],
  ],
]

const imageToVideo: Row[] = [
  [
    'kwaivgi/kling-v3.0-std/image-to-video',
    0.42,
    { ...klingText, image, end_image: image, element_list: shots },
    ['image'],
  ],
  [
    'kwaivgi/kling-v3-turbo-std/image-to-video',
    0.4,
    { prompt: text, image, multi_prompt: shots, duration: KLING_3, cfg_scale: scale },
    ['image'],
  ],
  ['alibaba/wan-2.7/image-to-video', 0.5, { ...wan27, image, last_image: image }, ['prompt', 'image']],
  ['wavespeed-ai/wan-2.2/i2v-720p', 0.3, { ...wan22, image, last_image: image }, ['prompt', 'image']],
  [
    'kwaivgi/kling-v2.6-std/image-to-video',
    0.21,
    { prompt: text, image, negative_prompt: text, duration: seconds(5, 10), guidance_scale: scale },
    ['prompt', 'image'],
  ],
]

function rows(type: Endpoint['type'], all: readonly Row[]): Endpoint[] {
  return all.map(([id, price, fields, required, sides]) => ({
    id,
    type,
    price,
    fields,
    required,
    ...(sides ? { sides } : {}),
  }))
}

export const endpoints: readonly Endpoint[] = [
  ...rows('text-to-image', textToImage),
  ...rows('image-to-image', imageToImage),
  ...rows('text-to-video', textToVideo),
  ...rows('image-to-video', imageToVideo),
]

export function endpointOf(id: string): Endpoint | undefined {
  return endpoints.find(endpoint => endpoint.id === id)
}

/** An entry of `GET /api/v3/models`. */
export function listing({ id, type, price, fields, required }: Endpoint) {
  const schema = { type: 'object', properties: fields, required, 'x-order-properties': Object.keys(fields) }
  return {
    model_id: id,
    name: id,
    description: `${type} by ${id}`,
    type,
    base_price: price,
    formula: '',
    api_schema: {
      api_schemas: [
        {
          type: 'model_run',
          method: 'POST',
          server: 'https://api.wavespeed.ai',
          api_path: `/api/v3/${id}`,
          request_schema: schema,
        },
      ],
    },
  }
}
