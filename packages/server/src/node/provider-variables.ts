/** API keys of providers: `<NAME>`, `<NAME>_2`, `_3` …, each with `_ACCOUNT` and `_DRAIN`; and other origins for their APIs. */
import type { Token } from '@safelight/core'
import type { Environment, VariableReader } from './environment.ts'
import * as shapes from './variables.ts'

const KEYS: readonly (readonly [name: string, provider: string])[] = [
  ['WAVESPEED_API_TOKEN', 'wavespeed'],
  ['HUGGINGFACE_API_TOKEN', 'huggingface'],
  ['FAL_KEY', 'fal'],
  ['FAL_API_KEY', 'fal'],
  ['REPLICATE_API_TOKEN', 'replicate'],
  ['OPENAI_API_KEY', 'openai'],
  ['GEMINI_API_KEY', 'google'],
  ['BFL_API_KEY', 'bfl'],
  ['RUNWAYML_API_SECRET', 'runway'],
]
const BASE_URLS = [
  'WAVESPEED_BASE_URL',
  'HUGGINGFACE_BASE_URL',
  'HUGGINGFACE_HUB_URL',
  'FAL_BASE_URL',
  'FAL_RUN_URL',
  'FAL_REST_URL',
  'REPLICATE_BASE_URL',
  'OPENAI_BASE_URL',
  'GEMINI_BASE_URL',
  'BFL_BASE_URL',
  'RUNWAY_BASE_URL',
]
const TOKENS_MAX = 50

export function readProviders(reader: VariableReader): Pick<Environment, 'tokens' | 'baseUrls'> {
  const tokens = KEYS.flatMap(([name, provider]) => readTokens(reader, name, provider))
  for (const { label } of tokens) reader.warn(`${label} has no effect in this version, which has no such provider yet.`)
  const read = BASE_URLS.map(name => [name, reader.read(name, shapes.apiBase)] as const)
  const baseUrls = Object.fromEntries(
    read.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  )
  return { tokens, baseUrls }
}

function readTokens(reader: VariableReader, name: string, provider: string): Token[] {
  const numbered = Array.from({ length: TOKENS_MAX - 1 }, (_, index) => `${name}_${index + 2}`)
  return [name, ...numbered].flatMap(label => {
    const secret = reader.read(label, shapes.token)
    const account = reader.read(`${label}_ACCOUNT`, shapes.word) ?? label
    const draining = reader.read(`${label}_DRAIN`, shapes.flag) ?? false
    return secret === undefined ? [] : [{ provider, label, secret, account, draining, maxOpen: null }]
  })
}
