/** The ways in which Runway fails, each with its section of docs/providers/runway.md. */
import type { Scenario } from '../testing/kit/index.ts'

const failed = (name: string, kind: string): Scenario => ({
  name,
  sheet: 'runway §4',
  expect: { at: 'look', kind, paid: 'unknown' },
})
const refusedAs = (name: string, kind: string, sheet = 'runway §4'): Scenario => ({
  name,
  sheet,
  expect: { at: 'submit', kind, paid: 'no' },
})
const unknown = (name: string): Scenario => ({
  name,
  sheet: 'runway §4',
  expect: { at: 'submit', kind: 'provider_error', paid: 'unknown' },
})

export const runwayScenarios: readonly Scenario[] = [
  failed('safety_input', 'content_policy'),
  failed('safety_output', 'content_policy'),
  failed('bad_output', 'provider_error'),
  failed('input_preprocessing', 'invalid_input'),
  failed('asset_invalid', 'invalid_input'),
  failed('internal', 'provider_error'),
  { name: 'cancelled', sheet: 'runway §3', expect: { at: 'look', kind: 'canceled', paid: 'unknown' } },
  { name: 'throttled', sheet: 'runway §3', expect: { at: 'look', kind: 'success', paid: 'yes' } },
  { name: 'unknown_word', sheet: 'runway §3', expect: { at: 'look', kind: 'success', paid: 'yes' } },
  { name: 'no_output', sheet: 'runway §3', expect: { at: 'look', kind: 'no_output', paid: 'yes' } },
  { name: 'expired_output', sheet: 'runway §3', expect: { at: 'media', kind: 'success', paid: 'yes' } },
  refusedAs('bad_key', 'auth', 'runway §1'),
  refusedAs('invalid_input', 'invalid_input'),
  refusedAs('credits_exhausted', 'credits_exhausted'),
  refusedAs('payment_required', 'credits_exhausted'),
  refusedAs('permission', 'permission'),
  refusedAs('unknown_model', 'model_unavailable'),
  refusedAs('rate_limited', 'rate_limited'),
  refusedAs('daily_quota', 'rate_limited'),
  refusedAs('load_shedding', 'provider_error'),
  unknown('bad_gateway'),
  unknown('overloaded'),
]

type Refusal = { status: number; body: object; headers?: Record<string, string> }

const saying = (status: number, error: string): Refusal => ({ status, body: { error } })

/** What a submit answers instead of taking the task. */
export const refusals: Readonly<Record<string, Refusal>> = {
  bad_key: saying(401, 'The API key is not valid.'),
  invalid_input: {
    status: 400,
    body: {
      error: 'Validation of body failed',
      issues: [{ code: 'invalid_type', path: ['duration'], message: 'Expected an integer' }],
      docUrl: 'https://docs.dev.runwayml.com/api',
    },
  },
  credits_exhausted: saying(400, 'You do not have enough credits to run this task.'),
  payment_required: saying(402, 'You do not have enough credits to run this task.'),
  permission: saying(403, 'This model is not available to your organization.'),
  unknown_model: saying(404, 'Not found'),
  rate_limited: { ...saying(429, 'Too many requests'), headers: { 'retry-after': '3' } },
  daily_quota: saying(429, 'You have reached the daily limit of generations for this model.'),
  load_shedding: saying(503, 'Service unavailable'),
  bad_gateway: saying(502, 'Bad gateway'),
  overloaded: saying(504, 'Gateway timeout'),
}

/** `failureCode` by scenario. */
export const failureCodes: Readonly<Record<string, string>> = {
  safety_input: 'SAFETY.INPUT.TEXT',
  safety_output: 'SAFETY.OUTPUT.VIDEO',
  bad_output: 'INTERNAL.BAD_OUTPUT.CODE01',
  input_preprocessing: 'INPUT_PREPROCESSING.IMAGE',
  asset_invalid: 'ASSET.INVALID',
  internal: 'INTERNAL',
}
