/** The ways in which the Gemini API fails, each with its section of docs/providers/google.md, by surface. */
import type { Scenario } from '../testing/kit/index.ts'

export type SurfaceName = 'image' | 'veo' | 'omni'

type Expect = Scenario['expect']

const scenario = (sheet: string, at: Expect['at'], kind: string, paid: Expect['paid']) => ({
  sheet: `google ${sheet}`,
  expect: { at, kind, paid },
})

/** Error answers, alike on every surface. */
const everywhere: Readonly<Record<string, Omit<Scenario, 'name'>>> = {
  bad_key: scenario('§1', 'submit', 'auth', 'no'),
  leaked_key: scenario('§1', 'submit', 'auth', 'no'),
  permission: scenario('§1', 'submit', 'permission', 'no'),
  no_billing: scenario('§1', 'submit', 'permission', 'no'),
  credits_exhausted: scenario('§1', 'submit', 'credits_exhausted', 'no'),
  invalid_input: scenario('§1', 'submit', 'invalid_input', 'no'),
  unknown_model: scenario('§1', 'submit', 'model_unavailable', 'no'),
  rate_limited: scenario('§1', 'submit', 'rate_limited', 'no'),
  daily_quota: scenario('§1', 'submit', 'rate_limited', 'no'),
  deadline: scenario('§1', 'submit', 'provider_error', 'unknown'),
}

const bySurface: Readonly<Record<SurfaceName, Readonly<Record<string, Omit<Scenario, 'name'>>>>> = {
  image: {
    internal: scenario('§1', 'submit', 'provider_error', 'no'),
    overloaded: scenario('§1', 'submit', 'provider_error', 'no'),
    prompt_blocked: scenario('§2', 'submit', 'content_policy', 'unknown'),
    image_safety: scenario('§2', 'submit', 'content_policy', 'unknown'),
    image_prohibited: scenario('§2', 'submit', 'content_policy', 'unknown'),
    no_image: scenario('§2', 'result', 'no_output', 'yes'),
    text_only: scenario('§2', 'result', 'no_output', 'yes'),
    thought_draft: scenario('§2', 'result', 'success', 'yes'),
  },
  veo: {
    veo_internal: scenario('§1', 'submit', 'provider_error', 'unknown'),
    veo_overloaded: scenario('§1', 'submit', 'provider_error', 'unknown'),
    veo_filtered: scenario('§4', 'look', 'content_policy', 'no'),
    veo_no_samples: scenario('§4', 'look', 'content_policy', 'no'),
    veo_error: scenario('§4', 'look', 'provider_error', 'unknown'),
    veo_policy_error: scenario('§4', 'look', 'content_policy', 'unknown'),
  },
  omni: {
    omni_internal: scenario('§1', 'submit', 'provider_error', 'unknown'),
    omni_overloaded: scenario('§1', 'submit', 'provider_error', 'unknown'),
    omni_failed: scenario('§3', 'look', 'provider_error', 'unknown'),
    omni_policy: scenario('§3', 'look', 'content_policy', 'unknown'),
    omni_cancelled: scenario('§3', 'look', 'canceled', 'unknown'),
    omni_incomplete: scenario('§3', 'look', 'provider_error', 'unknown'),
    omni_budget: scenario('§3', 'look', 'credits_exhausted', 'unknown'),
    omni_text_only: scenario('§3', 'look', 'no_output', 'yes'),
    omni_inline: scenario('§3', 'look', 'success', 'yes'),
    omni_requires_action: scenario('§3', 'look', 'success', 'yes'),
  },
}

/** Those that one surface knows. */
export function scenariosOf(surface: SurfaceName): Scenario[] {
  return Object.entries({ ...everywhere, ...bySurface[surface] }).map(([name, rest]) => ({ name, ...rest }))
}

export const googleScenarios: readonly Scenario[] = [
  ...scenariosOf('image'),
  ...[...scenariosOf('veo'), ...scenariosOf('omni')].filter(({ name }) => !(name in everywhere)),
]

export interface SimulatedError {
  status: number
  word: string
  /** As Interactions calls it. */
  code: string
  message: string
  details?: object[]
}

const INFO = 'type.googleapis.com/google.rpc'
const internal = { status: 500, word: 'INTERNAL', code: 'api_error', message: 'An internal error has occurred.' }
const overloaded = {
  status: 503,
  word: 'UNAVAILABLE',
  code: 'service_unavailable',
  message: 'The model is overloaded. Please try again later.',
}

/** What a submit answers instead of taking the work. */
export const errors: Readonly<Record<string, SimulatedError>> = {
  bad_key: {
    status: 400,
    word: 'INVALID_ARGUMENT',
    code: 'invalid_request',
    message: 'API key not valid. Please pass a valid API key.',
    details: [{ '@type': `${INFO}.ErrorInfo`, reason: 'API_KEY_INVALID', domain: 'googleapis.com' }],
  },
  leaked_key: {
    status: 403,
    word: 'PERMISSION_DENIED',
    code: 'permission_denied',
    message: 'Your API key was reported as leaked. Please use another API key.',
  },
  permission: {
    status: 403,
    word: 'PERMISSION_DENIED',
    code: 'permission_denied',
    message: 'The caller does not have permission',
  },
  no_billing: {
    status: 400,
    word: 'FAILED_PRECONDITION',
    code: 'failed_precondition',
    message: 'Please enable billing on your project in Google AI Studio.',
  },
  credits_exhausted: {
    status: 402,
    word: 'RESOURCE_EXHAUSTED',
    code: 'payment_required',
    message: 'Your prepayment credits are depleted.',
  },
  invalid_input: {
    status: 400,
    word: 'INVALID_ARGUMENT',
    code: 'invalid_request',
    message: 'Request contains an invalid argument.',
  },
  unknown_model: { status: 404, word: 'NOT_FOUND', code: 'model_not_found', message: 'The model is not found.' },
  rate_limited: {
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    code: 'rate_limit_exceeded',
    message: 'You exceeded your current quota.',
    details: [{ '@type': `${INFO}.RetryInfo`, retryDelay: '2s' }],
  },
  daily_quota: {
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    code: 'quota_exceeded',
    message: 'You exceeded your current quota.',
    details: [
      { '@type': `${INFO}.QuotaFailure`, violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }] },
      { '@type': `${INFO}.RetryInfo`, retryDelay: '27s' },
    ],
  },
  deadline: { status: 504, word: 'DEADLINE_EXCEEDED', code: 'deadline_exceeded', message: 'Deadline exceeded.' },
  internal,
  veo_internal: internal,
  omni_internal: internal,
  overloaded,
  veo_overloaded: overloaded,
  omni_overloaded: overloaded,
}
