/** Hugging Face's router to the vendors behind it (huggingface.co/docs/inference-providers). */
import type { Json, KeyCheck, LookCall, Progress, Provider, Submitted, SubmitCall, TokenCall } from '@safelight/core'
import {
  at,
  base64Of,
  dataUriOf,
  handOver,
  listAt,
  prepare,
  readAnswer,
  refused,
  textAt,
  type Answer,
  type Refused,
} from '@safelight/core/adapter'
import { createLines, isHubToken, parties, type Lines } from './lines.ts'
import { createMappings, type Mapping, type Mappings } from './mapping.ts'
import { huggingfaceModels } from './models.ts'
import { bearer, type Line, type Operation, type Order, type Party } from './parties/party.ts'
import { refusalOf } from './refusals.ts'
import { readOrder, type RouteOrder } from './routes.ts'

export interface HuggingfaceOptions {
  /** https://router.huggingface.co where absent. */
  routerUrl?: string
  /** https://huggingface.co where absent. */
  hubUrl?: string
  /** The organisation, or resource group, that pays (huggingface.co/docs/inference-providers/pricing). */
  billTo?: string
}

export interface HuggingfaceProvider extends Provider {
  readonly id: 'huggingface'
  readonly models: typeof huggingfaceModels
  readonly cancel: NonNullable<Provider['cancel']>
  readonly check: NonNullable<Provider['check']>
}

/** The longest of the parties: a picture that is waited for on the line, or made by processors without graphics. */
const REQUEST_TIMEOUT_SECONDS = 180
/** Parties' own clients ask as often. */
const LOOK_SECONDS_MIN = 0.5
/** Of one input picture; as data in JSON it grows by a third. */
const INPUT_MAX_BYTES = 12 * 1024 * 1024

/**
 * Hugging Face documents no limits of the router. These are judged: low enough for the smallest account of the parties behind
 * it (fal begins with 2 at once, WaveSpeed with 3 at once and 10 pictures a minute), and learned from there.
 */
const LIMITS = { image: { perMinute: 30, maxOpen: 6 }, video: { perMinute: 5, maxOpen: 3 } } as const

/** One provider whose routes name who makes it: `fal-ai:black-forest-labs/FLUX.1-dev`. */
export function huggingface(options: HuggingfaceOptions = {}): HuggingfaceProvider {
  const hubUrl = originOf(options.hubUrl ?? 'https://huggingface.co')
  const lines = createLines({ routerUrl: originOf(options.routerUrl ?? ROUTER_URL), billTo: options.billTo })
  const mappings = createMappings(hubUrl)
  return {
    id: 'huggingface',
    models: huggingfaceModels,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: REQUEST_TIMEOUT_SECONDS,
    lookSecondsMin: LOOK_SECONDS_MIN,
    limits: LIMITS,
    submit: call => submit(call, lines, mappings),

    async look(call): Promise<Progress> {
      const { party, operation, line } = placeOf(call, lines)
      if (!party.look) throw new Error(`${party.id} has no jobs`)
      const progress = await party.look(call, operation, line)
      return progress.status === 'failed'
        ? { ...progress, message: without(call.token.secret, progress.message) }
        : progress
    },

    async cancel(call) {
      const { party, operation, line } = placeOf(call, lines)
      await party.cancel?.(call, operation, line)
    },

    check: call => checkKey(call, hubUrl),
  }
}

const ROUTER_URL = 'https://router.huggingface.co'

/** Chat lives under `/v1` of the router, and people copy that address; pictures do not. */
function originOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/v1$/, '')
}

/** Everything up to the one POST is never sent: trouble there is a refusal, not a doubt. */
async function submit(call: SubmitCall, lines: Lines, mappings: Mappings): Promise<Submitted> {
  const route = readOrder(call.endpoint, call.body)
  if (!route) return refused('invalid_input', 'This is no route through Hugging Face.')
  const line = lines.to(route.party, call.token)
  if (!line) return refused('permission', `This key is not for ${route.party}.`)
  const mapping = await mappingOf(call, route, mappings)
  if ('status' in mapping) return mapping
  const order = await orderOf(call, route, mapping)
  if ('status' in order) return order
  if (call.signal.aborted) return refused('unreachable', 'There was no time left to send it.')
  const party = parties[route.party]
  const submitted = await handOver(line.api, call, party.request(order, line), answer =>
    read(answer, { party, order, line }),
  )
  if (submitted.status !== 'refused') return submitted
  if (submitted.kind === 'model_unavailable') mappings.forget(route.model)
  return { ...submitted, message: without(call.token.secret, submitted.message) }
}

