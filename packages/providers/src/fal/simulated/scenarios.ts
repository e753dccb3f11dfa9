/** Every way in which fal fails, with the answer it gives: rows of docs/providers/fal.md. */
import type { Scenario } from '../../testing/kit/index.ts'

export type Answered = { status: number; body: unknown; headers?: Record<string, string> }
interface Row {
  sheet: string
  kind: string
  paid?: 'no' | 'yes' | 'unknown'
  /** Instead of taking the job. */
  submit?: Answered
  /** In the status that says COMPLETED. */
  status?: { error: string; error_type?: string }
  /** Instead of the result. */
  result?: Answered
}

/** A model's error: typed details (docs.fal.ai/errors). */
function typed(status: number, type: string, message: string, headers?: Record<string, string>): Answered {
  const detail = [{ loc: ['body'], msg: message, type, url: `https://docs.fal.ai/errors#${type}`, input: {} }]
  return { status, body: { detail }, ...(headers ? { headers } : {}) }
}

const plain = (status: number, detail: string, headers?: Record<string, string>): Answered => ({
  status,
  body: { detail },
  ...(headers ? { headers } : {}),
})
const locked = (reason: string) => plain(403, `User is locked. Reason: ${reason}`)
const UNBILLED = { 'x-fal-billable-units': '0' }

/** The platform's own failures stand in the status; the result repeats them (docs.fal.ai, request errors). */
function platform(sheet: string, kind: string, status: number, type: string, paid: Row['paid'] = 'no'): Row {
  const error = `Request failed: ${type.replaceAll('_', ' ')}`
  const headers = { 'x-fal-error-type': type }
  return {
    sheet,
    kind,
    paid,
    status: { error, error_type: type },
    result: { status, body: { detail: error, error_type: type }, headers },
  }
}

const wrongInput = (type: string, message: string): Row => ({
  sheet: 'fal §4.3',
  kind: 'invalid_input',
  result: typed(422, type, message, UNBILLED),
})

