/** The documents in which vendors describe their endpoints, read into one form. */
import { at, listAt, numberAt, textAt } from '@safelight/core/adapter'
import type { Schema } from './schema.ts'

/** What a vendor says about an endpoint today. */
export type Listing =
  | { status: 'listed'; input: Schema; price: Price | null }
  | { status: 'gone' }
  /** Nobody knows: the document did not come, or is not what it was. */
  | { status: 'unread'; reason: string }

export interface Price {
  amount: number
  currency: string
  /** As in `image`, `megapixel`, `second`. */
  unit: string
}

const UNREADABLE = { status: 'unread', reason: 'the description is not in the form that is known' } as const

/** fal.ai/api/openapi/queue/openapi.json?endpoint_id=…: OpenAPI of one endpoint; its POST takes the input itself. */
export function falListing(document: unknown, endpoint: string): Listing {
  const paths = at(document, 'paths')
  const schema =
    at(paths, `/${endpoint}`, 'post', 'requestBody', 'content', 'application/json', 'schema') ??
    at(paths, '/', 'post', 'requestBody', 'content', 'application/json', 'schema')
  return schema === undefined ? UNREADABLE : { status: 'listed', input: { schema, document }, price: null }
}

/** api.fal.ai/v1/models/pricing: prices by endpoint. */
export function falPrices(document: unknown): Map<string, Price> {
  const prices = new Map<string, Price>()
  for (const entry of listAt(document, 'prices')) {
    const endpoint = textAt(entry, 'endpoint_id')
    const amount = numberAt(entry, 'unit_price')
    if (endpoint === undefined || amount === undefined) continue
    prices.set(endpoint, {
      amount,
      currency: textAt(entry, 'currency') ?? 'USD',
      unit: textAt(entry, 'unit') ?? 'unit',
    })
  }
  return prices
}

/** api.wavespeed.ai/api/v3/models: every model with its schemas; null where the list is not one. */
export function wavespeedListings(document: unknown): ((endpoint: string) => Listing) | null {
  const models = listAt(document, 'data')
  if (models.length === 0) return null
  const byId = new Map(models.map(model => [textAt(model, 'model_id'), model]))
  return endpoint => {
    const model = byId.get(endpoint)
    if (model === undefined) return { status: 'gone' }
    const schemas = listAt(model, 'api_schema', 'api_schemas')
    const run = schemas.find(each => textAt(each, 'type') === 'model_run') ?? schemas[0]
    const schema = at(run, 'request_schema')
    if (schema === undefined) return UNREADABLE
    const amount = numberAt(model, 'base_price')
    const price = amount === undefined ? null : { amount, currency: 'USD', unit: 'run' }
    return { status: 'listed', input: { schema, document: schema }, price }
  }
}

/** api.replicate.com/v1/models/{owner}/{name}: the model, with the OpenAPI of its latest version. */
export function replicateListing(document: unknown): Listing {
  const openapi = at(document, 'latest_version', 'openapi_schema')
  const schema = at(openapi, 'components', 'schemas', 'Input')
  return schema === undefined ? UNREADABLE : { status: 'listed', input: { schema, document: openapi }, price: null }
}
