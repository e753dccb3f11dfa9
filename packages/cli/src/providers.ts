/** Which providers there are: the one on this machine, and those with a key in the environment. */
import type { Model, ProviderOption, Studio, Token, Transport } from '@safelight/core'
import { nodeTransport } from '@safelight/core/node'
import type { Log } from '@safelight/server'
import { isLoopbackUrl, type ProviderVariables } from '@safelight/server/node'

type BaseUrls = ProviderVariables['baseUrls']
type Load = (urls: BaseUrls) => Promise<ProviderOption>

/**
 * Each is loaded where it has a key. Where several make a model they are tried in this order: those that take a job and
 * let us look come before those that hold the line until it is done, since a line that is cut loses what was paid for.
 */
const VENDORS: readonly (readonly [provider: string, load: Load])[] = [
  [
    'fal',
    async urls => {
      const { fal } = await import('@safelight/providers/fal')
      return fal(given({ queueUrl: urls.FAL_BASE_URL, runUrl: urls.FAL_RUN_URL, restUrl: urls.FAL_REST_URL }))
    },
  ],
  [
    'wavespeed',
    async urls =>
      (await import('@safelight/providers/wavespeed')).wavespeed(given({ baseUrl: urls.WAVESPEED_BASE_URL })),
  ],
  [
    'replicate',
    async urls =>
      (await import('@safelight/providers/replicate')).replicate(given({ baseUrl: urls.REPLICATE_BASE_URL })),
  ],
  ['bfl', async urls => (await import('@safelight/providers/bfl')).bfl(given({ baseUrl: urls.BFL_BASE_URL }))],
  [
    'runway',
    async urls => (await import('@safelight/providers/runway')).runway(given({ baseUrl: urls.RUNWAY_BASE_URL })),
  ],
  [
    'google',
    async urls => (await import('@safelight/providers/google')).google(given({ baseUrl: urls.GEMINI_BASE_URL })),
  ],
  [
    'openai',
    async urls => (await import('@safelight/providers/openai')).openai(given({ baseUrl: urls.OPENAI_BASE_URL })),
  ],
  [
    'huggingface',
    async urls => {
      const { huggingface } = await import('@safelight/providers/huggingface')
      return huggingface(given({ routerUrl: urls.HUGGINGFACE_BASE_URL, hubUrl: urls.HUGGINGFACE_HUB_URL }))
    },
  ],
]

const SHUTDOWN_DAYS = 30
const DAY_MS = 86_400_000

/** Every provider with a key, also where the key is only left to look: jobs it began are still open. */
export async function loadProviders({ tokens, baseUrls }: ProviderVariables): Promise<ProviderOption[]> {
  const wanted = new Set(tokens.map(({ provider }) => provider))
  return Promise.all(VENDORS.filter(([provider]) => wanted.has(provider)).map(([, load]) => load(baseUrls)))
}

/** All that there are, with a key or without: for looking at their models. */
export function loadAllProviders({ baseUrls }: Pick<ProviderVariables, 'baseUrls'>): Promise<ProviderOption[]> {
  return Promise.all(VENDORS.map(([, load]) => load(baseUrls)))
}

/** Outputs come from public addresses, and from those of this machine that the environment names as a provider. */
export function transportFor({ baseUrls }: ProviderVariables): Transport {
  const origins = Object.values(baseUrls)
    .filter(isLoopbackUrl)
    .map(url => new URL(url).origin)
  return nodeTransport({ allowedOrigins: [...new Set(origins)] })
}

/** Tells the log which providers are on, by the labels of their keys, and which models will soon be gone. */
export function tellOfProviders({ models }: Pick<Studio, 'models'>, tokens: readonly Token[], log: Log): void {
  for (const [provider, keys] of Map.groupBy(tokens, token => token.provider)) {
    const labels = keys.map(({ label, draining }) => (draining ? `${label} (draining)` : label))
    const made = models.filter(({ routes }) => routes.some(route => route.provider === provider))
    log('info', 'provider', { provider, tokens: labels.join(', '), models: made.length })
  }
  for (const model of models) {
    const notice = shutdownNotice(model, Date.now())
    if (notice !== null) log('warn', notice)
  }
}

/** As in `fal (2 keys), demo`. */
export function describeProviders(tokens: readonly Token[]): string {
  const keys = [...Map.groupBy(tokens, token => token.provider)].map(
    ([provider, { length }]) => `${provider} (${length === 1 ? '1 key' : `${length} keys`})`,
  )
  return [...keys, 'demo'].join(', ')
}

/** One sentence about a model that its vendor is about to end, or has; null for all others. */
export function shutdownNotice({ id, lifecycle }: Pick<Model, 'id' | 'lifecycle'>, now: number): string | null {
  const { shutdownAt, replacement } = lifecycle ?? {}
  if (shutdownAt === undefined) return null
  const at = Date.parse(shutdownAt)
  if (Number.isNaN(at) || at > now + SHUTDOWN_DAYS * DAY_MS) return null
  const when = at <= now ? 'was shut down on' : 'will be shut down on'
  const instead = replacement === undefined ? '' : `; use ${replacement} instead`
  return `${id} ${when} ${shutdownAt.slice(0, 10)}${instead}.`
}

/** Only what is set: an option that is there and undefined is not the same as one that is not there. */
function given<Options extends Record<string, string | undefined>>(
  options: Options,
): { [Name in keyof Options]?: string } {
  const set = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as { [Name in keyof Options]?: string }
}
