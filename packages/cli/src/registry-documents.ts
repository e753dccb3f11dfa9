/** Asks vendors what they say about their endpoints today. */
import type { Token } from '@safelight/core'
import { at, createApi, textAt, type Answer, type Api } from '@safelight/core/adapter'
import {
  falListing,
  falPrices,
  replicateListing,
  wavespeedListings,
  type Listing,
  type Price,
  type RouteUse,
} from '@safelight/providers/registry'
import type { ProviderVariables } from '@safelight/server/node'

export interface AskOptions extends Pick<ProviderVariables, 'tokens' | 'baseUrls'> {
  fetch: typeof globalThis.fetch
}
type Ask = (endpoint: string) => Promise<Listing>

/** Providers whose endpoints are described in documents that are known. */
export const DESCRIBED = ['fal', 'wavespeed', 'replicate'] as const
type Described = (typeof DESCRIBED)[number]

const REQUEST_SECONDS = 30
const AT_ONCE = 4
const PRICES_AT_ONCE = 25
const NO_KEY: Token = { provider: '', label: '', secret: '', account: '', draining: false, maxOpen: null }

/**
 * What each use's vendor says of its endpoint; nothing where it would need a key. Never throws: what cannot be read is
 * `unread`, with a reason that quotes nobody.
 */
export async function askVendors(uses: readonly RouteUse[], options: AskOptions): Promise<Map<RouteUse, Listing>> {
  const listings = new Map<RouteUse, Listing>()
  for (const provider of DESCRIBED) {
    const own = uses.filter(use => use.provider === provider)
    const ask = own.length > 0 ? await VENDORS[provider](options, own) : null
    if (ask) for (const [use, listing] of believable(await askAll(own, ask))) listings.set(use, listing)
  }
  return listings
}

async function askAll(uses: readonly RouteUse[], ask: Ask): Promise<[RouteUse, Listing][]> {
  const answers: [RouteUse, Listing][] = []
  const waiting = [...uses]
  const askOn = async () => {
    for (let use = waiting.shift(); use; use = waiting.shift()) answers.push([use, await ask(use.endpoint)])
  }
  await Promise.all(Array.from({ length: AT_ONCE }, askOn))
  return answers
}

/** Where nothing at all is listed, it is the list that has gone. */
function believable(answers: [RouteUse, Listing][]): [RouteUse, Listing][] {
  const isAllGone = answers.length > 1 && answers.every(([, { status }]) => status === 'gone')
  if (!isAllGone) return answers
  return answers.map(([use]) => [use, { status: 'unread', reason: 'nothing is described there' }])
}

const VENDORS: Record<Described, (options: AskOptions, uses: readonly RouteUse[]) => Promise<Ask | null>> = {
  fal: askFal,
  wavespeed: askWavespeed,
  replicate: askReplicate,
}

/**
 * fal's descriptions need no key, its prices do (fal.ai/docs). Both live on hosts of their own; where another origin stands
 * in for fal, it is asked for both.
 */
async function askFal({ tokens, baseUrls, fetch }: AskOptions, uses: readonly RouteUse[]): Promise<Ask> {
  const elsewhere = [baseUrls.FAL_REST_URL, baseUrls.FAL_BASE_URL].find(url => url !== undefined && !isFals(url))
  const descriptions = createApi({ base: elsewhere ?? 'https://fal.ai', authorize: () => ({}) })
  const platform = createApi({
    base: elsewhere ?? 'https://api.fal.ai',
    authorize: ({ secret }) => ({ authorization: `Key ${secret}` }),
  })
  const token = tokens.find(({ provider }) => provider === 'fal')
  const prices = token ? await pricesOf(platform, token, fetch, uses) : new Map<string, Price>()
  return async endpoint => {
    const path = `/api/openapi/queue/openapi.json?endpoint_id=${encodeURIComponent(endpoint)}`
    const answer = await request(descriptions, NO_KEY, fetch, path)
    const listing = listingIn(answer, document => falListing(document, endpoint))
    return listing.status === 'listed' ? { ...listing, price: prices.get(endpoint) ?? null } : listing
  }
}

/** A host of fal's own, which tells neither: written out, it stands in for nothing. */
function isFals(url: string): boolean {
  return /(^|\.)fal\.(ai|run)$/.test(new URL(url).hostname)
}

