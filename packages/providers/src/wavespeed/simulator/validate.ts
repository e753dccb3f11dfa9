/** Is this a body that the endpoint takes? The sentence is ours: what WaveSpeed writes is not documented. */
import { at } from '@safelight/core/adapter'
import type { Endpoint } from './endpoints.ts'
import type { Field } from './fields.ts'

/**
 * What is wrong with it; null where nothing is. Fields that the endpoint does not have are let through: Hugging Face's client
 * sends `image` and `images` to every model, and works. `isStrict` finds them.
 */
export function problemWith(
  { fields, required, sides }: Endpoint,
  body: unknown,
  { isStrict = false } = {},
): string | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'request body must be an object'
  for (const name of required) {
    const value = at(body, name)
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) {
      return `field "${name}" is required and must not be empty`
    }
  }
  for (const [name, value] of Object.entries(body)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field && isStrict) return `field "${name}" is unknown`
    const problem = field ? problemWithValue(field, value) : null
    if (problem) return `field "${name}" ${problem}`
  }
  const size = at(body, 'size')
  if (sides && typeof size === 'string' && !size.split('*').every(side => isBetween(Number(side), sides))) {
    return `field "size" must be between ${sides[0]} and ${sides[1]}`
  }
  return null
}

function isBetween(value: number, [min, max]: readonly [number, number]): boolean {
  return value >= min && value <= max
}

function problemWithValue(field: Field, value: unknown): string | null {
  if (!isOfType(field, value)) return `must be of type ${field.type}`
  if (field.enum && !field.enum.includes(value as string)) return `must be one of ${field.enum.join(', ')}`
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = field
    if (!isBetween(value, [minimum, maximum])) return `must be between ${minimum} and ${maximum}`
  }
  if (typeof value === 'string') {
    if (field.maxLength !== undefined && [...value].length > field.maxLength) return `is longer than ${field.maxLength}`
    if (field.pattern && !new RegExp(field.pattern).test(value)) return `must match ${field.pattern}`
    if (field['x-ui-component'] && !isFile(value)) return 'must be a URL or base64 of an image'
  }
  if (Array.isArray(value)) {
    if (value.length > (field.maxItems ?? Infinity)) return `takes at most ${field.maxItems} items`
    if (field['x-ui-component'] && !value.every(isFile)) return 'must be URLs or base64 of images'
  }
  return null
}

function isOfType({ type }: Field, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function isFile(value: unknown): boolean {
  return typeof value === 'string' && /^(https?:\/\/|data:image\/|[A-Za-z0-9+/]{16})/.test(value)
}
