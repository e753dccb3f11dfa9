/** Where input pictures go in a request, and the request with its pictures in place. */
import { refused } from '@safelight/core/adapter'
import type { Api, Refused } from '@safelight/core/adapter'
import type { Json, JsonObject, SubmitCall } from '@safelight/core'
import { redacted } from './failures.ts'

/** Stands in a route's body where the input picture with this number goes. */
export function inputImage(index: number): JsonObject {
  return { $input: index }
}

/** All of them, for endpoints that take a list. */
export function inputImages(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, index) => inputImage(index))
}

/** The body as it is sent. A refusal is certain: nothing has been handed over yet, whatever went wrong. */
export async function bodyWithInputs(rest: Api, call: SubmitCall): Promise<{ body: JsonObject } | Refused> {
  const { body } = call
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return refused('invalid_input', 'The body of a fal request is an object.')
  }
  const wanted = [...new Set(placesIn(body))]
  if (wanted.length === 0) return { body }
  try {
    // Most requests have no pictures. Not to be had is no more than not having reached fal: the job is tried again.
    const { addressesOf } = await import('./pictures.ts')
    const addresses = await addressesOf(rest, call, wanted)
    return addresses instanceof Map ? { body: filled(body, addresses) as JsonObject } : addresses
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return refused('unreachable', redacted(`An input picture did not reach fal: ${reason}`, call.token))
  }
}

function* placesIn(value: Json | undefined): Generator<number> {
  if (typeof value !== 'object' || value === null) return
  const index = placeOf(value)
  if (index !== undefined) return yield index
  for (const each of Array.isArray(value) ? value : Object.values(value)) yield* placesIn(each)
}

function placeOf(value: Json): number | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const index = value['$input']
  return typeof index === 'number' ? index : undefined
}

function filled(value: Json, addresses: ReadonlyMap<number, string>): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(each => filled(each, addresses))
  const index = placeOf(value)
  if (index !== undefined) return addresses.get(index) ?? null
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, addresses)]))
}
