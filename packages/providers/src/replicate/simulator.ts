/** Replicate as it answers (docs/providers/replicate.md says how that is known). Its official client runs against this. */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { at, textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, Scenario, SimulatedJob, Simulator } from '../testing/kit/simulator.ts'
import { modelOf } from './simulated-models.ts'
import { isVideoModel, predictionOf, promptOf } from './simulated-prediction.ts'

const scenario = (name: string, sheet: string, expect: Scenario['expect']): Scenario => ({ name, sheet, expect })

const scenarios: readonly Scenario[] = [
  scenario('unauthenticated', 'replicate §4', { at: 'submit', kind: 'auth', paid: 'no' }),
  scenario('payment_required', 'replicate §4', { at: 'submit', kind: 'credits_exhausted', paid: 'no' }),
  scenario('forbidden', 'replicate §4', { at: 'submit', kind: 'permission', paid: 'no' }),
  scenario('model_not_found', 'replicate §4', { at: 'submit', kind: 'model_unavailable', paid: 'no' }),
  scenario('version_not_permitted', 'replicate §4', { at: 'submit', kind: 'model_unavailable', paid: 'no' }),
  scenario('validation', 'replicate §4', { at: 'submit', kind: 'invalid_input', paid: 'no' }),
  scenario('throttled', 'replicate §4', { at: 'submit', kind: 'rate_limited', paid: 'no' }),
  scenario('nsfw', 'replicate §5', { at: 'look', kind: 'content_policy', paid: 'unknown' }),
  scenario('flagged_sensitive', 'replicate §5', { at: 'look', kind: 'content_policy', paid: 'unknown' }),
  scenario('invalid_by_model', 'replicate §5', { at: 'look', kind: 'invalid_input', paid: 'unknown' }),
  scenario('model_busy', 'replicate §5', { at: 'look', kind: 'model_unavailable', paid: 'unknown' }),
  scenario('model_failed', 'replicate §5', { at: 'look', kind: 'provider_error', paid: 'unknown' }),
  scenario('aborted', 'replicate §5', { at: 'look', kind: 'canceled', paid: 'no' }),
  scenario('deadline_passed', 'replicate §5', { at: 'look', kind: 'canceled', paid: 'yes' }),
  scenario('data_removed', 'replicate §5', { at: 'look', kind: 'no_output', paid: 'yes' }),
  scenario('no_output', 'replicate §5', { at: 'look', kind: 'no_output', paid: 'yes' }),
  scenario('partial_output', 'replicate §5', { at: 'look', kind: 'success', paid: 'yes' }),
  scenario('unknown_status', 'replicate §5', { at: 'look', kind: 'success', paid: 'yes' }),
]

const LISTED_MAX = 100

export const replicateSimulator: Simulator = {
  provider: 'replicate',
  origins: { REPLICATE_BASE_URL: 'https://api.replicate.com', delivery: 'https://replicate.delivery' },
  scenarios,
  actionOf,
  async answer(exchange, desk) {
    if (exchange.origin === 'delivery') return desk.file(exchange.path.split('/').at(-1) ?? '', exchange)
    const key = /^(?:Bearer|Token) (.+)$/.exec(exchange.headers.get('authorization') ?? '')?.[1] ?? ''
    if (desk.account(key).status !== 'ok') return refusals.unauthenticated()
    if (actionOf(exchange) === 'submit') return submit(exchange, desk, key)
    return other(exchange, desk, key)
  },
  async delivery(job, desk) {
    const body = JSON.stringify(predictionOf(job, desk))
    const id = `msg_${job.id}`
    const timestamp = String(Math.floor(desk.now() / 1000) - (job.plan.webhook === 'late' ? 600 : 0))
    const secret = Buffer.from(secretOf(job.account).slice('whsec_'.length), 'base64')
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
    return { headers, body }
  },
}

const SUBMIT = /^\/v1\/(?:(models|deployments)\/([^/]+)\/([^/]+)\/)?predictions$/
const PREDICTION = /^\/v1\/predictions\/([^/]+)(\/cancel)?$/

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'delivery') return 'media'
  if (method === 'POST' && SUBMIT.test(path)) return 'submit'
  if (PREDICTION.test(path)) return method === 'POST' ? 'cancel' : 'look'
  if (path.startsWith('/v1/files')) return 'upload'
  return path === '/v1/account' ? 'account' : 'other'
}

