/** The Gemini API as it answers: pictures in the answer, operations, interactions, and files that need the key. */
import { textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, SimulatedJob, Simulator } from '../testing/kit/index.ts'
import { errors, googleScenarios, type SimulatedError } from './scenarios.ts'
import { signedDelivery, simulatedJwks } from './simulated-deliveries.ts'
import { interactionOf, submitInteraction } from './simulated-interactions.ts'
import { submitPicture } from './simulated-pictures.ts'
import { operationOf, submitVeo } from './simulated-veo.ts'

const KEPT_MS = 2 * 86_400_000

export const googleSimulator: Simulator = createGoogleSimulator()

/** Signs deliveries as for webhooks of single jobs; with a `webhookSecret` as for one of the project. */
export function createGoogleSimulator({ webhookSecret }: { webhookSecret?: string } = {}): Simulator {
  return {
    provider: 'google',
    origins: {
      GEMINI_BASE_URL: 'https://generativelanguage.googleapis.com',
      storage: 'https://storage.googleapis.com',
    },
    apart: ['storage'],
    scenarios: googleScenarios,
    actionOf,
    answer,
    delivery: (job, desk) => signedDelivery(job, desk, webhookSecret),
  }
}

/** A request with a good key. */
export interface Visit {
  exchange: Exchange
  desk: Desk
  key: string
  account: string
}

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'storage' || path.startsWith('/v1beta/files/')) return 'media'
  if (path === '/v1beta/models') return 'account'
  if (method === 'POST' && path.endsWith('/cancel')) return 'cancel'
  if (method === 'POST' && /^\/v1beta\/(interactions$|models\/[^/]+:)/.test(path)) return 'submit'
  if (method === 'GET' && /^\/v1beta\/(interactions|models\/[^/]+\/operations)\//.test(path)) return 'look'
  return 'other'
}

async function answer(exchange: Exchange, desk: Desk): Promise<Response> {
  const { origin, path, query, headers } = exchange
  if (origin === 'storage') return stored(exchange, desk)
  if (path === '/.well-known/jwks.json') return Response.json(simulatedJwks())
  const key = headers.get('x-goog-api-key') ?? query.get('key') ?? ''
  const { status, account } = desk.account(key)
  if (status !== 'ok') return refuse(errors['bad_key'], exchange)
  const visit = { exchange, desk, key, account }
  switch (actionOf(exchange)) {
    case 'account':
      return Response.json({ models: [{ name: 'models/gemini-3.1-flash-image' }] })
    case 'media':
      return moved(exchange, desk)
    case 'submit':
      return submit(visit)
    case 'look':
      return look(exchange, desk)
    case 'cancel':
      return cancel(exchange, desk)
    case 'stream':
    case 'result':
    case 'upload':
    case 'other':
      return refuse(errors['unknown_model'], exchange)
  }
}

/** In the words of the surface. */
export function refuse(error: SimulatedError | undefined, { path }: Pick<Exchange, 'path'>): Response {
  const { status, word, code, message, details } = error ?? errors['internal']!
  const said = path.startsWith('/v1beta/interactions')
    ? { code, message, ...(details ? { details } : {}) }
    : { code: status, message, status: word, ...(details ? { details } : {}) }
  return Response.json({ error: said }, { status })
}

export function invalid(message: string, exchange: Exchange): Response {
  return refuse({ ...errors['invalid_input']!, message }, exchange)
}

/** Limits and scripted refusals, alike for all surfaces; null where the work may begin. */
export function turnedDown({ exchange, desk, key, account }: Visit, lane: 'image' | 'video', scenario?: string) {
  if (desk.account(key).isExhausted) return refuse(errors['credits_exhausted'], exchange)
  if (desk.admit(account, lane).status !== 'ok') return refuse(errors['rate_limited'], exchange)
  const error = errors[scenario ?? '']
  return error ? refuse(error, exchange) : null
}

async function submit(visit: Visit): Promise<Response> {
  const { path } = visit.exchange
  if (path === '/v1beta/interactions') return submitInteraction(visit)
  const [, model = '', method] = /^\/v1beta\/models\/([^/:]+):(\w+)$/.exec(path) ?? []
  if (method === 'generateContent' && model.endsWith('-image')) return submitPicture(visit, model)
  if (method === 'predictLongRunning' && model.startsWith('veo-')) return submitVeo(visit, model)
  return refuse(errors['unknown_model'], visit.exchange)
}

function look(exchange: Exchange, desk: Desk): Response {
  const job = jobOf(exchange, desk)
  if (!job) return refuse({ ...errors['unknown_model']!, code: 'not_found' }, exchange)
  const isInteraction = exchange.path.startsWith('/v1beta/interactions/')
  return Response.json(isInteraction ? interactionOf(job, desk) : operationOf(job, desk))
}

function cancel(exchange: Exchange, desk: Desk): Response {
  const job = jobOf(exchange, desk)
  if (!job) return refuse({ ...errors['unknown_model']!, code: 'not_found' }, exchange)
  if (desk.cancel(job) === 'too_late') return invalid('The interaction has ended.', exchange)
  return Response.json(interactionOf(job, desk))
}

function jobOf({ path }: Exchange, desk: Desk): SimulatedJob | undefined {
  return desk.job(/\/(?:operations|interactions)\/([^/]+)/.exec(path)?.[1] ?? '')
}

/** A file of the API is elsewhere, at an address that is signed and needs no key. */
function moved(exchange: Exchange, desk: Desk): Response {
  const name = /^\/v1beta\/files\/(.+):download$/.exec(exchange.path)?.[1] ?? ''
  const until = Number(exchange.query.get('until') ?? desk.now() + KEPT_MS)
  const location = desk.url('storage', `/generated/${name}?X-Goog-Expires=${until}&X-Goog-Signature=simulated`)
  return new Response(null, { status: 302, headers: { location } })
}

function stored(exchange: Exchange, desk: Desk): Response {
  // A key has no business here.
  if (exchange.headers.has('x-goog-api-key') || exchange.query.has('key')) {
    return new Response('A key came along', { status: 400 })
  }
  if (desk.now() >= Number(exchange.query.get('X-Goog-Expires') ?? 0)) return new Response('Not found', { status: 404 })
  return desk.file(exchange.path.slice('/generated/'.length), exchange)
}

/** Where a clip can be fetched for two days after it was made. */
export function clipOf(job: SimulatedJob, desk: Desk): string | undefined {
  const [file] = desk.outputs(job, 1, 'mp4')
  const until = (job.details['until'] ??= desk.now() + KEPT_MS)
  return file && desk.url('GEMINI_BASE_URL', `/v1beta/files/${file.name}:download?alt=media&until=${Number(until)}`)
}

export function promptOf(value: unknown, ...path: (string | number)[]): string {
  return textAt(value, ...path) ?? ''
}
