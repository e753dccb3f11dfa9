/** Runway as it answers: tasks, uploads to somewhere else, and fresh addresses with every look. */
import { randomUUID } from 'node:crypto'
import { textAt } from '@safelight/core/adapter'
import type { Action, Desk, Exchange, SimulatedJob, Simulator } from '../testing/kit/index.ts'
import { failureCodes, refusals, runwayScenarios } from './scenarios.ts'
import { problemWith } from './simulated-checks.ts'

const OUTPUT_MS = 86_400_000
const VERSION = '2024-11-06'

export const runwaySimulator: Simulator = {
  provider: 'runway',
  origins: {
    RUNWAY_BASE_URL: 'https://api.dev.runwayml.com',
    uploads: 'https://runway-uploads.s3.amazonaws.com',
    cdn: 'https://dnznrvs05pmza.cloudfront.net',
  },
  scenarios: runwayScenarios,
  actionOf,
  async answer(exchange, desk) {
    if (exchange.origin === 'cdn') return output(exchange, desk)
    if (exchange.origin === 'uploads') return stored(exchange)
    const key = /^Bearer (.+)$/.exec(exchange.headers.get('authorization') ?? '')?.[1] ?? ''
    const { status, account } = desk.account(key)
    if (status !== 'ok') return refuse('bad_key')
    if (exchange.headers.get('x-runway-version') !== VERSION)
      return refuseWith('X-Runway-Version is missing or unknown')
    const action = actionOf(exchange)
    if (action === 'account') return organization(desk.account(key).balance)
    if (action === 'upload') return ticket(exchange, desk)
    if (action === 'look') return look(exchange, desk)
    if (action === 'cancel') return cancel(exchange, desk)
    return action === 'submit' ? submit(exchange, desk, key, account) : refuse('unknown_model')
  },
}

const PATHS = new Set(['/v1/text_to_image', '/v1/text_to_video', '/v1/image_to_video'])

function actionOf({ origin, method, path }: Exchange): Action {
  if (origin === 'cdn') return 'media'
  if (origin === 'uploads' || (method === 'POST' && path === '/v1/uploads')) return 'upload'
  if (method === 'POST' && PATHS.has(path)) return 'submit'
  if (path.startsWith('/v1/tasks/')) return method === 'DELETE' ? 'cancel' : 'look'
  return path === '/v1/organization' ? 'account' : 'other'
}

function refuse(name: string): Response {
  const { status = 500, body = {}, headers = {} } = refusals[name] ?? {}
  return Response.json(body, { status, headers })
}

function refuseWith(error: string): Response {
  return Response.json({ error }, { status: 400 })
}

function submit(exchange: Exchange, desk: Desk, key: string, account: string): Response {
  const { json, path } = exchange
  const problem = problemWith(path.slice('/v1/'.length), json)
  if (problem) return refuseWith(problem)
  if (desk.account(key).isExhausted) return refuse('credits_exhausted')
  const lane = path.endsWith('_video') ? 'video' : 'image'
  const admitted = desk.admit(account, lane)
  if (admitted.status === 'rate_limited') return refuse('rate_limited')
  const plan = desk.plan(textAt(json, 'promptText') ?? '')
  if (plan.scenario !== undefined && plan.scenario in refusals) return refuse(plan.scenario)
  // More than the account may run at once is taken all the same, and waits.
  const isThrottled = admitted.status === 'concurrency' || plan.scenario === 'throttled'
  const endpoint = textAt(json, 'model') ?? ''
  const job = desk.accept({ endpoint, key, account, plan, input: json, details: { lane, isThrottled } })
  return Response.json({ id: job.id })
}

function look({ path }: Exchange, desk: Desk): Response {
  const job = desk.job(path.slice('/v1/tasks/'.length))
  if (!job || job.details['isDeleted']) return refuse('unknown_model')
  const createdAt = new Date(job.acceptedAt).toISOString()
  return Response.json({ id: job.id, createdAt, ...progressOf(job, desk) })
}

function progressOf(job: SimulatedJob, desk: Desk): object {
  const { scenario = '' } = job.plan
  const now = desk.phase(job)
  switch (now.phase) {
    case 'queued':
      return { status: job.details['isThrottled'] ? 'THROTTLED' : 'PENDING' }
    case 'running':
      return scenario === 'unknown_word' ? { status: 'WARMING' } : { status: 'RUNNING', progress: now.fraction }
    case 'cancelled':
      return { status: 'CANCELLED' }
    case 'done':
      if (scenario === 'cancelled') return { status: 'CANCELLED' }
      if (failureCodes[scenario]) return failure(failureCodes[scenario])
      return { status: 'SUCCEEDED', output: scenario === 'no_output' ? [] : outputsOf(job, desk) }
  }
}

function failure(failureCode: string): object {
  return { status: 'FAILED', failure: 'An error occurred during the generation of your asset.', failureCode }
}

/** Signed anew with every look. */
function outputsOf(job: SimulatedJob, desk: Desk): string[] {
  const [width = 64, height = 64] = (textAt(job.input, 'ratio') ?? '').split(':').map(Number)
  const kind = job.details['lane'] === 'video' ? 'mp4' : 'png'
  const looks = (job.details['looks'] = Number(job.details['looks'] ?? 0) + 1)
  const isExpired = job.plan.scenario === 'expired_output' && looks === 1
  const until = isExpired ? 0 : desk.now() + OUTPUT_MS
  return desk.outputs(job, 1, kind, { width, height }).map(({ name }) => desk.url('cdn', `/${name}?_jwt=${until}`))
}

function output(exchange: Exchange, desk: Desk): Response {
  // A key has no business here.
  if (exchange.headers.has('authorization')) return new Response('A key came along', { status: 400 })
  if (desk.now() >= Number(exchange.query.get('_jwt') ?? 0)) return new Response('Expired', { status: 403 })
  return desk.file(exchange.path.slice(1), exchange)
}

/** Cancels what is open; deletes what has ended. */
function cancel({ path }: Exchange, desk: Desk): Response {
  const job = desk.job(path.slice('/v1/tasks/'.length))
  if (!job || job.details['isDeleted']) return refuse('unknown_model')
  if (desk.cancel(job) === 'too_late') job.details['isDeleted'] = true
  return new Response(null, { status: 204 })
}

function ticket({ json }: Exchange, desk: Desk): Response {
  if (textAt(json, 'filename') === undefined || textAt(json, 'type') !== 'ephemeral')
    return refuseWith('type: ephemeral')
  const key = `ephemeral/${randomUUID()}`
  return Response.json({
    uploadUrl: desk.url('uploads', '/'),
    fields: { key, policy: 'simulated', 'x-amz-signature': 'simulated' },
    runwayUri: `runway://${key}`,
  })
}

/** As a bucket takes a form: the fields first, the file last, and nobody's key. */
function stored({ headers, body }: Exchange): Response {
  if (headers.has('authorization')) return new Response('A key came along', { status: 400 })
  const text = new TextDecoder('latin1').decode(body)
  const names = [...text.matchAll(/form-data; name="([^"]+)"/g)].map(([, name]) => name)
  const isWhole = names[0] === 'key' && names.at(-1) === 'file'
  return new Response(null, { status: isWhole ? 204 : 403 })
}

function organization(balance: number): Response {
  const models = { 'gen4.5': { maxConcurrentGenerations: 1, maxDailyGenerations: 50 } }
  const usage = { models: { 'gen4.5': { dailyGenerations: 0 } } }
  return Response.json({ creditBalance: balance * 100, tier: { maxMonthlyCreditSpend: 10_000, models }, usage })
}
