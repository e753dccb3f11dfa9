/**
 * WaveSpeed AI, API v3, as its documents and official clients describe it (docs/providers/wavespeed.md). It keeps to the
 * documents also where other clients stumble: refusals with HTTP 200, more ends than two, bare bodies in deliveries.
 */
import { createHash, createHmac } from 'node:crypto'
import { at, listAt, numberAt, textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, SimulatedJob, Simulator } from '../testing/kit/index.ts'
import { endpointOf, endpoints, listing } from './simulator/endpoints.ts'
import { envelope, failure } from './simulator/envelope.ts'
import { refusals, scenarios } from './simulator/scenarios.ts'
import { created, syncTimedOut, taskNow } from './simulator/task.ts'
import { download, form, hasAll, put, ticket } from './simulator/uploads.ts'
import { problemWith } from './simulator/validate.ts'

const PREFIX = '/api/v3'
/** How long sync mode holds the line; WaveSpeed does not say. */
const SYNC_SECONDS = 60
const PAGE_MAX = 100

export const wavespeedSimulator: Simulator = {
  provider: 'wavespeed',
  origins: {
    WAVESPEED_BASE_URL: 'https://api.wavespeed.ai',
    cdn: 'https://d2h7xmz5gqybh9.cloudfront.net',
    uploads: 'https://uploads.wavespeed.ai',
  },
  scenarios,
  actionOf,
  answer,
  async delivery(job, desk) {
    const body = JSON.stringify(taskNow(job, desk))
    const [id, ageSeconds] = [`wh_${job.id}`, job.plan.webhook === 'late' ? 600 : 0]
    const timestamp = String(Math.floor(desk.now() / 1000) - ageSeconds)
    const secret = secretOf(String(job.details['key'])).replace('whsec_', '')
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('hex')
    return {
      headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v3,${signature}` },
      body,
    }
  },
}

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'cdn') return 'media'
  if (origin === 'uploads' || path.startsWith(`${PREFIX}/media/`)) return 'upload'
  if (path === `${PREFIX}/balance` || path === `${PREFIX}/webhook/secret`) return 'account'
  if (method === 'GET' && path.startsWith(`${PREFIX}/predictions/`)) return 'look'
  if (method !== 'POST' || /^\/api\/v3\/(predictions|model)(\/|$)/.test(path)) return 'other'
  return 'submit'
}

async function answer(exchange: Exchange, desk: Desk): Promise<Response> {
  const { origin, method, path } = exchange
  if (origin === 'cdn') return desk.file(path.replace('/output/', ''), exchange)
  if (origin === 'uploads') return method === 'PUT' ? put(exchange, desk) : download(exchange, desk)
  const key = /^Bearer (\S+)$/.exec(exchange.headers.get('authorization') ?? '')?.[1] ?? ''
  const { status, account, balance } = desk.account(key)
  if (status !== 'ok') return failure(401, 'Unauthorized: invalid API key')
  if (!path.startsWith(`${PREFIX}/`)) return failure(404, 'Not found')
  const call = `${method} ${path.slice(PREFIX.length)}`
  switch (call) {
    case 'GET /balance':
      return envelope({ balance })
    case 'GET /webhook/secret':
      return envelope({ secret: secretOf(key) })
    case 'GET /models':
      return envelope(endpoints.map(listing))
    case 'POST /model/pricing':
    case 'POST /model/price':
      return price(exchange)
    case 'POST /media/uploads':
      return ticket(exchange, desk)
    case 'POST /media/upload/binary':
      return form(exchange, desk)
    case 'POST /predictions':
      return history(exchange, desk, account)
    case 'POST /predictions/delete':
      return remove(exchange, desk, account)
  }
  if (call.startsWith('GET /predictions/')) return result(exchange, desk, account)
  return method === 'POST' ? submit(exchange, desk, key) : failure(404, 'Not found')
}

/** Every key has a secret of its own. */
function secretOf(key: string): string {
  return `whsec_${createHash('sha256').update(`webhooks of ${key}`).digest('hex').slice(0, 32)}`
}

async function submit(exchange: Exchange, desk: Desk, key: string): Promise<Response> {
  const { account, isExhausted } = desk.account(key)
  const endpoint = endpointOf(exchange.path.slice(PREFIX.length + 1))
  if (!endpoint) return failure(404, 'model not found')
  const problem = problemWith(endpoint, exchange.json)
  if (problem) return failure(400, problem)
  if (!hasAll(exchange.json as object, desk)) return failure(400, 'input image could not be downloaded')
  const webhook = exchange.query.get('webhook')
  if (webhook !== null && !webhook.startsWith('https://')) return failure(400, 'webhook must be an https URL')
  if (isExhausted) return failure(400, 'Insufficient credits. Please top up your account.')
  // Tasks over the limit of open ones wait; only the rate is refused.
  const admitted = desk.admit(account, endpoint.type.endsWith('video') ? 'video' : 'image')
  if (admitted.status === 'rate_limited')
    return failure(429, 'Too many requests', { retryAfter: admitted.retryAfterSeconds })

  const plan = desk.plan(textAt(exchange.json, 'prompt') ?? '')
  const refusal = refusals[plan.scenario ?? '']
  if (refusal) return failure(refusal.code, refusal.message, refusal)
  const id = createHash('sha256').update(`${desk.books.jobs.length} ${desk.now()} ${key}`).digest('hex').slice(0, 32)
  const input = exchange.json
  const job = desk.accept({ id, endpoint: endpoint.id, key, account, plan, input, webhook, details: { key } })
  if (plan.scenario === 'gateway_timeout') return new Response(null, { status: 504 })
  return at(input, 'enable_sync_mode') === true ? held(job, desk) : envelope(created(job, desk))
}

/** Sync mode: the answer is the result, or that it takes too long. */
async function held(job: SimulatedJob, desk: Desk): Promise<Response> {
  if (job.plan.scenario === 'sync_timeout') return envelope(syncTimedOut(job, desk))
  await desk.settled(job, SYNC_SECONDS)
  return envelope(desk.phase(job).phase === 'done' ? taskNow(job, desk) : syncTimedOut(job, desk))
}

/** With and without `/result`, as documents and clients disagree. */
function result({ path }: Exchange, desk: Desk, account: string): Response {
  const [, id = ''] = /^\/api\/v3\/predictions\/([^/]+)(?:\/result)?$/.exec(path) ?? []
  const job = desk.job(id)
  return job && job.account === account ? envelope(taskNow(job, desk)) : failure(404, 'prediction not found')
}

function price({ json }: Exchange): Response {
  const endpoint = endpointOf(textAt(json, 'model_id') ?? '')
  if (!endpoint) return failure(404, 'model not found')
  const count = numberAt(json, 'inputs', 'num_images') ?? 1
  // Inputs that are missing are priced at the floor, without a word.
  const lengths = (numberAt(json, 'inputs', 'duration') ?? 5) / 5
  const amount = Math.round(endpoint.price * (endpoint.type.endsWith('video') ? lengths : count) * 1e6) / 1e6
  return envelope({
    model_id: endpoint.id,
    unit_price: amount,
    price: amount,
    discounted_price: amount,
    currency: 'USD',
  })
}

/** What this account submitted: the newest first, with inputs only on request. Nothing in it names who asked. */
function history({ json }: Exchange, desk: Desk, account: string): Response {
  const [model, status] = [textAt(json, 'model'), textAt(json, 'status')]
  const after = Date.parse(textAt(json, 'created_after') ?? '')
  const before = Date.parse(textAt(json, 'created_before') ?? '')
  const [page, pageSize] = [numberAt(json, 'page') ?? 1, Math.min(numberAt(json, 'page_size') ?? 20, PAGE_MAX)]
  const found = desk.books.jobs
    .flatMap(({ id }) => desk.job(id) ?? [])
    .filter(job => job.account === account && job.details['isDeleted'] !== true)
    .filter(job => (model === undefined || job.endpoint === model) && !(job.acceptedAt < after))
    .filter(job => !(job.acceptedAt > before))
    .map(job => ({ ...taskNow(job, desk), ...(at(json, 'include_inputs') === true ? { input: job.input } : {}) }))
    .filter(task => status === undefined || at(task, 'status') === status)
    .toReversed()
  return envelope({ page, total: found.length, items: found.slice((page - 1) * pageSize, page * pageSize) })
}

function remove({ json }: Exchange, desk: Desk, account: string): Response {
  for (const id of listAt(json, 'ids')) {
    const job = desk.job(String(id))
    if (job?.account === account) job.details['isDeleted'] = true
  }
  return envelope(null)
}
