/**
 * Whether a value is what a JSON Schema asks for: the part of the language that vendors use to describe their inputs. A word
 * that is not understood forbids nothing, so what is reported is certain.
 */
import type { Json } from '@safelight/core'

/** What does not fit: where, and in which way. */
export interface Misfit {
  problem: 'unknown_field' | 'missing_field' | 'value_refused'
  /** As in `image_size.width`. */
  field: string
  detail: string
}

/** A schema with the document it stands in, which its references lead into. */
export interface Schema {
  schema: unknown
  document: unknown
}

/** Documents may refer to themselves. */
const DEPTH_MAX = 16
const SHOWN_MAX = 12
const SHOWN_CHARACTERS_MAX = 80

export function misfitsOf({ schema, document }: Schema, value: Json): Misfit[] {
  return check({ document, depth: 0 }, schema, value, '')
}

interface Context {
  document: unknown
  depth: number
}

function check({ document, depth }: Context, given: unknown, value: Json, field: string): Misfit[] {
  const schema = resolved(given, document)
  if (depth > DEPTH_MAX || schema === null) return []
  const context = { document, depth: depth + 1 }
  const { allOf, anyOf, oneOf } = schema
  const choices = anyOf ?? oneOf
  const found = [
    ...checkHere(schema, value, field),
    ...(Array.isArray(allOf) ? allOf.flatMap(part => check(context, part, value, field)) : []),
    ...(Array.isArray(choices) ? checkAny(context, choices, value, field) : []),
    ...checkInside(context, schema, value, field),
  ]
  return Array.isArray(allOf) ? withoutKnown(found, fieldsOf(schema, document, depth), field) : found
}

/** Follows references into the document; null for anything that is no schema. */
function resolved(schema: unknown, document: unknown): Record<string, unknown> | null {
  let current = schema
  for (let steps = 0; steps < DEPTH_MAX; steps++) {
    if (!isObject(current)) return null
    const { $ref: reference } = current
    if (typeof reference !== 'string') return current
    current = at(document, reference)
  }
  return null
}

/** As in `#/components/schemas/FluxInput`. */
function at(document: unknown, reference: string): unknown {
  if (!reference.startsWith('#/')) return null
  return reference
    .slice(2)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((place, part) => (isObject(place) && Object.hasOwn(place, part) ? place[part] : null), document)
}

/** Each part may know some of the fields, so which are unknown only all of them together can say, and once. */
function withoutKnown(misfits: Misfit[], known: ReadonlySet<string>, field: string): Misfit[] {
  const unknown = misfits.filter(({ problem, field: name }) => {
    return problem !== 'unknown_field' || !known.has(field === '' ? name : name.slice(field.length + 1))
  })
  return [...new Map(unknown.map(misfit => [JSON.stringify(misfit), misfit])).values()]
}

function fieldsOf(given: unknown, document: unknown, depth: number): Set<string> {
  const schema = resolved(given, document)
  if (depth > DEPTH_MAX || schema === null) return new Set()
  const own = isObject(schema['properties']) ? Object.keys(schema['properties']) : []
  const parts = Array.isArray(schema['allOf']) ? schema['allOf'] : []
  return new Set([...own, ...parts.flatMap(part => [...fieldsOf(part, document, depth + 1)])])
}

/** What is wrong with the choice that fits best: the one that is least wrong. */
function checkAny(context: Context, choices: unknown[], value: Json, field: string): Misfit[] {
  const tries = choices.map(choice => check(context, choice, value, field))
  if (tries.length === 0 || tries.some(({ length }) => length === 0)) return []
  const inside = tries.filter(misfits => misfits.every(misfit => misfit.field !== field))
  const [best] = inside.toSorted((a, b) => a.length - b.length)
  if (best) return best
  const members = choices.flatMap(choice => membersOf(resolved(choice, context.document)))
  return [refused(field, value, members.length > 0 ? `one of ${listed(members)}` : 'any of the choices')]
}

