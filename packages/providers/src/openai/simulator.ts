/** OpenAI's images as they answer (docs/providers/openai.md says how that is known). The official client runs against this. */
import { randomUUID } from 'node:crypto'
import { textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, OutputPlan, Scenario, SimulatedJob, Simulator } from '../testing/kit/simulator.ts'
import { problemWith, readRequest, type ImageRequest } from './simulated-request.ts'
import { streamOf } from './simulated-stream.ts'

const scenario = (name: string, sheet: string, expect: Scenario['expect']): Scenario => ({ name, sheet, expect })

const scenarios: readonly Scenario[] = [
  scenario('invalid_api_key', 'openai §4', { at: 'submit', kind: 'auth', paid: 'no' }),
  scenario('organization_not_verified', 'openai §4', { at: 'submit', kind: 'permission', paid: 'no' }),
  scenario('unsupported_country', 'openai §4', { at: 'submit', kind: 'permission', paid: 'no' }),
  scenario('invalid_request', 'openai §4', { at: 'submit', kind: 'invalid_input', paid: 'no' }),
  scenario('model_retired', 'openai §4', { at: 'submit', kind: 'model_unavailable', paid: 'no' }),
  scenario('model_not_found', 'openai §4', { at: 'submit', kind: 'model_unavailable', paid: 'no' }),
  scenario('moderation_blocked', 'openai §4', { at: 'submit', kind: 'content_policy', paid: 'unknown' }),
  scenario('insufficient_quota', 'openai §4', { at: 'submit', kind: 'credits_exhausted', paid: 'no' }),
  scenario('billing_hard_limit', 'openai §4', { at: 'submit', kind: 'credits_exhausted', paid: 'no' }),
  scenario('rate_limited', 'openai §4', { at: 'submit', kind: 'rate_limited', paid: 'no' }),
  scenario('server_error', 'openai §4', { at: 'submit', kind: 'provider_error', paid: 'unknown' }),
  scenario('overloaded', 'openai §4', { at: 'submit', kind: 'provider_error', paid: 'no' }),
  scenario('slow_down', 'openai §4', { at: 'submit', kind: 'provider_error', paid: 'no' }),
]

/** Comes after the work was begun, and says nothing about the bill: the books have it as paid. */
const SERVER_ERROR = 'server_error'

export const openaiSimulator: Simulator = {
  provider: 'openai',
  origins: { OPENAI_BASE_URL: 'https://api.openai.com' },
  scenarios,
  actionOf,
  async answer(exchange, desk) {
    const key = /^Bearer (.+)$/.exec(exchange.headers.get('authorization') ?? '')?.[1] ?? ''
    if (desk.account(key).status !== 'ok') return refusals.invalid_api_key()
    if (actionOf(exchange) === 'submit') return submit(exchange, desk, key)
    return other(exchange)
  },
}

function actionOf({ method, path }: Exchange): Action {
  if (method === 'POST' && /^\/v1\/images\/(?:generations|edits)$/.test(path)) return 'submit'
  return path === '/v1/models' ? 'account' : 'other'
}

interface Refusal {
  status: number
  message: string
  type: string
  code?: string | null
  param?: string | null
  headers?: Record<string, string>
}

function refusal({ status, message, type, code = null, param = null, headers = {} }: Refusal): Response {
  return Response.json({ error: { message, type, param, code } }, { status, headers: { ...headers, ...requestId() } })
}

function requestId(): Record<string, string> {
  return { 'x-request-id': `req_${randomUUID().replaceAll('-', '')}` }
}

const invalid = (message: string, param: string | null, code: string | null = null, status = 400) =>
  refusal({ status, message, type: 'invalid_request_error', param, code })

const refusals: Readonly<Record<string, () => Response>> & { invalid_api_key(): Response } = {
  invalid_api_key: () => invalid('Incorrect API key provided: sk-***.', null, 'invalid_api_key', 401),
  organization_not_verified: () =>
    invalid('Your organization must be verified to use the model `gpt-image-2`.', null, null, 403),
  unsupported_country: () =>
    refusal({
      status: 403,
      message: 'Country, region, or territory not supported',
      type: 'request_forbidden',
      code: 'unsupported_country_region_territory',
    }),
  invalid_request: () =>
    invalid("Invalid value: '1000x1000'. Width and height must be divisible by 16.", 'size', 'invalid_value'),
  model_retired: () => invalid("The model 'gpt-image-1' has been deprecated.", 'model', 'model_not_found'),
  model_not_found: () => invalid("The model 'gpt-image-9' does not exist.", 'model', 'model_not_found', 404),
  moderation_blocked: () =>
    refusal({
      status: 400,
      message:
        'Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com and include the request ID. safety_violations=[violence].',
      type: 'image_generation_user_error',
      code: 'moderation_blocked',
    }),
  insufficient_quota: () =>
    refusal({
      status: 429,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    }),
  billing_hard_limit: () => invalid('Billing hard limit has been reached.', null, 'billing_hard_limit_reached'),
  rate_limited: () => tooMany(1, { 'retry-after-ms': '40' }),
  overloaded: () =>
    refusal({
      status: 503,
      message: 'The engine is currently overloaded, please try again later.',
      type: 'server_error',
      code: null,
      headers: { 'retry-after-ms': '40' },
    }),
  slow_down: () =>
    refusal({
      status: 503,
      message: 'Slow Down',
      type: 'server_error',
      code: 'slow_down',
      headers: { 'retry-after-ms': '40' },
    }),
}

