/** Every row of the failure tables of docs/providers/huggingface.md. */
import type { Scenario } from '../../testing/kit/index.ts'

const no = 'no' as const
type At = Scenario['expect']['at']
const row = (name: string, section: string, at: At, kind: string, paid: Scenario['expect']['paid'] = no): Scenario => ({
  name,
  sheet: `huggingface §${section}`,
  expect: { at, kind, paid },
})

export const scenarios: readonly Scenario[] = [
  row('mapping_gone', '2', 'submit', 'model_unavailable'),
  row('mapping_staging', '2', 'submit', 'model_unavailable'),
  row('mapping_other_task', '2', 'submit', 'model_unavailable'),
  row('hub_down', '2', 'submit', 'success', 'yes'),
  row('hub_html', '2', 'submit', 'success', 'yes'),
  row('hub_busy', '2', 'submit', 'success', 'yes'),

  row('bad_token', '3', 'submit', 'auth'),
  row('no_permission', '3', 'submit', 'permission'),
  row('credits_exhausted', '3', 'submit', 'credits_exhausted'),
  row('not_enough_balance', '3', 'submit', 'credits_exhausted'),
  row('rate_limited', '3', 'submit', 'rate_limited'),
  row('rate_limited_window', '3', 'submit', 'rate_limited'),
  row('model_unsupported', '3', 'submit', 'model_unavailable'),
  row('model_unknown', '3', 'submit', 'model_unavailable'),
  row('loading', '3', 'submit', 'model_unavailable'),
  row('invalid_input', '3', 'submit', 'invalid_input'),
  row('invalid_text', '3', 'submit', 'invalid_input'),

  row('fal_locked', '4.1', 'submit', 'credits_exhausted'),
  row('fal_bad_data_uri', '4.1', 'submit', 'invalid_input'),
  row('fal_content_policy', '4.1', 'result', 'content_policy', 'unknown'),
  row('fal_content_text', '4.1', 'result', 'content_policy', 'unknown'),
  row('fal_invalid_result', '4.1', 'result', 'invalid_input'),
  row('fal_no_media', '4.1', 'result', 'no_output', 'unknown'),
  row('fal_model_error', '4.1', 'result', 'provider_error'),
  row('fal_runner_error', '4.1', 'look', 'provider_error'),
  row('fal_start_timeout', '4.1', 'look', 'provider_error'),

  row('wavespeed_role', '4.2', 'submit', 'permission'),
  row('wavespeed_no_credits', '4.2', 'submit', 'credits_exhausted'),
  row('wavespeed_failed', '4.2', 'look', 'provider_error'),
  row('wavespeed_nsfw', '4.2', 'look', 'content_policy'),
  row('wavespeed_timeout', '4.2', 'look', 'provider_error', 'unknown'),
  row('wavespeed_cancelled', '4.2', 'look', 'canceled', 'unknown'),
  row('wavespeed_deleted', '4.2', 'look', 'canceled', 'unknown'),

  row('replicate_invalid', '4.3', 'submit', 'invalid_input'),
  row('replicate_no_credit', '4.3', 'submit', 'credits_exhausted'),
  row('replicate_throttled', '4.3', 'submit', 'rate_limited'),
  row('replicate_slow', '4.3', 'look', 'success', 'yes'),
  row('replicate_failed', '4.3', 'look', 'provider_error', 'unknown'),
  row('replicate_nsfw', '4.3', 'look', 'content_policy', 'unknown'),
  row('replicate_aborted', '4.3', 'look', 'canceled'),
  row('replicate_canceled', '4.3', 'look', 'canceled', 'yes'),

  row('together_invalid', '4.5', 'submit', 'invalid_input'),
  row('together_nsfw', '4.5', 'submit', 'content_policy'),
  row('together_failed', '4.5', 'look', 'provider_error', 'unknown'),

  row('empty_result', '4', 'result', 'no_output', 'yes'),
]

/** What a job comes to that was taken: one of these, whichever party has it. */
export type Ending = 'good' | 'empty' | 'policy' | 'invalid' | 'no_media' | 'error' | 'canceled'

