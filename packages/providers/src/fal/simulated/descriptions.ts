/**
 * What fal tells about its endpoints: OpenAPI of each (fal.ai/api/openapi/queue/openapi.json?endpoint_id=…, no key) and their
 * prices (api.fal.ai/v1/models/pricing, with one). Both are hosts of their own at fal; here every origin of its API answers.
 */
import type { Desk, Exchange } from '../../testing/kit/index.ts'
import { answerOf, detail } from './answers.ts'
import { keyOf } from './door.ts'
import { ENDPOINT_FIELDS, SIZE_PRESETS, type Field } from './fields.ts'
import { rowOf } from './scenarios.ts'

/** Made up, and the same for all: what matters is that there is one. */
const PRICES = {
  picture: { unit_price: 0.025, unit: 'images', currency: 'USD' },
  clip: { unit_price: 0.1, unit: 'seconds', currency: 'USD' },
} as const

/** Null where something else was asked. */
export function descriptionOf(exchange: Exchange, desk: Desk): Response | null {
  const { method, path, query } = exchange
  if (method !== 'GET') return null
  if (path === '/api/openapi/queue/openapi.json') {
    const document = openapiOf(query.get('endpoint_id') ?? '')
    return document ? answerOf({ status: 200, body: document }) : detail(404, 'Not Found')
  }
  if (path !== '/v1/models/pricing') return null
  if (desk.account(keyOf(exchange)).status !== 'ok') return answerOf(rowOf('bad_key')!.submit!)
  const known = query.getAll('endpoint_id').filter(id => Object.hasOwn(ENDPOINT_FIELDS, id))
  const prices = known.map(id => ({
    endpoint_id: id,
    ...PRICES[/video|veo|seedance|ltx/.test(id) ? 'clip' : 'picture'],
  }))
  return answerOf({ status: 200, body: { prices, next_cursor: null, has_more: false } })
}

function openapiOf(endpoint: string): object | null {
  if (!Object.hasOwn(ENDPOINT_FIELDS, endpoint)) return null
  const fields = Object.entries(ENDPOINT_FIELDS[endpoint] ?? {})
  const input = {
    type: 'object',
    required: fields.filter(([name]) => name.endsWith('*')).map(([name]) => name.slice(0, -1)),
    properties: Object.fromEntries(fields.map(([name, field]) => [name.replace('*', ''), schemaOf(field)])),
  }
  const schema = { $ref: '#/components/schemas/Input' }
  return {
    openapi: '3.0.4',
    info: { title: `Queue OpenAPI for ${endpoint}`, version: '1.0.0' },
    paths: { [`/${endpoint}`]: { post: { requestBody: { content: { 'application/json': { schema } } } } } },
    components: { schemas: { Input: input, ImageSize: IMAGE_SIZE } },
  }
}

const SIDE = { type: 'integer', exclusiveMinimum: 0, maximum: 14_142 } as const
const IMAGE_SIZE = { type: 'object', properties: { width: SIDE, height: SIDE } } as const

function schemaOf(field: Field): object {
  if (typeof field !== 'string') return { enum: field }
  switch (field) {
    case 'text':
    case 'image':
      return { type: 'string' }
    case 'number':
      return { type: 'integer' }
    case 'boolean':
      return { type: 'boolean' }
    case 'images':
      return { type: 'array', items: { type: 'string' }, minItems: 1 }
    case 'size':
      return {
        anyOf: [
          { $ref: '#/components/schemas/ImageSize' },
          { type: 'string', enum: [...Object.keys(SIZE_PRESETS), 'auto'] },
        ],
      }
  }
}
