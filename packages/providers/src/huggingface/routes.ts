/**
 * Routes through the Hugging Face router. Their endpoint reads `<party>:<Hugging Face model>`, as in
 * `fal-ai:black-forest-labs/FLUX.1-dev`; a party is who really makes it ("inference provider" in Hugging Face's words).
 */
import type { Json, JsonObject, ModelInput, Route, Size } from '@safelight/core'
import { at, textAt } from '@safelight/core/adapter'

export const PARTY_IDS = ['fal-ai', 'wavespeed', 'replicate', 'nscale', 'together', 'hf-inference'] as const
export type PartyId = (typeof PARTY_IDS)[number]

/** Of Hugging Face's tasks, those that make pictures or clips. */
export const TASKS = ['text-to-image', 'image-to-image', 'text-to-video', 'image-to-video'] as const
export type Task = (typeof TASKS)[number]

/** Where input pictures go in the party's body, and as what. */
export interface Places {
  encoding: 'data-uri' | 'base64'
  /** Fields that take the first picture. */
  first?: readonly string[]
  /** Fields that take the list of all. */
  all?: readonly string[]
}

export interface RoutedOptions {
  through: PartyId
  /** As on huggingface.co. */
  model: string
  task: Task
  /**
   * The party's own name of the model, for when the hub does not answer; what the hub says counts. Without it the route
   * needs the hub.
   */
  providerId?: string
  /** The party's own body, without the model's name and without input pictures. */
  input: (input: ModelInput, size: Size) => JsonObject
  images?: Places
  takes?: NonNullable<Route['takes']>
}

/** One way to make a model of huggingface.co, for `offer` and `defineModel`. */
export function routed({ through, model, task, providerId, input, images, takes }: RoutedOptions): Route {
  return {
    provider: 'huggingface',
    endpoint: `${through}:${model}`,
    ...(takes ? { takes } : {}),
    body: (given, size): Json => ({
      task,
      providerId: providerId ?? null,
      images: images ? placesAsJson(images) : null,
      input: input(given, size),
    }),
  }
}

function placesAsJson({ encoding, first = [], all = [] }: Places): JsonObject {
  return { encoding, first: [...first], all: [...all] }
}

/** What a route says, read back from a submit. */
export interface RouteOrder {
  party: PartyId
  model: string
  task: Task
  knownProviderId: string | null
  places: Required<Places> | null
  input: JsonObject
}

/** Null for what none of our routes says. */
export function readOrder(endpoint: string, body: Json): RouteOrder | null {
  const colon = endpoint.indexOf(':')
  const party = PARTY_IDS.find(id => id === endpoint.slice(0, colon))
  const model = endpoint.slice(colon + 1)
  const task = TASKS.find(each => each === at(body, 'task'))
  const input = at(body, 'input')
  if (!party || !MODEL_ID.test(model) || !task || !isObject(input)) return null
  const knownProviderId = textAt(body, 'providerId') ?? null
  return { party, model, task, knownProviderId, places: readPlaces(at(body, 'images')), input }
}

/** `owner/name`, without anything that could mean another path. */
const MODEL_ID = /^[\w-][\w.-]*\/[\w-][\w.-]*$/

function readPlaces(value: unknown): Required<Places> | null {
  if (!isObject(value)) return null
  const fields = (name: string) => [at(value, name)].flat().filter(field => typeof field === 'string')
  const encoding = at(value, 'encoding') === 'base64' ? 'base64' : 'data-uri'
  return { encoding, first: fields('first'), all: fields('all') }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
