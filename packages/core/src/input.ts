/** From what a caller wrote to a `ModelInput`: every field that the model has is checked, every other one refused. */
import type { ModelInput, SizeId } from './contracts.ts'
import { SafelightError, type FieldProblem } from './errors.ts'
import type { Model } from './models.ts'

export const PROMPT_MAX_CHARACTERS = 2000
const SEED_MAX = 2n ** 63n - 1n

type Given = Record<string, unknown>
/** Reads one field or throws the sentence that says what would be allowed. */
type Reader = (value: unknown, model: Model) => unknown

const readers: Record<keyof ModelInput, Reader> = {
  prompt: value => text(value, 1),
  size: (value, model) => oneOf(value ?? defaultSize(model), Object.keys(model.sizes)),
  count: (value, model) => whole(value ?? 1, 1, model.maxCount ?? 1),
  seed: value => seed(value),
  duration: (value, model) => oneOf(value ?? model.durations?.[0], model.durations ?? []),
  style: (value, model) => oneOf(value ?? model.styles?.[0]?.id, model.styles?.map(style => style.id) ?? []),
  negativePrompt: value => (value === undefined ? undefined : text(value, 0)),
  images: (value, model) => ids(value, model.images ?? { required: false, maxCount: 0 }),
}

/** What was asked for. A seed that is not given stays out: the engine draws one after the request has been hashed. */
export type ParsedInput = Omit<ModelInput, 'seed'> & { seed?: string }

/**
 * `input` as the model understands it, with its defaults, whoever may keep them; throws `invalid_input` with every field that
 * does not fit.
 */
export function parseInput(model: Model, given: unknown): ParsedInput {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid([{ path: 'input', message: 'must be an object' }])
  }
  const has = fieldsOf(model)
  const problems: FieldProblem[] = Object.keys(given)
    .filter(field => !has.includes(field as keyof ModelInput))
    .map(field => ({ path: `input.${field}`, message: `is not a field of ${model.id}, which takes ${has.join(', ')}` }))
  const read: Given = {}
  for (const field of has) {
    try {
      const value = readers[field]((given as Given)[field], model)
      if (value !== undefined) read[field] = value
    } catch (problem) {
      if (!(problem instanceof Misfit)) throw problem
      problems.push({ path: `input.${field}`, message: problem.message })
    }
  }
  if (problems.length > 0) throw invalid(problems)
  return read as unknown as ParsedInput
}

/**
 * What the caller left open becomes something that can be made: the model's defaults where they are, else the first choice
 * that is. Where nothing is, the defaults stay. What the caller wrote is never changed.
 */
export function choose(
  model: Model,
  given: unknown,
  parsed: ParsedInput,
  isMade: (input: ParsedInput) => boolean,
): ParsedInput {
  if (isMade(parsed)) return parsed
  const isOpen = (field: 'size' | 'style' | 'duration') => (given as Given)[field] === undefined
  const sizes = isOpen('size') ? (Object.keys(model.sizes) as SizeId[]) : []
  const styles = isOpen('style') ? (model.styles ?? []).map(({ id }) => id) : []
  const durations = isOpen('duration') ? (model.durations ?? []) : []
  // The length gives way first, the format last.
  for (const size of [parsed.size, ...sizes])
    for (const style of [parsed.style, ...styles])
      for (const duration of [parsed.duration, ...durations]) {
        const choice = { ...parsed, size, ...(style && { style }), ...(duration && { duration }) }
        if (isMade(choice)) return choice
      }
  return parsed
}

/** The fields that a request for this model may have. */
export function fieldsOf(model: Model): (keyof ModelInput)[] {
  const fields: (keyof ModelInput)[] = ['prompt', 'size', 'count', 'seed']
  if (model.durations) fields.push('duration')
  if (model.styles) fields.push('style')
  if (model.takesNegativePrompt) fields.push('negativePrompt')
  if (model.images) fields.push('images')
  return fields
}

class Misfit extends Error {}

function invalid(fields: FieldProblem[]): SafelightError {
  const detail = fields.map(({ path, message }) => `${path} ${message}`).join('; ')
  return new SafelightError('invalid_input', `${detail}.`, { fields })
}

function text(value: unknown, min: number): string {
  if (typeof value !== 'string') throw new Misfit('must be text')
  const characters = [...value.trim()].length
  if (characters < min) throw new Misfit(`must not be empty`)
  if ([...value].length > PROMPT_MAX_CHARACTERS) throw new Misfit(`must be at most ${PROMPT_MAX_CHARACTERS} characters`)
  // Neither NUL nor half a character can be stored by a database or sent as UTF-8.
  if (value.includes('\0') || !value.isWellFormed()) throw new Misfit('must be well-formed text without NUL')
  return value
}

function oneOf<Value>(value: unknown, allowed: readonly Value[]): Value {
  const found = allowed.find(candidate => candidate === value)
  if (found === undefined) throw new Misfit(`must be one of ${allowed.join(', ')}`)
  return found
}

function whole(value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new Misfit(min === max ? `must be ${min}` : `must be a whole number from ${min} to ${max}`)
  }
  return value
}

function seed(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const digits = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof digits !== 'string' || !/^\d{1,19}$/.test(digits) || BigInt(digits) > SEED_MAX) {
    throw new Misfit('must be a whole number from 0 to 2^63 - 1')
  }
  return String(BigInt(digits))
}

function ids(value: unknown, { required, maxCount }: { required: boolean; maxCount: number }): string[] | undefined {
  if (value === undefined && !required) return undefined
  const fits = Array.isArray(value) && value.length <= maxCount && (value.length > 0 || !required)
  if (!fits || !value.every(id => typeof id === 'string')) {
    throw new Misfit(`must be a list of ${required ? '1' : '0'} to ${maxCount} media ids`)
  }
  return value
}

function defaultSize(model: Model): SizeId {
  return model.sizes.square ? 'square' : (Object.keys(model.sizes)[0] as SizeId)
}
