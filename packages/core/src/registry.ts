/** What this process knows how to do: models, providers, and the secrets of their tokens. */
import type { Attempt, Candidate, Provider, Token } from './contracts.ts'
import { SafelightError } from './errors.ts'
import type { Model, Route } from './models.ts'

export interface Registry {
  readonly models: readonly Model[]
  /** Throws `unknown_model`. */
  model(id: string): Model
  provider(id: string): Provider | undefined
  route(model: string, provider: string, endpoint: string): Route | undefined
  /** The token behind a label; undefined when this process was not given it. */
  token(provider: string, label: string): Token | undefined
  /** Where a job may go next, best first, after what its attempts so far have taught. */
  candidates(model: Model, attempts: readonly Attempt[]): Candidate[]
}

export function createRegistry(
  models: readonly Model[],
  providers: readonly Provider[],
  tokens: readonly Token[],
): Registry {
  const byId = unique(models, 'model')
  const providersById = unique(providers, 'provider')
  const keyless = providers.filter(provider => provider.keyless).map(({ id }) => keylessToken(id))
  const allTokens = [...keyless, ...tokens]
  const tokensOf = Map.groupBy(allTokens, token => token.provider)
  return {
    models: [...byId.values()],
    model: id => byId.get(id) ?? unknownModel(id, [...byId.keys()]),
    provider: id => providersById.get(id),
    route: (model, provider, endpoint) =>
      byId.get(model)?.routes.find(route => route.provider === provider && route.endpoint === endpoint),
    token: (provider, label) => tokensOf.get(provider)?.find(token => token.label === label),
    candidates(model, attempts) {
      const all = model.routes
        .filter(route => providersById.has(route.provider))
        .flatMap(({ provider, endpoint }) =>
          (tokensOf.get(provider) ?? [])
            .filter(token => !token.draining)
            .map(({ label, account, maxOpen }) => ({ provider, endpoint, token: label, account, maxOpen })),
        )
      const open = all.filter(candidate => !attempts.some(attempt => rulesOut(attempt, candidate, allTokens)))
      // Untried providers first; the sort is stable, so the model's own order decides between equals.
      return open.toSorted((a, b) => triesOn(a, attempts) - triesOn(b, attempts))
    },
  }
}

/** A refusal rules out only what it speaks of; trouble that may pass (429, no connection) rules out nothing. */
function rulesOut({ refusal, ...attempt }: Attempt, candidate: Candidate, tokens: readonly Token[]): boolean {
  if (!refusal || attempt.provider !== candidate.provider) return false
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

function triesOn(candidate: Candidate, attempts: readonly Attempt[]): number {
  return attempts.filter(({ provider, refusal }) => provider === candidate.provider && refusal).length
}

function keylessToken(provider: string): Token {
  return { provider, label: provider, secret: '', account: provider, draining: false, maxOpen: null }
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