/** Prices are a favour: without them everything else is still compared. */
async function pricesOf(
  platform: Api,
  token: Token,
  fetch: AskOptions['fetch'],
  uses: readonly RouteUse[],
): Promise<Map<string, Price>> {
  const prices = new Map<string, Price>()
  for (let from = 0; from < uses.length; from += PRICES_AT_ONCE) {
    const query = new URLSearchParams(uses.slice(from, from + PRICES_AT_ONCE).map(use => ['endpoint_id', use.endpoint]))
    const answer = await request(platform, token, fetch, `/v1/models/pricing?${query}`)
    if (answer instanceof Error || answer.status !== 200) return prices
    for (const [endpoint, price] of falPrices(answer.json)) prices.set(endpoint, price)
  }
  return prices
}

/** One list for all (wavespeed.ai/docs). */
async function askWavespeed({ tokens, baseUrls, fetch }: AskOptions): Promise<Ask | null> {
  const token = tokens.find(({ provider }) => provider === 'wavespeed')
  if (!token) return null
  const api = createApi({
    base: baseUrls.WAVESPEED_BASE_URL ?? 'https://api.wavespeed.ai',
    prefix: '/api/v3',
    authorize: ({ secret }) => ({ authorization: `Bearer ${secret}` }),
  })
  const answer = await request(api, token, fetch, '/models')
  if (answer instanceof Error) return unreadAll(answer.message)
  const listingOf = answer.status === 200 ? wavespeedListings(answer.json) : null
  if (!listingOf) return unreadAll(`the list of models was answered with ${describe(answer)}`)
  return endpoint => Promise.resolve(listingOf(endpoint))
}

/** Each model has its own (replicate.com/docs/reference/http#models.get). */
async function askReplicate({ tokens, baseUrls, fetch }: AskOptions): Promise<Ask | null> {
  const token = tokens.find(({ provider }) => provider === 'replicate')
  if (!token) return null
  const api = createApi({
    base: baseUrls.REPLICATE_BASE_URL ?? 'https://api.replicate.com',
    prefix: '/v1',
    authorize: ({ secret }) => ({ authorization: `Bearer ${secret}` }),
  })
  return async endpoint => {
    const [name = ''] = endpoint.split(':')
    const answer = await request(api, token, fetch, `/models/${name}`)
    return listingIn(answer, replicateListing)
  }
}

/** What OpenAI says of its models: when each is shut down (developers.openai.com/api/docs/deprecations). */
export async function openaiShutdowns({ tokens, baseUrls, fetch }: AskOptions): Promise<Map<string, string> | null> {
  const token = tokens.find(({ provider }) => provider === 'openai')
  if (!token) return null
  const api = createApi({
    base: baseUrls.OPENAI_BASE_URL ?? 'https://api.openai.com',
    prefix: '/v1',
    authorize: ({ secret }) => ({ authorization: `Bearer ${secret}` }),
  })
  const answer = await request(api, token, fetch, '/models')
  const models = answer instanceof Error || answer.status !== 200 ? undefined : at(answer.json, 'data')
  if (!Array.isArray(models)) throw new Error(`OpenAI's list of models could not be read: ${describe(answer)}.`)
  const dated = models.map((model: unknown) => [textAt(model, 'id'), textAt(model, 'shutdown_date')] as const)
  return new Map(
    dated.filter((pair): pair is readonly [string, string] => pair[0] !== undefined && pair[1] !== undefined),
  )
}

function listingIn(answer: Answer | Error, read: (document: unknown) => Listing): Listing {
  if (answer instanceof Error) return { status: 'unread', reason: answer.message }
  // A gateway's page is no word of the vendor about the endpoint.
  if (answer.status === 404 && answer.json !== undefined) return { status: 'gone' }
  if (answer.status !== 200) return { status: 'unread', reason: `it was answered with ${describe(answer)}` }
  return read(answer.json)
}

function unreadAll(reason: string): Ask {
  return () => Promise.resolve({ status: 'unread', reason })
}

async function request(api: Api, token: Token, fetch: AskOptions['fetch'], path: string): Promise<Answer | Error> {
  try {
    return await api.request({ token, fetch, signal: AbortSignal.timeout(REQUEST_SECONDS * 1000) }, { path })
  } catch {
    // What the error says may quote the request, and with it the key.
    return new Error(`${new URL(api.url('/')).host} does not answer`)
  }
}

function describe(answer: Answer | Error): string {
  if (answer instanceof Error) return answer.message
  return answer.status === 200 ? 'something else than is known' : `status ${answer.status}`
}
