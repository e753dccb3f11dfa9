/** API keys of providers: `<NAME>`, `<NAME>_2`, `_3` …, each with `_ACCOUNT` and `_DRAIN`; and other origins for their APIs. */
import type { Token } from '@safelight/core'
import type { VariableReader } from './environment.ts'
import * as shapes from './variables.ts'

/** What the environment says about providers. */
export interface ProviderVariables {
  /** API keys; the label is the name of the variable. */
  tokens: Token[]
  /** Other origins for the providers' APIs, by the name of the variable. */
  baseUrls: Partial<Record<BaseUrlName, string>>
}

/** The variables of one provider. */
interface Vendor {
  provider: string
  /** Of its key; a second name means the same, and the first is its label. */
  keys: readonly [string, ...string[]]
  baseUrls: readonly string[]
}

const VENDORS = [
  { provider: 'wavespeed', keys: ['WAVESPEED_API_TOKEN'], baseUrls: ['WAVESPEED_BASE_URL'] },
  {
    provider: 'huggingface',
    keys: ['HUGGINGFACE_API_TOKEN'],
    baseUrls: ['HUGGINGFACE_BASE_URL', 'HUGGINGFACE_HUB_URL'],
  },
  { provider: 'fal', keys: ['FAL_KEY', 'FAL_API_KEY'], baseUrls: ['FAL_BASE_URL', 'FAL_RUN_URL', 'FAL_REST_URL'] },
  { provider: 'replicate', keys: ['REPLICATE_API_TOKEN'], baseUrls: ['REPLICATE_BASE_URL'] },
  { provider: 'openai', keys: ['OPENAI_API_KEY'], baseUrls: ['OPENAI_BASE_URL'] },
  { provider: 'google', keys: ['GEMINI_API_KEY'], baseUrls: ['GEMINI_BASE_URL'] },
  { provider: 'bfl', keys: ['BFL_API_KEY'], baseUrls: ['BFL_BASE_URL'] },
  { provider: 'runway', keys: ['RUNWAYML_API_SECRET'], baseUrls: ['RUNWAY_BASE_URL'] },
] as const satisfies readonly Vendor[]
type BaseUrlName = (typeof VENDORS)[number]['baseUrls'][number]

/** Keys of one provider are numbered up to here. */
const TOKENS_MAX = 50
const NUMBERS = Array.from({ length: TOKENS_MAX - 1 }, (_, index) => `_${index + 2}`)
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

export function readProviders(reader: VariableReader): ProviderVariables {
  const read = VENDORS.map(vendor => {
    const tokens = readTokens(reader, vendor)
    return { tokens, baseUrls: readBaseUrls(reader, vendor, tokens.length > 0) }
  })
  return {
    tokens: read.flatMap(({ tokens }) => tokens),
    baseUrls: Object.assign({}, ...read.map(({ baseUrls }) => baseUrls)) as ProviderVariables['baseUrls'],
  }
}

/** The variable of a provider's key. */
export function keyNameOf(provider: string): string | undefined {
  return VENDORS.find(vendor => vendor.provider === provider)?.keys[0]
}

/** The variables that lead to the APIs of a provider. */
export function baseUrlNamesOf(provider: string): readonly BaseUrlName[] {
  return VENDORS.find(vendor => vendor.provider === provider)?.baseUrls ?? []
}

/** Whether a base URL leads to this machine: a simulator, or a proxy of one's own. */
export function isLoopbackUrl(url: string): boolean {
  return LOOPBACK.test(URL.parse(url)?.hostname ?? '')
}

function readTokens(reader: VariableReader, { provider, keys }: Vendor): Token[] {
  const tokens: Token[] = []
  for (const number of ['', ...NUMBERS]) {
    const label = keys[0] + number
    const names = keys.map(key => key + number)
    const secret = reader.first(names, shapes.token) ?? (label === 'FAL_KEY' ? readFalPair(reader) : undefined)
    const account = reader.first(names.map(suffixed('_ACCOUNT')), shapes.word)
    const draining = reader.first(names.map(suffixed('_DRAIN')), shapes.flag) ?? false
    if (secret === undefined) continue
    const twin = tokens.find(token => token.secret === secret)
    if (twin) reader.warn(`${label} is the same key as ${twin.label}.`)
    tokens.push({ provider, label, secret, account: account ?? twin?.account ?? label, draining, maxOpen: null })
    for (const unused of names.filter(name => reader.names.includes(name)).slice(1))
      reader.warn(`${unused} has no effect, because ${names[0]} is set.`)
  }
  const beyond = reader.names.filter(name => keys.some(key => isNumberOf(key, name) && !isRead(key, name)))
  for (const name of beyond) reader.warn(`${name} has no effect: keys are numbered from _2 to _${TOKENS_MAX}.`)
  return tokens
}

/** fal shows a key in two halves, too (fal.ai/docs, "Authentication"). */
function readFalPair(reader: VariableReader): string | undefined {
  const [id, secret] = ['FAL_KEY_ID', 'FAL_KEY_SECRET'].map(name => reader.read(name, shapes.token))
  if (id !== undefined && secret !== undefined) return `${id}:${secret}`
  const [idIsSet, secretIsSet] = ['FAL_KEY_ID', 'FAL_KEY_SECRET'].map(name => reader.names.includes(name))
  if (idIsSet !== secretIsSet) reader.problem('FAL_KEY_ID and FAL_KEY_SECRET must be set together.')
  return undefined
}

function readBaseUrls(
  reader: VariableReader,
  { keys, baseUrls }: Vendor,
  hasTokens: boolean,
): Partial<Record<string, string>> {
  const urls: Record<string, string> = {}
  for (const name of baseUrls) {
    const url = reader.read(name, shapes.apiBase)
    if (url === undefined) continue
    urls[name] = url
    if (!hasTokens) reader.warn(`${name} has no effect without ${keys[0]}.`)
    else if (url.startsWith('http:') && !isLoopbackUrl(url))
      reader.warn(`${name} is no https address, so the key goes there unencrypted.`)
  }
  return urls
}

function suffixed(suffix: string): (name: string) => string {
  return name => name + suffix
}

function isNumberOf(key: string, name: string): boolean {
  return name.startsWith(`${key}_`) && /^\d+$/.test(name.slice(key.length + 1))
}

function isRead(key: string, name: string): boolean {
  return NUMBERS.includes(name.slice(key.length))
}
