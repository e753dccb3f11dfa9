/** Black Forest Labs as it answers: a global host, a cluster that has the task, and signed addresses that die after ten minutes. */
import { createHmac } from 'node:crypto'
import { at, textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, SimulatedJob, Simulator } from '../testing/kit/index.ts'
import { bflScenarios, lastWords, refusals } from './scenarios.ts'

const SAMPLE_MS = 600_000
const MODELS = new Set([
  'flux-2-klein-4b',
  'flux-2-klein-9b',
  'flux-2-pro',
  'flux-2-max',
  'flux-2-flex',
  'flux-kontext-pro',
  'flux-kontext-max',
  'flux-pro-1.1',
  'flux-pro-1.1-ultra',
  'flux-pro-1.0-fill',
  'flux-3-video',
])

export const bflSimulator: Simulator = {
  provider: 'bfl',
  origins: {
    BFL_BASE_URL: 'https://api.bfl.ai',
    // Named like a variable because keys may go there; nothing reads it.
    BFL_US1_BASE_URL: 'https://api.us1.bfl.ai',
    delivery: 'https://delivery-us1.bfl.ai',
  },
  scenarios: bflScenarios,
  actionOf,
  async answer(exchange, desk) {
    if (exchange.origin === 'delivery') return sample(exchange, desk)
    const key = exchange.headers.get('x-key') ?? ''
    const { status, account, balance } = desk.account(key)
    if (status !== 'ok') return refuse('bad_key')
    const action = actionOf(exchange)
    if (action === 'account') return Response.json({ credits: balance * 100 })
    if (action === 'look') return result(exchange, desk)
    return action === 'submit' ? submit(exchange, desk, key, account) : refuse('unknown_model')
  },
  async delivery(job, desk) {
    const late = job.plan.webhook === 'late' ? 600_000 : 0
    const timestamp = new Date(desk.now() - late).toISOString()
    const body = JSON.stringify({ ...progressOf(job, desk), timestamp })
    const signature = createHmac('sha256', String(job.details['secret'])).update(body).digest('hex')
    return { headers: { 'x-bfl-signature': `sha256=${signature}` }, body }
  },
}

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'delivery') return 'media'
  if (method === 'GET' && path === '/v1/credits') return 'account'
  if (method === 'GET' && path === '/v1/get_result') return 'look'
  return method === 'POST' && path.startsWith('/v1/') ? 'submit' : 'other'
}

function refuse(name: string): Response {
  const { status = 500, body = {}, headers = {} } = refusals[name] ?? {}
  return Response.json(body, { status, headers })
}

function submit(exchange: Exchange, desk: Desk, key: string, account: string): Response {
  const endpoint = exchange.path.slice('/v1/'.length)
  const { json } = exchange
  if (!MODELS.has(endpoint)) return refuse('unknown_model')
  const problem = problemWith(endpoint, json)
  if (problem) return Response.json({ detail: [problem] }, { status: 422 })
  if (desk.account(key).isExhausted) return refuse('credits_exhausted')
  if (desk.admit(account, endpoint === 'flux-3-video' ? 'video' : 'image').status !== 'ok') return refuse('concurrency')
  const plan = desk.plan(textAt(json, 'prompt') ?? '')
  if (plan.scenario !== undefined && plan.scenario in refusals) return refuse(plan.scenario)
  const webhook = textAt(json, 'webhook_url') ?? null
  const secret = textAt(json, 'webhook_secret') ?? ''
  const job = desk.accept({ endpoint, key, account, plan, input: json, webhook, details: { secret } })
  const polling_url = desk.url('BFL_US1_BASE_URL', `/v1/get_result?id=${job.id}`)
  return Response.json({ id: job.id, polling_url, cost: 3, input_mp: 0, output_mp: 1 })
}

/** As FastAPI says it; null where nothing is wrong. */
function problemWith(endpoint: string, json: unknown): { loc: string[]; msg: string; type: string } | null {
  const wrong = (field: string, msg: string) => ({ loc: ['body', field], msg, type: 'value_error' })
  if (textAt(json, 'prompt') === undefined) return wrong('prompt', 'Field required')
  for (const side of ['width', 'height']) {
    const pixels = at(json, side)
    if (pixels === undefined) continue
    if (!Number.isInteger(pixels) || Number(pixels) < 64 || Number(pixels) % 16 !== 0) {
      return wrong(side, 'Input should be a multiple of 16, and at least 64')
    }
  }
  const seed = at(json, 'seed')
  if (seed !== undefined && !Number.isSafeInteger(seed)) return wrong('seed', 'Input should be a valid integer')
  const duration = at(json, 'duration')
  const isLength = Number.isInteger(duration) && Number(duration) >= 5 && Number(duration) <= 20
  if (endpoint === 'flux-3-video' && duration !== undefined && !isLength) {
    return wrong('duration', 'Input should be an integer from 5 to 20')
  }
  return null
}

/** The same on every host here; a real one may not know a task of another. */
function result({ query }: Exchange, desk: Desk): Response {
  const id = query.get('id')
  if (!id)
    return Response.json(
      { detail: [{ loc: ['query', 'id'], msg: 'Field required', type: 'missing' }] },
      { status: 422 },
    )
  const job = desk.job(id)
  return Response.json(job ? progressOf(job, desk) : { id, status: 'Task not found', result: null })
}

function progressOf(job: SimulatedJob, desk: Desk): Record<string, unknown> {
  const { id, plan } = job
  const { scenario } = plan
  const now = desk.phase(job)
  if (now.phase !== 'done') {
    const word = scenario === 'unknown_word' ? 'Warming Up' : 'Pending'
    const progress = now.phase === 'running' ? now.fraction : null
    return { id, [scenario === 'state_alias' ? 'state' : 'status']: word, result: null, progress }
  }
  const last = lastWords[scenario ?? '']
  if (last) return { id, result: null, progress: null, details: null, ...last }
  const ready = { id, result: { ...resultOf(job, desk) }, progress: null, cost: 3 }
  return { ...ready, [scenario === 'state_alias' ? 'state' : 'status']: 'Ready' }
}

function resultOf(job: SimulatedJob, desk: Desk): object {
  const { input, plan, acceptedAt, endpoint } = job
  const [start_time, end_time] = [acceptedAt / 1000, desk.now() / 1000]
  const told = { prompt: textAt(input, 'prompt'), seed: at(input, 'seed') ?? 1, start_time, end_time }
  const [width, height] = [Number(at(input, 'width') ?? 1024), Number(at(input, 'height') ?? 1024)]
  const format = textAt(input, 'output_format') === 'png' ? 'png' : 'jpeg'
  const [file] = desk.outputs(job, 1, endpoint === 'flux-3-video' ? 'mp4' : format, { width, height })
  if (!file || plan.scenario === 'no_sample') return told
  // Signed when the task is done; fetched later than ten minutes after, it is refused.
  const expires = (job.details['expires'] ??= plan.scenario === 'expired_sample' ? 0 : desk.now() + SAMPLE_MS)
  return { ...told, sample: desk.url('delivery', `/results/${file.name}?se=${Number(expires)}&sig=simulated`) }
}

function sample(exchange: Exchange, desk: Desk): Response {
  // A key has no business here.
  if (exchange.headers.has('x-key')) return new Response('A key came along', { status: 400 })
  if (desk.now() >= Number(exchange.query.get('se') ?? 0)) {
    return new Response('<Error><Code>AuthenticationFailed</Code></Error>', { status: 403 })
  }
  return desk.file(exchange.path.slice('/results/'.length), exchange)
}