export function endingOf(scenario: Scenario | undefined): Ending {
  if (!scenario || scenario.expect.at === 'submit' || scenario.expect.kind === 'success') return 'good'
  if (scenario.name === 'empty_result') return 'empty'
  const endings: Record<string, Ending> = {
    content_policy: 'policy',
    invalid_input: 'invalid',
    no_output: 'no_media',
    canceled: 'canceled',
  }
  return endings[scenario.expect.kind] ?? 'error'
}

/** The router's answers to a submit, and those of parties that it passes on. */
export function refusal(scenario: Scenario | undefined, party: string, model: string): Response | null {
  if (!scenario || scenario.expect.at !== 'submit') return null
  return answers[scenario.name]?.(party, model) ?? null
}

const json = (status: number, body: object, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers: { 'x-request-id': 'Root=1-6923ab-simulated', ...headers } })
const problem = (status: number, title: string, detail: string, more: object = {}) =>
  json(status, { detail, status, title, ...more }, { 'content-type': 'application/problem+json' })

/** WaveSpeed refuses with HTTP 200; nobody else does. */
const enveloped = (party: string, code: number, message: string) =>
  json(party === 'wavespeed' ? 200 : code, { code, message })

export const unsupported = (party: string) => json(400, { error: `Model not supported by provider ${party}` })
export const badToken = () => json(401, { error: 'Invalid username or password.' })
export const noCredits = () =>
  json(402, {
    error:
      'You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO to get 20x more monthly included credits.',
  })
export const tooMany = (seconds: number) =>
  json(429, { error: 'Too Many Requests' }, { 'retry-after': String(seconds) })

const answers: Readonly<Record<string, (party: string, model: string) => Response>> = {
  // What the hub does not list any more, the router does not take, whoever remembers otherwise.
  mapping_gone: unsupported,
  mapping_staging: unsupported,
  mapping_other_task: unsupported,
  model_unsupported: unsupported,
  bad_token: badToken,
  no_permission: () =>
    json(403, {
      error:
        'This authentication method does not have sufficient permissions to call Inference Providers on behalf of user somebody',
    }),
  credits_exhausted: noCredits,
  not_enough_balance: () => json(403, { code: 403, reason: 'NOT_ENOUGH_BALANCE', message: 'NOT_ENOUGH_BALANCE' }),
  rate_limited: () => tooMany(7),
  rate_limited_window: () => json(429, { error: 'Too Many Requests' }, { ratelimit: '"api";r=0;t=11' }),
  model_unknown: (_, model) => json(404, { error: `Model ${model} does not exist` }),
  loading: (_, model) => json(503, { error: `Model ${model} is currently loading`, estimated_time: 20.0 }),
  invalid_input: () => json(422, { error: 'Input validation error: width must be positive', error_type: 'validation' }),
  invalid_text: () =>
    new Response('Failed to deserialize the JSON body into the target type: missing field `inputs` at line 1', {
      status: 422,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    }),
  fal_locked: () =>
    json(403, {
      detail: 'User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.',
    }),
  fal_bad_data_uri: () => json(400, { detail: 'Unsupported data URL' }),
  wavespeed_role: party => enveloped(party, 403, 'insufficient role'),
  wavespeed_no_credits: party => enveloped(party, 400, 'Insufficient credits, please top up'),
  replicate_invalid: () =>
    problem(422, 'Input validation failed', '- input: aspect_ratio must be one of the following\n', {
      invalid_fields: [{ type: 'enum', field: 'input.aspect_ratio', description: 'must be one of the following' }],
    }),
  replicate_no_credit: () => problem(402, 'Insufficient credit', 'You have insufficient credit to run this model.'),
  replicate_throttled: () =>
    problem(429, 'Too Many Requests', 'Request was throttled. Your rate limit resets in ~30s.'),
  together_invalid: () =>
    json(400, {
      id: 'nrrZoRr-simulated',
      error: { message: 'steps must be between 1 and 12', type: 'invalid_request_error', param: 'steps', code: null },
    }),
  together_nsfw: () =>
    json(422, {
      id: 'nrrZoRr-simulated',
      error: {
        message: 'The prompt may contain NSFW content.',
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    }),
}
