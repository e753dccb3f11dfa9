/** The ways in which Black Forest Labs fails, each with its section of docs/providers/bfl.md. */
import type { Scenario } from '../testing/kit/index.ts'

export const bflScenarios = [
  { name: 'request_moderated', sheet: 'bfl §3', expect: { at: 'look', kind: 'content_policy', paid: 'no' } },
  { name: 'content_moderated', sheet: 'bfl §3', expect: { at: 'look', kind: 'content_policy', paid: 'no' } },
  { name: 'task_not_found', sheet: 'bfl §3', expect: { at: 'look', kind: 'provider_error', paid: 'unknown' } },
  { name: 'error', sheet: 'bfl §3', expect: { at: 'look', kind: 'provider_error', paid: 'unknown' } },
  { name: 'failed', sheet: 'bfl §3', expect: { at: 'look', kind: 'provider_error', paid: 'unknown' } },
  { name: 'no_sample', sheet: 'bfl §3', expect: { at: 'look', kind: 'no_output', paid: 'yes' } },
  { name: 'state_alias', sheet: 'bfl §3', expect: { at: 'look', kind: 'success', paid: 'yes' } },
  { name: 'unknown_word', sheet: 'bfl §3', expect: { at: 'look', kind: 'success', paid: 'yes' } },
  { name: 'expired_sample', sheet: 'bfl §3', expect: { at: 'media', kind: 'no_output', paid: 'yes' } },
  { name: 'invalid_input', sheet: 'bfl §5', expect: { at: 'submit', kind: 'invalid_input', paid: 'no' } },
  { name: 'invalid_field', sheet: 'bfl §5', expect: { at: 'submit', kind: 'invalid_input', paid: 'no' } },
  { name: 'invalid_text', sheet: 'bfl §5', expect: { at: 'submit', kind: 'invalid_input', paid: 'no' } },
  { name: 'moderated_at_once', sheet: 'bfl §5', expect: { at: 'submit', kind: 'content_policy', paid: 'no' } },
  { name: 'credits_exhausted', sheet: 'bfl §5', expect: { at: 'submit', kind: 'credits_exhausted', paid: 'no' } },
  { name: 'bad_key', sheet: 'bfl §5', expect: { at: 'submit', kind: 'auth', paid: 'no' } },
  { name: 'permission', sheet: 'bfl §5', expect: { at: 'submit', kind: 'permission', paid: 'no' } },
  { name: 'unknown_model', sheet: 'bfl §5', expect: { at: 'submit', kind: 'model_unavailable', paid: 'no' } },
  { name: 'concurrency', sheet: 'bfl §5', expect: { at: 'submit', kind: 'concurrency', paid: 'no' } },
  { name: 'server_error', sheet: 'bfl §5', expect: { at: 'submit', kind: 'provider_error', paid: 'unknown' } },
  { name: 'unavailable', sheet: 'bfl §5', expect: { at: 'submit', kind: 'provider_error', paid: 'unknown' } },
] as const satisfies readonly Scenario[]

type Refusal = { status: number; body: object; headers?: Record<string, string> }

const plain = (status: number, detail: string): Refusal => ({ status, body: { detail } })

/** What a submit answers instead of taking the task. */
export const refusals: Readonly<Record<string, Refusal>> = {
  invalid_input: { status: 400, body: { error: 'bad_request', message: 'The request is not valid', details: {} } },
  invalid_field: {
    status: 422,
    body: { detail: [{ loc: ['body', 'width'], msg: 'Input should be a multiple of 16', type: 'multiple_of' }] },
  },
  invalid_text: plain(422, 'Unable to read the input image'),
  moderated_at_once: plain(422, 'Request Moderated'),
  credits_exhausted: plain(402, 'Insufficient credits'),
  bad_key: plain(403, 'Not authenticated - Invalid Authentication'),
  permission: plain(403, 'This model is not available to you'),
  unknown_model: plain(404, 'Not Found'),
  concurrency: { ...plain(429, 'Too many active tasks'), headers: { 'retry-after': '1' } },
  server_error: plain(500, 'Internal Server Error'),
  unavailable: plain(503, 'Service Unavailable'),
}

/** The last word about a task, where it is not `Ready`. */
export const lastWords: Readonly<Record<string, { status: string; details?: object }>> = {
  request_moderated: { status: 'Request Moderated', details: { 'Moderation Reasons': ['Derivative Works Filter'] } },
  content_moderated: { status: 'Content Moderated', details: { 'Moderation Reasons': ['Safety Filter'] } },
  task_not_found: { status: 'Task not found' },
  error: { status: 'Error' },
  failed: { status: 'Failed' },
}