function tooMany(seconds: number, more: Record<string, string> = {}): Response {
  return refusal({
    status: 429,
    message: `Rate limit reached for gpt-image-2 in organization org-sim on images per min: Limit 5, Used 5, Requested 1. Please try again in ${seconds}s.`,
    type: 'images',
    code: 'rate_limit_exceeded',
    headers: {
      'x-ratelimit-limit-images': '5',
      'x-ratelimit-remaining-images': '0',
      'x-ratelimit-reset-images': `${seconds}s`,
      'retry-after': String(seconds),
      ...more,
    },
  })
}

async function submit(exchange: Exchange, desk: Desk, key: string): Promise<Response> {
  const { account, isExhausted } = desk.account(key)
  const request = await readRequest(exchange)
  const plan = desk.plan(request.prompt)
  const refuse = refusals[plan.scenario ?? '']
  if (refuse) return refuse()
  const problem = problemWith(request)
  if (problem) return invalid(problem.message, problem.param, problem.code)
  if (isExhausted) return (refusals['insufficient_quota'] ?? refusals.invalid_api_key)()
  const admitted = desk.admit(account, 'image')
  if (admitted.status !== 'ok') return tooMany(admitted.retryAfterSeconds)
  const { model: endpoint, fields: input } = request
  const job = desk.accept({ id: `img_${randomUUID()}`, endpoint, key, account, plan, input })
  if (request.isStream) return streamOf(job, desk, request)
  return made(job, desk, request)
}

const WAIT_MAX_SECONDS = 600

async function made(job: SimulatedJob, desk: Desk, request: ImageRequest): Promise<Response> {
  await desk.settled(job, WAIT_MAX_SECONDS)
  if (job.plan.scenario === SERVER_ERROR) {
    return refusal({
      status: 500,
      message: 'The server had an error while processing your request. Sorry about that!',
      type: 'server_error',
      headers: { 'retry-after-ms': '40' },
    })
  }
  const kinds = job.plan.outputs?.kinds ?? []
  const files = desk.outputs(job, request.count, request.sampleKind, request.pixels)
  const data = files.flatMap((file, index) => {
    const sent = sentFor(kinds[index] ?? 'good', Buffer.from(desk.bytesOf(file)))
    return sent === null ? [] : [{ b64_json: sent }]
  })
  return Response.json({ created: Math.floor(desk.now() / 1000), data, ...metaOf(request) }, { headers: requestId() })
}

const PAGE = '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>'

/** What is flagged or missing is left out of the list; everything else is in it, as good or bad as it was ordered. */
function sentFor(kind: NonNullable<OutputPlan['kinds']>[number], bytes: Buffer): string | null {
  switch (kind) {
    case 'flagged':
    case 'missing':
      return null
    case 'broken':
      return '*no base64*'
    case 'html':
      return Buffer.from(PAGE).toString('base64')
    case 'empty':
      return ''
    case 'truncated':
      return bytes.subarray(0, bytes.length / 2).toString('base64')
    // There is no address that could expire.
    case 'expired':
    case 'good':
      return bytes.toString('base64')
  }
}

function metaOf({ fields, outputFormat, pixels }: ImageRequest): object {
  return {
    background: 'opaque',
    output_format: outputFormat,
    quality: textAt(fields, 'quality') ?? 'high',
    size: `${pixels.width}x${pixels.height}`,
    usage: {
      input_tokens: 50,
      input_tokens_details: { text_tokens: 50, image_tokens: 0 },
      output_tokens: 4160,
      total_tokens: 4210,
    },
  }
}

/** With the day on which each ends, as `GET /v1/models` tells it. */
const MODELS: Readonly<Record<string, string | null>> = {
  'gpt-image-2.6-sunburst': null,
  'gpt-image-2.6-flare': null,
  'gpt-image-2.5-flare': null,
  'gpt-image-2': null,
  'gpt-image-1.5': '2026-12-01',
  'gpt-image-1-mini': '2026-12-01',
}

function other({ method, path }: Exchange): Response {
  const models = Object.entries(MODELS).map(([id, end]) => ({
    id,
    object: 'model',
    created: 1_762_500_000,
    owned_by: 'openai',
    shutdown_date: end,
  }))
  if (path === '/v1/models') return Response.json({ object: 'list', data: models }, { headers: requestId() })
  const model = models.find(({ id }) => path === `/v1/models/${id}`)
  if (model) return Response.json(model, { headers: requestId() })
  return invalid(`Invalid URL (${method} ${path})`, null, null, 404)
}