/** What can be said without looking into it. */
function checkHere(schema: Record<string, unknown>, value: Json, field: string): Misfit[] {
  const members = membersOf(schema)
  if (members.length > 0 && !members.some(member => isSame(member, value)))
    return [refused(field, value, `one of ${listed(members)}`)]
  const types = typesOf(schema)
  if (types.length > 0 && !types.some(type => isOfType(type, value)))
    return [refused(field, value, `of type ${types.join(' or ')}`)]
  const bound = BOUNDS.find(({ name, breaks }) => typeof schema[name] === 'number' && breaks(value, schema[name]))
  return bound ? [refused(field, value, `${bound.words} ${String(schema[bound.name])}`)] : []
}

const BOUNDS: readonly { name: string; words: string; breaks: (value: Json, bound: number) => boolean }[] = [
  { name: 'minimum', words: 'at least', breaks: (value, bound) => typeof value === 'number' && value < bound },
  { name: 'maximum', words: 'at most', breaks: (value, bound) => typeof value === 'number' && value > bound },
  {
    name: 'exclusiveMinimum',
    words: 'more than',
    breaks: (value, bound) => typeof value === 'number' && value <= bound,
  },
  {
    name: 'exclusiveMaximum',
    words: 'less than',
    breaks: (value, bound) => typeof value === 'number' && value >= bound,
  },
  {
    name: 'multipleOf',
    words: 'a multiple of',
    breaks: (value, bound) => typeof value === 'number' && bound > 0 && !isWhole(value / bound),
  },
  {
    name: 'maxLength',
    words: 'no longer than',
    breaks: (value, bound) => typeof value === 'string' && value.length > bound,
  },
  {
    name: 'minItems',
    words: 'a list of at least',
    breaks: (value, bound) => Array.isArray(value) && value.length < bound,
  },
  {
    name: 'maxItems',
    words: 'a list of at most',
    breaks: (value, bound) => Array.isArray(value) && value.length > bound,
  },
]

function checkInside(context: Context, schema: Record<string, unknown>, value: Json, field: string): Misfit[] {
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? [] : value.flatMap(each => check(context, items, each, `${field}[]`))
  }
  return isObject(value) ? checkFields(context, schema, value, field) : []
}

function checkFields(context: Context, schema: Record<string, unknown>, value: Fields, field: string): Misfit[] {
  const { properties, required, additionalProperties } = schema
  const name = (key: string) => (field === '' ? key : `${field}.${key}`)
  const missing = (Array.isArray(required) ? required : [])
    .filter((key): key is string => typeof key === 'string' && value[key] === undefined)
    .map((key): Misfit => ({
      problem: 'missing_field',
      field: name(key),
      detail: 'is required, and our body has none',
    }))
  if (!isObject(properties)) return missing
  const takesMore = additionalProperties === true || isObject(additionalProperties)
  const inside = Object.entries(value).flatMap(([key, each]): Misfit[] => {
    if (each === undefined) return []
    if (Object.hasOwn(properties, key)) return check(context, properties[key], each, name(key))
    if (takesMore) return []
    return [{ problem: 'unknown_field', field: name(key), detail: 'is no field of the endpoint, and our body has one' }]
  })
  return [...missing, ...inside]
}

type Fields = Record<string, Json | undefined>

function refused(field: string, value: Json, expected: string): Misfit {
  return { problem: 'value_refused', field, detail: `our ${shown(value)} is not ${expected}` }
}

function membersOf(schema: Record<string, unknown> | null): unknown[] {
  if (schema === null) return []
  if (Array.isArray(schema['enum'])) return schema['enum']
  return 'const' in schema ? [schema['const']] : []
}

function typesOf({ type, nullable }: Record<string, unknown>): string[] {
  const types = (Array.isArray(type) ? type : [type]).filter((each): each is string => typeof each === 'string')
  return nullable === true && types.length > 0 ? [...types, 'null'] : types
}

function isOfType(type: string, value: Json): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type
    case 'number':
      return typeof value === 'number'
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'null':
      return value === null
    default:
      return true
  }
}

/** Tenths are no exact numbers. */
function isWhole(quotient: number): boolean {
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient))
}

function isObject(value: unknown): value is Record<string, unknown> & Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function listed(members: readonly unknown[]): string {
  const more = members.length > SHOWN_MAX ? ` and ${members.length - SHOWN_MAX} more` : ''
  return members.slice(0, SHOWN_MAX).map(shown).join(', ') + more
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text
}
