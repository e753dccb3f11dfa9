/** What our routes send: each route with sample bodies, as they go out, for everything that it takes. */
import { everyRequest, sizeOf, type Json, type Model, type Route } from '@safelight/core'

/** A route of ours, and what it may send. */
export interface RouteUse {
  provider: string
  endpoint: string
  /** Ids of our models that are made here. */
  models: string[]
  bodies: Json[]
}

/** Stands where a picture's address would. */
const PICTURE = 'https://pictures.example/picture.png'
/** The ends of what a caller may ask for. */
const SEEDS = ['1', '9223372036854775807'] as const

/** All routes of these providers; several models that go to one endpoint are one use. */
export function usesOf(models: readonly Model[], providers: readonly string[]): RouteUse[] {
  const uses = new Map<string, RouteUse>()
  for (const model of models)
    for (const route of model.routes.filter(({ provider }) => providers.includes(provider))) {
      const { provider, endpoint } = route
      const key = `${provider} ${endpoint}`
      const use = uses.get(key) ?? { provider, endpoint, models: [], bodies: [] }
      uses.set(key, use)
      if (!use.models.includes(model.id)) use.models.push(model.id)
      use.bodies.push(...bodiesOf(model, route))
    }
  return [...uses.values()]
}

function bodiesOf(model: Model, route: Route): Json[] {
  const bodies = everyRequest(model)
    .filter(request => route.takes?.(request) ?? true)
    .flatMap(request =>
      SEEDS.map(seed => {
        const pictures = request.images?.length ?? 0
        return sentBody(route.body({ ...request, seed }, sizeOf(model, request.size)), pictures)
      }),
    )
  return [...new Map(bodies.map(body => [JSON.stringify(body), body])).values()]
}

/**
 * A body as it goes out. Adapters mark where pictures go: `{ $input: 0 }` or `{ $input: 'first' }` for one, `{ $input:
 * 'all' }` for all of them; or the body says beside its `input` in which field they go.
 */
function sentBody(body: Json, pictures: number): Json {
  const marked = filled(body, pictures)
  if (!isFields(marked) || !isFields(marked['input'])) return marked
  const { input, pictures: place } = marked
  const field = isFields(place) ? place['field'] : undefined
  if (typeof field !== 'string' || !isFields(place) || pictures === 0) return input
  return { ...input, [field]: place['as'] === 'list' ? Array<Json>(pictures).fill(PICTURE) : PICTURE }
}

function filled(value: Json, pictures: number): Json {
  if (Array.isArray(value)) return value.map(each => filled(each, pictures))
  if (!isFields(value)) return value
  const { $input: mark } = value
  if (mark === 'all') return Array<Json>(pictures).fill(PICTURE)
  if (mark !== undefined) return PICTURE
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, pictures)]))
}

function isFields(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
