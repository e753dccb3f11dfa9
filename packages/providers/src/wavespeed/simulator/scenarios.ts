/** Ways in which WaveSpeed fails, or looks as if it did; sections of docs/providers/wavespeed.md. */
import type { Scenario, SimulatedJob } from '../../testing/kit/index.ts'

type At = Scenario['expect']['at']
type Paid = Scenario['expect']['paid']

function row(name: string, section: number, at: At, kind: string, paid: Paid = 'no'): Scenario {
  return { name, sheet: `wavespeed §${section}`, expect: { at, kind, paid } }
}

export const scenarios: readonly Scenario[] = [
  row('invalid_key', 1, 'submit', 'auth'),
  row('permission', 2, 'submit', 'permission'),
  row('role', 2, 'submit', 'permission'),
  row('credits_exhausted', 3, 'submit', 'credits_exhausted'),
  row('credits_402', 3, 'submit', 'credits_exhausted'),
  row('credits_403', 3, 'submit', 'credits_exhausted'),
  row('credits_200', 3, 'submit', 'credits_exhausted'),
  row('invalid_input', 4, 'submit', 'invalid_input'),
  row('invalid_input_200', 4, 'submit', 'invalid_input'),
  row('model_unavailable', 5, 'submit', 'model_unavailable'),
  row('rate_limited', 6, 'submit', 'rate_limited'),
  row('prompt_refused', 7, 'submit', 'content_policy'),
  row('envelope_error', 8, 'submit', 'provider_error'),
  row('server_error', 9, 'submit', 'unknown', 'unknown'),
  row('gateway_timeout', 9, 'submit', 'unknown', 'unknown'),
  row('content_policy', 10, 'look', 'content_policy'),
  row('failed', 11, 'look', 'provider_error'),
  row('failed_input', 11, 'look', 'invalid_input'),
  row('cancelled', 12, 'look', 'canceled', 'unknown'),
  row('timeout', 12, 'look', 'provider_error', 'unknown'),
  row('deleted', 12, 'look', 'canceled', 'unknown'),
  row('sync_timeout', 13, 'look', 'success', 'yes'),
  row('flagged', 14, 'look', 'content_policy', 'yes'),
  row('no_output', 15, 'look', 'no_output', 'yes'),
  row('text_output', 15, 'look', 'no_output', 'yes'),
  row('object_output', 16, 'look', 'success', 'yes'),
  row('base64_output', 16, 'look', 'success', 'yes'),
  row('other_word', 17, 'look', 'success', 'yes'),
  row('bare_url', 18, 'look', 'success', 'yes'),
  row('foreign_url', 18, 'look', 'success', 'yes'),
]

/** A refusal of a submit as it goes over the line; the task does not exist. */
export const refusals: Readonly<Record<string, { status: number; code: number; message: string; errorCode?: string }>> =
  {
    invalid_key: { status: 401, code: 401, message: 'Unauthorized: invalid API key' },
    permission: {
      status: 403,
      code: 403,
      message: 'Access to this resource is denied',
      errorCode: 'permission_denied',
    },
    role: { status: 200, code: 403, message: 'insufficient role' },
    credits_exhausted: { status: 400, code: 400, message: 'Insufficient credits. Please top up your account.' },
    credits_402: { status: 402, code: 402, message: 'Your balance is not enough for this request' },
    credits_403: { status: 403, code: 403, message: 'Please top up before using the API' },
    credits_200: { status: 200, code: 400, message: 'Insufficient balance' },
    invalid_input: { status: 400, code: 400, message: 'field "size" is invalid' },
    invalid_input_200: { status: 200, code: 400, message: 'Invalid parameters' },
    model_unavailable: { status: 404, code: 404, message: 'model not found' },
    rate_limited: { status: 429, code: 429, message: 'Too many requests' },
    prompt_refused: { status: 400, code: 400, message: 'The prompt contains sensitive content' },
    envelope_error: { status: 200, code: 500, message: 'Internal error' },
    server_error: { status: 500, code: 500, message: 'Internal server error' },
  }

/** How a task ends that does not complete. */
const ENDINGS: Readonly<Record<string, { status: string; error: string }>> = {
  content_policy: { status: 'failed', error: 'Content flagged as potentially sensitive: NSFW content' },
  failed: { status: 'failed', error: 'Generation failed, please try again' },
  failed_input: { status: 'failed', error: 'Failed to download input image' },
  cancelled: { status: 'cancelled', error: '' },
  timeout: { status: 'timeout', error: 'Task timed out' },
  deleted: { status: 'deleted', error: '' },
}

export function endingOf({ plan }: SimulatedJob): { status: string; error: string } {
  return ENDINGS[plan.scenario ?? ''] ?? { status: 'completed', error: '' }
}
