/**
 * Descriptions of made-up endpoints, in the shapes of the vendors' own documents: OpenAPI as fal answers it, WaveSpeed's list
 * of models, a model of Replicate.
 */

const text = { type: 'string' } as const
const seed = { type: 'integer', minimum: 0, maximum: 2_147_483_647 } as const

export const falDocument = {
  openapi: '3.0.4',
  paths: {
    '/acme/paint/requests/{request_id}/status': { get: {} },
    '/acme/paint': {
      post: {
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/PaintInput' } } } },
      },
    },
  },
  components: {
    schemas: {
      PaintInput: {
        type: 'object',
        required: ['prompt'],
        properties: {
          prompt: { ...text, maxLength: 100 },
          image_size: {
            anyOf: [
              { $ref: '#/components/schemas/ImageSize' },
              { enum: ['square_hd', 'landscape_16_9'], type: 'string' },
            ],
            default: 'square_hd',
          },
          num_images: { type: 'integer', minimum: 1, maximum: 4, default: 1 },
          guidance_scale: { type: 'number', multipleOf: 0.1, exclusiveMinimum: 0, exclusiveMaximum: 20 },
          output_format: { enum: ['jpeg', 'png'], type: 'string', default: 'jpeg' },
          image_urls: { type: 'array', items: text, minItems: 1, maxItems: 2 },
          seed: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
          loop: { $ref: '#/components/schemas/PaintInput' },
        },
      },
      ImageSize: {
        type: 'object',
        properties: {
          width: { type: 'integer', exclusiveMinimum: 0, maximum: 14_142 },
          height: { type: 'integer', exclusiveMinimum: 0, maximum: 14_142 },
        },
      },
    },
  },
} as const

export const falPricing = {
  prices: [
    { endpoint_id: 'acme/paint', unit_price: 0.025, unit: 'megapixels', currency: 'USD' },
    { endpoint_id: 'acme/broken', unit_price: 'much' },
  ],
} as const

export const wavespeedDocument = {
  code: 200,
  message: 'success',
  data: [
    {
      model_id: 'acme/paint',
      name: 'acme/paint',
      type: 'text-to-image',
      base_price: 0.005,
      api_schema: {
        api_schemas: [
          {
            type: 'model_run',
            method: 'POST',
            server: 'https://api.wavespeed.ai',
            api_path: '/api/v3/acme/paint',
            request_schema: {
              type: 'object',
              required: ['prompt'],
              properties: {
                prompt: text,
                size: { ...text, enum: ['1024*1024', '768*1344'], default: '1024*1024' },
                duration: { type: 'integer', enum: [3, 5] },
                seed,
                enable_sync_mode: { type: 'boolean', disabled: true },
              },
              'x-order-properties': ['prompt', 'size', 'seed'],
            },
          },
        ],
      },
    },
    { model_id: 'acme/bare', name: 'acme/bare' },
  ],
} as const

export const replicateDocument = {
  owner: 'acme',
  name: 'paint',
  latest_version: {
    id: '0000',
    openapi_schema: {
      openapi: '3.0.2',
      components: {
        schemas: {
          Input: {
            type: 'object',
            required: ['prompt'],
            properties: {
              prompt: text,
              aspect_ratio: { allOf: [{ $ref: '#/components/schemas/aspect_ratio' }], default: '1:1' },
              image_input: { type: 'array', items: { type: 'string', format: 'uri' }, default: [] },
              seed: { ...seed, nullable: true },
            },
          },
          aspect_ratio: { enum: ['1:1', '16:9'], type: 'string' },
        },
      },
    },
  },
} as const