const ROWS: Readonly<Record<string, Row>> = {
  // §4.1: at the door
  bad_key: {
    sheet: 'fal §4.1',
    kind: 'auth',
    submit: plain(401, 'Authentication is required to access this application.'),
  },
  forbidden: { sheet: 'fal §4.1', kind: 'permission', submit: plain(403, 'Access denied to this application.') },
  balance_exhausted: {
    sheet: 'fal §4.1',
    kind: 'credits_exhausted',
    submit: locked('Exhausted balance. Top up your balance at fal.ai/dashboard/billing.'),
  },
  top_up: { sheet: 'fal §4.1', kind: 'credits_exhausted', submit: locked('TOP_UP.') },
  admin_lock: {
    sheet: 'fal §4.1',
    kind: 'credits_exhausted',
    submit: locked('Admin lock. Please contact support@fal.ai'),
  },
  rate_limited: {
    sheet: 'fal §4.1',
    kind: 'rate_limited',
    submit: plain(429, 'Rate limit exceeded', { 'retry-after': '1' }),
  },
  unknown_app: { sheet: 'fal §4.1', kind: 'model_unavailable', submit: { status: 404, body: '404: Not Found' } },
  bad_data_uri: { sheet: 'fal §4.1', kind: 'invalid_input', submit: plain(400, 'Unsupported data URL') },
  refused_input: {
    sheet: 'fal §4.1',
    kind: 'invalid_input',
    submit: typed(422, 'missing', 'Field required', UNBILLED),
  },
  refused_prompt: {
    sheet: 'fal §4.1',
    kind: 'content_policy',
    paid: 'no',
    submit: typed(422, 'content_policy_violation', 'The prompt was flagged by the content checker.', UNBILLED),
  },
  queue_unavailable: { sheet: 'fal §4.1', kind: 'provider_error', submit: plain(503, 'Service Unavailable') },

  // §4.2: the platform, while it waits or runs
  request_timeout: platform('fal §4.2', 'model_unavailable', 504, 'request_timeout'),
  startup_timeout: platform('fal §4.2', 'model_unavailable', 504, 'startup_timeout'),
  runner_scheduling_failure: platform('fal §4.2', 'model_unavailable', 503, 'runner_scheduling_failure'),
  runner_connection_timeout: platform('fal §4.2', 'provider_error', 503, 'runner_connection_timeout'),
  runner_disconnected: platform('fal §4.2', 'provider_error', 503, 'runner_disconnected'),
  runner_connection_refused: platform('fal §4.2', 'provider_error', 503, 'runner_connection_refused'),
  runner_connection_error: platform('fal §4.2', 'provider_error', 503, 'runner_connection_error'),
  runner_incomplete_response: platform('fal §4.2', 'provider_error', 502, 'runner_incomplete_response'),
  runner_server_error: platform('fal §4.2', 'provider_error', 500, 'runner_server_error'),
  internal_error: platform('fal §4.2', 'provider_error', 500, 'internal_error'),
  bad_request: platform('fal §4.2', 'invalid_input', 400, 'bad_request'),
  client_disconnected: platform('fal §4.2', 'canceled', 499, 'client_disconnected', 'unknown'),
  client_cancelled: platform('fal §4.2', 'canceled', 499, 'client_cancelled', 'unknown'),
  unexplained_error: {
    sheet: 'fal §4.2',
    kind: 'provider_error',
    paid: 'unknown',
    status: { error: 'Something went wrong' },
    result: { status: 500, body: 'Internal Server Error' },
  },

  // §4.3: the model, in its result
  validation: wrongInput('missing', 'Field required'),
  image_too_small: wrongInput('image_too_small', 'Image is too small'),
  image_too_large: wrongInput('image_too_large', 'Image is too large'),
  image_load_error: wrongInput('image_load_error', 'The image could not be loaded'),
  file_download_error: wrongInput('file_download_error', 'The file could not be downloaded'),
  file_too_large: wrongInput('file_too_large', 'The file is too large'),
  face_detection_error: wrongInput('face_detection_error', 'No face was found'),
  unsupported_image_format: wrongInput('unsupported_image_format', 'This format is not supported'),
  feature_not_supported: wrongInput('feature_not_supported', 'This is not supported'),
  sequence_too_long: wrongInput('sequence_too_long', 'Too many items'),
  plain_detail: { sheet: 'fal §4.3', kind: 'invalid_input', result: plain(422, 'prompt: too long', UNBILLED) },
  path_not_found: { sheet: 'fal §4.3', kind: 'model_unavailable', result: plain(404, 'Path /x not found', UNBILLED) },
  model_error: {
    sheet: 'fal §4.3',
    kind: 'provider_error',
    result: typed(500, 'internal_server_error', 'Internal server error'),
  },
  generation_timeout: {
    sheet: 'fal §4.3',
    kind: 'provider_error',
    result: typed(504, 'generation_timeout', 'Generation timed out'),
  },
  downstream_error: {
    sheet: 'fal §4.3',
    kind: 'provider_error',
    result: typed(500, 'downstream_service_error', 'Downstream service error'),
  },
  downstream_unavailable: {
    sheet: 'fal §4.3',
    kind: 'model_unavailable',
    result: typed(503, 'downstream_service_unavailable', 'Downstream service unavailable'),
  },

  // §4.4: what a model will not make
  content_policy: {
    sheet: 'fal §4.4',
    kind: 'content_policy',
    paid: 'unknown',
    result: typed(422, 'content_policy_violation', 'The content could not be processed.'),
  },
  content_policy_billed: {
    sheet: 'fal §4.4',
    kind: 'content_policy',
    paid: 'yes',
    result: typed(422, 'content_policy_violation', 'The output was flagged.', { 'x-fal-billable-units': '1' }),
  },
  risk_control: {
    sheet: 'fal §4.4',
    kind: 'content_policy',
    paid: 'unknown',
    result: typed(422, 'invalid_request', 'Failure to pass the risk control system'),
  },
  usage_guidelines: {
    sheet: 'fal §4.4',
    kind: 'content_policy',
    paid: 'unknown',
    result: plain(422, 'The prompt could not be submitted. It violates Vertex AI usage guidelines.'),
  },
  content_blocked: {
    sheet: 'fal §4.4',
    kind: 'content_policy',
    paid: 'unknown',
    result: typed(422, 'content_blocked', 'The content was blocked.'),
  },
  no_media_generated: {
    sheet: 'fal §4.4',
    kind: 'no_output',
    paid: 'unknown',
    result: typed(422, 'no_media_generated', 'No media was generated.'),
  },
  nsfw: { sheet: 'fal §4.4', kind: 'content_policy', paid: 'yes' },
  no_files: { sheet: 'fal §4.4', kind: 'no_output', paid: 'yes', result: { status: 200, body: { images: [] } } },

  // §4.5: what looks wrong and is not
  unknown_word: { sheet: 'fal §4.5', kind: 'success', paid: 'yes' },
  result_late: { sheet: 'fal §4.5', kind: 'success', paid: 'yes' },
  mislabelled: { sheet: 'fal §4.5', kind: 'success', paid: 'yes' },
}

export function rowOf(name: string | undefined): Row | undefined {
  return name !== undefined && Object.hasOwn(ROWS, name) ? ROWS[name] : undefined
}

/** Where it shows. */
function placeOf(name: string, row: Row): Scenario['expect']['at'] {
  if (row.submit) return 'submit'
  if (row.status) return 'look'
  return name === 'nsfw' || name === 'mislabelled' ? 'media' : 'result'
}

export const scenarios: readonly Scenario[] = Object.entries(ROWS).map(([name, row]) => ({
  name,
  sheet: row.sheet,
  expect: { at: placeOf(name, row), kind: row.kind, paid: row.paid ?? 'no' },
}))