/** As RFC 7807, with the `title` and `detail` that are documented or were recorded. */
function problem(status: number, title: string, detail: string, more: object = {}, headers: object = {}): Response {
  return new Response(JSON.stringify({ title, detail, status, ...more }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
}

const invalid = (type: string, field: string, description: string) =>
  problem(422, 'Input validation failed', `- ${field}: ${description}\n`, {
    invalid_fields: [{ type, field, description }],
  })

const refusals = {
  unauthenticated: () => problem(401, 'Unauthenticated', 'You did not pass a valid authentication token'),
  payment_required: () =>
    problem(402, 'Insufficient credit', 'You have insufficient credit to run this model. Go to your billing page.'),
  forbidden: () => problem(403, 'Forbidden', 'You do not have permission to run this model.'),
  model_not_found: () => problem(404, 'Not found', 'The requested resource could not be found.'),
  version_not_permitted: () =>
    problem(
      422,
      'Invalid version or not permitted',
      'The specified version does not exist (or perhaps you do not have permission to use it?)',
    ),
  validation: () => invalid('required', 'input.prompt', 'prompt is required'),
  throttled: (seconds = 1) =>
    problem(
      429,
      'Too Many Requests',
      `Request was throttled. Your rate limit resets in ~${seconds}s.`,
      {},
      {
        'ratelimit-remaining': '0',
        'ratelimit-reset': String(seconds),
      },
    ),
} as const

const BODY_KEYS = ['input', 'version', 'webhook', 'webhook_events_filter', 'stream']

async function submit(exchange: Exchange, desk: Desk, key: string): Promise<Response> {
  const { account, isExhausted } = desk.account(key)
  const body = exchange.json
  const input = at(body, 'input')
  const plan = desk.plan(promptOf(input))
  const refuse = refusals[plan.scenario as keyof typeof refusals]
  if (refuse) return refuse()
  if (typeof body !== 'object' || body === null) return problem(400, 'Bad request', 'The request body is no JSON.')
  const stranger = Object.keys(body).find(name => !BODY_KEYS.includes(name))
  if (stranger)
    return invalid('additional_property_not_allowed', stranger, `Additional property ${stranger} is not allowed`)
  if (typeof input !== 'object' || input === null) return invalid('required', 'input', 'input is required')
  if (promptOf(input) === '') return refusals.validation()
  const endpoint = endpointOf(exchange)
  if (endpoint === null) return invalid('required', 'version', 'version is required')
  if (isExhausted) return refusals.payment_required()
  const admitted = desk.admit(account, isVideoModel(endpoint) ? 'video' : 'image')
  if (admitted.status !== 'ok') return refusals.throttled(admitted.retryAfterSeconds)
  const job = desk.accept({
    id: predictionId(),
    endpoint,
    key,
    account,
    plan,
    input,
    webhook: textAt(body, 'webhook') ?? null,
    details: { version: textAt(body, 'version') ?? null, webhook: textAt(body, 'webhook') ?? null },
  })
  return held(exchange, desk, job)
}

/** `Prefer: wait` holds the answer for up to 60 seconds. */
async function held({ headers }: Exchange, desk: Desk, job: SimulatedJob): Promise<Response> {
  const asked = /^wait(?:=(\d+))?$/.exec(headers.get('prefer') ?? '')
  const limits = { 'ratelimit-remaining': '597', 'ratelimit-reset': '1' }
  if (!asked) return Response.json(predictionOf(job, desk, { isFresh: true }), { status: 201, headers: limits })
  const waitSeconds = Math.min(60, Number(asked[1] ?? 60))
  await desk.settled(job, waitSeconds)
  const isDone = desk.phase(job).phase === 'done'
  return Response.json(predictionOf(job, desk, { isHeld: true }), {
    status: isDone ? 201 : 202,
    headers: { ...limits, 'preference-applied': `wait=${waitSeconds}` },
  })
}

function endpointOf({ path, json }: Exchange): string | null {
  const [, kind, owner, name] = SUBMIT.exec(path) ?? []
  if (kind) return `${kind === 'deployments' ? 'deployments/' : ''}${owner}/${name}`
  return textAt(json, 'version') ?? null
}

function other(exchange: Exchange, desk: Desk, key: string): Response {
  const { account } = desk.account(key)
  const { method, path } = exchange
  const [, id, cancel] = PREDICTION.exec(path) ?? []
  if (id !== undefined) {
    const job = desk.job(id)
    if (!job || job.account !== account) return refusals.model_not_found()
    if (cancel && method === 'POST') desk.cancel(job)
    return Response.json(predictionOf(job, desk))
  }
  if (path === '/v1/predictions') return list(desk, account)
  if (path === '/v1/account')
    return Response.json({ type: 'user', username: account.slice(-4), name: 'Sim', github_url: null })
  if (path === '/v1/webhooks/default/secret') return Response.json({ key: secretOf(account) })
  if (path.startsWith('/v1/files')) return files(exchange, desk)
  const [, owner, name] = /^\/v1\/models\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  return owner && name ? Response.json(modelOf(owner, name)) : refusals.model_not_found()
}

/** Newest first, without the webhook: that is not in the documented schema of a prediction. */
function list(desk: Desk, account: string): Response {
  const jobs = desk.books.jobs.filter(entry => entry.account === account).slice(-LISTED_MAX)
  const results = jobs.toReversed().flatMap(({ id }) => desk.job(id) ?? [])
  return Response.json({ next: null, previous: null, results: results.map(job => predictionOf(job, desk)) })
}

function files({ method, path, body, headers }: Exchange, desk: Desk): Response {
  const isForm = (headers.get('content-type') ?? '').startsWith('multipart/form-data')
  if (method === 'POST' && !isForm) return problem(400, 'Bad request', 'Missing content')
  const id = method === 'POST' ? randomUUID() : (path.split('/')[3] ?? '')
  const url = desk.url('REPLICATE_BASE_URL', `/v1/files/${id}`)
  const expiresAt = new Date(desk.now() + 86_400_000).toISOString()
  const file = { id, name: 'input', content_type: 'application/octet-stream', size: body.length, metadata: {} }
  return Response.json(
    { ...file, expires_at: expiresAt, urls: { get: url } },
    { status: method === 'POST' ? 201 : 200 },
  )
}

/** The same for an account as long as a world lives. */
export function secretOf(account: string): string {
  return `whsec_${createHash('sha256').update(`replicate webhooks of ${account}`).digest('base64')}`
}

/** 26 letters and digits, as theirs are. */
function predictionId(): string {
  return [...randomBytes(26)].map(byte => 'abcdefghjkmnpqrstvwxyz0123456789'[byte % 32]).join('')
}