/** What the hub says counts. Where it says nothing, the name that the route knows is good enough: the router decides. */
async function mappingOf({ fetch }: SubmitCall, route: RouteOrder, mappings: Mappings): Promise<Mapping | Refused> {
  const found = await mappings.find(fetch, route)
  switch (found.status) {
    case 'live':
      return found.mapping
    case 'unavailable':
      return refused('model_unavailable', found.message)
    case 'silent':
      if (route.knownProviderId === null) return refused('unreachable', found.message)
      return { providerId: route.knownProviderId, adapter: null }
  }
}

/** Puts the input pictures where the route says. */
async function orderOf({ files }: SubmitCall, route: RouteOrder, mapping: Mapping): Promise<Order | Refused> {
  const { model, task, places } = route
  const order = { model, task, providerId: mapping.providerId, adapter: mapping.adapter }
  if (files.length === 0 || !places) {
    const fits = files.length === 0 && (places === null || !task.startsWith('image-'))
    return fits ? { ...order, input: route.input } : refused('invalid_input', 'This route and its pictures do not fit.')
  }
  const prepared = await prepare(() => Promise.all(files.map(file => writers[places.encoding](file, INPUT_MAX_BYTES))))
  if ('status' in prepared) return prepared
  const written = prepared.made
  const first = Object.fromEntries(places.first.map(field => [field, written[0]!] as const))
  const all = Object.fromEntries(places.all.map(field => [field, written] as const))
  return { ...order, input: { ...route.input, ...first, ...all } }
}

const writers = { base64: base64Of, 'data-uri': dataUriOf } as const

function read(answer: Answer, { party, order, line }: { party: Party; order: Order; line: Line }): Submitted {
  if (answer.status >= 200 && answer.status < 300) return party.accepted(answer, order, line)
  const refusal = refusalOf(answer)
  if (!refusal) throw new Error(`The router answered ${answer.status}, which does not say what became of the job`)
  return refusal
}

function placeOf(call: LookCall, lines: Lines): { party: Party; operation: Operation; line: Line } {
  const operation = readOperation(call.operation)
  const line = lines.to(operation.party, call.token)
  if (!line) throw new Error(`This key is not for ${operation.party}`)
  return { party: parties[operation.party], operation, line }
}

function readOperation(value: Json): Operation {
  const party = Object.values(parties).find(({ id }) => id === at(value, 'party'))
  const [id, path] = [textAt(value, 'id'), textAt(value, 'path')]
  if (!party || id === undefined || !path?.startsWith('/')) throw new Error('This is no operation of Hugging Face')
  const end = at(value, 'end') as Json | undefined
  return { party: party.id, id, path, ...(end === undefined ? {} : { end }) }
}

/** `GET /api/whoami-v2` tells whose token it is and what it may do; nothing about money. */
async function checkKey({ token, fetch, signal }: TokenCall, hubUrl: string): Promise<KeyCheck> {
  if (!isHubToken(token.secret)) throw new Error('Only tokens of Hugging Face can be checked')
  const headers = { accept: 'application/json', ...bearer(token.secret) }
  const response = await fetch(`${hubUrl}/api/whoami-v2`, { headers, redirect: 'manual', signal })
  const { status, json } = await readAnswer(response, WHOAMI_MAX_BYTES)
  if (status === 401) return { status: 'refused', kind: 'auth' }
  if (status === 403) return { status: 'refused', kind: 'permission' }
  if (status !== 200 || textAt(json, 'name') === undefined) throw new Error(`The hub answered ${status}`)
  return mayCallParties(json) ? { status: 'accepted' } : { status: 'refused', kind: 'permission' }
}

const WHOAMI_MAX_BYTES = 1024 * 1024

/** A fine-grained token needs "Make calls to Inference Providers"; all others have it. */
function mayCallParties(json: unknown): boolean {
  const access = at(json, 'auth', 'accessToken')
  if (textAt(access, 'role') !== 'fineGrained' || at(access, 'fineGrained') === undefined) return true
  const scoped = listAt(access, 'fineGrained', 'scoped').flatMap(each => listAt(each, 'permissions'))
  return [...listAt(access, 'fineGrained', 'global'), ...scoped].includes('inference.serverless.write')
}

/** A vendor may repeat the key in its complaint. */
function without(secret: string, message: string): string {
  return secret === '' ? message : message.replaceAll(secret, '[key]')
}
