/** What this process knows how to do: models, providers, and the secrets of their tokens. */
import type { Attempt, Candidate, Instant, ModelInput, Provider, Token } from './contracts.ts'
import { SafelightError } from './errors.ts'
import { laneOf, type Model, type Route } from './models.ts'

export interface Registry {
  readonly models: readonly Model[]
  /** Throws `unknown_model`. */
  model(id: string): Model
  find(id: string): Model | undefined
  provider(id: string): Provider | undefined
  route(model: string, provider: string, endpoint: string): Route | undefined
  /** The token behind a label; undefined when this process was not given it. */
  token(provider: string, label: string): Token | undefined
  /** Whether a route that has a token makes exactly this. */
  makes(model: Model, input: Omit<ModelInput, 'seed'>): boolean
  /** Where a job may go next, best first, after what its attempts so far have taught. */
  candidates(model: Model, input: Omit<ModelInput, 'seed'>, attempts: readonly Attempt[]): Candidate[]
  /** When the best of them may be tried: a provider that just failed this job is given longer and longer to recover. */
  restUntil(candidates: readonly Candidate[], attempts: readonly Attempt[]): Instant
  /** After this a submit to any of them has surely ended. */
  longestSubmitSeconds(candidates: readonly Candidate[]): number
}

export function createRegistry(
  models: readonly Model[],
  providers: readonly Provider[],
  tokens: readonly Token[],
): Registry {
  const byId = merged(models)
  const providersById = unique(providers, 'provider')
  const keyless = providers.filter(provider => provider.keyless).map(({ id }) => keylessToken(id))
  const allTokens = [...keyless, ...tokens]
  const tokensOf = Map.groupBy(allTokens, token => token.provider)
  const routesFor = (model: Model, input: Omit<ModelInput, 'seed'>) =>
    model.routes.filter(route => providersById.has(route.provider) && (route.takes?.(input) ?? true))
  const submittersOf = (provider: string) => (tokensOf.get(provider) ?? []).filter(token => !token.draining)
  return {
    models: [...byId.values()],
    model: id => byId.get(id) ?? unknownModel(id, [...byId.keys()]),
    find: id => byId.get(id),
    provider: id => providersById.get(id),
    route: (model, provider, endpoint) =>
      byId.get(model)?.routes.find(route => route.provider === provider && route.endpoint === endpoint),
    token: (provider, label) => tokensOf.get(provider)?.find(token => token.label === label),
    makes: (model, input) => routesFor(model, input).some(({ provider }) => submittersOf(provider).length > 0),
    candidates(model, input, attempts) {
      const all = routesFor(model, input).flatMap(({ provider, endpoint }) =>
        submittersOf(provider).map(token => ({
          provider,
          endpoint,
          ...candidateOf(token, providersById.get(provider), model),
        })),
      )
      const open = all.filter(candidate => !attempts.some(attempt => rulesOut(attempt, candidate, allTokens)))
      // Untried providers first; the sort is stable, so the model's own order decides between equals.
      return open.toSorted((a, b) => failuresOn(a, attempts).length - failuresOn(b, attempts).length)
    },
    restUntil([best], attempts) {
      const failures = best ? failuresOn(best, attempts) : []
      const last = failures.at(-1)
      return last ? last.startedAt + 2 ** failures.length * 1000 : 0
    },
    longestSubmitSeconds: candidates =>
      Math.max(0, ...candidates.map(({ provider }) => providersById.get(provider)?.requestTimeoutSeconds ?? 0)),
  }
}

/**
 * A failure rules out only what it speaks of; trouble that may pass (429, no connection) rules out nothing. An accepted
 * attempt of a job that is looking for a route again has failed at the provider: not there again.
 */
function rulesOut({ refusal, ...attempt }: Attempt, candidate: Candidate, tokens: readonly Token[]): boolean {
  if (attempt.provider !== candidate.provider) return false
  if (!refusal) return attempt.outcome === 'accepted' && attempt.endpoint === candidate.endpoint
  const account = tokens.find(token => token.provider === attempt.provider && token.label === attempt.token)?.account
  switch (refusal.kind) {
    case 'auth':
      return attempt.token === candidate.token
    case 'permission':
      return attempt.token === candidate.token && attempt.endpoint === candidate.endpoint
    case 'credits_exhausted':
      return account === candidate.account
    case 'model_unavailable':
      return attempt.endpoint === candidate.endpoint
    case 'rate_limited':
    case 'concurrency':
    case 'unreachable':
    case 'provider_error':
    case 'invalid_input':
    case 'content_policy':
    case 'no_output':
    case 'canceled':
      return false
  }
}

/** Attempts that came back from this provider with nothing. Being told to wait is the token pool's affair. */
function failuresOn(candidate: Candidate, attempts: readonly Attempt[]): Attempt[] {
  return attempts.filter(
    ({ provider, refusal }) =>
      provider === candidate.provider && refusal?.kind !== 'rate_limited' && refusal?.kind !== 'concurrency',
  )
}

/** The token, with what it may do before anything is learned: as it was configured, else as the provider declares. */
function candidateOf({ label, account, maxOpen, perMinute }: Token, provider: Provider | undefined, { kind }: Model) {
  const limits = provider?.limits?.[laneOf(kind)]
  const starting = { maxOpen: maxOpen ?? limits?.maxOpen ?? null, perMinute: perMinute ?? limits?.perMinute ?? null }
  return { token: label, account, ...starting }
}

function keylessToken(provider: string): Token {
  return { provider, label: provider, secret: '', account: provider, draining: false, maxOpen: null }
}

/** A model that several providers carry is one model with the routes of all of them, in the order of the providers. */
function merged(models: readonly Model[]): Map<string, Model> {
  const byId = new Map<string, Model>()
  for (const model of models) {
    const known = byId.get(model.id)
    if (known && promiseOf(known) !== promiseOf(model)) {
      throw new Error(`There are two models called ${model.id}, and they promise different things`)
    }
    const routes = [...(known?.routes ?? []), ...model.routes]
    if (new Set(routes.map(({ provider, endpoint }) => `${provider} ${endpoint}`)).size < routes.length) {
      throw new Error(`There are two models called ${model.id}, or two of its routes are the same`)
    }
    byId.set(model.id, { ...model, ...known, routes })
  }
  return byId
}

function promiseOf({ kind, sizes, durations, styles, images, takesNegativePrompt, maxCount, price }: Model): string {
  const cost = typeof price === 'function' ? price.toString() : price
  return JSON.stringify([kind, sizes, durations, styles, images, takesNegativePrompt, maxCount, cost])
}

function unique<Entry extends { id: string }>(entries: readonly Entry[], what: string): Map<string, Entry> {
  const byId = new Map<string, Entry>()
  for (const entry of entries) {
    if (byId.has(entry.id)) throw new Error(`There are two ${what}s called ${entry.id}`)
    byId.set(entry.id, entry)
  }
  return byId
}

function unknownModel(id: string, known: readonly string[]): never {
  throw new SafelightError('unknown_model', `There is no model "${id.slice(0, 100)}"; there are ${known.join(', ')}.`)
}
