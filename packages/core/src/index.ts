export { ERRORS, FAILURES, JobFailed, SafelightError } from './errors.ts'
export type { ErrorCode, ErrorDetails, FailureCode, FieldProblem, LimitState } from './errors.ts'
export { defineModel, defaultPrice, laneOf, priceOf, sizeOf } from './models.ts'
export type { InputOf, Lifecycle, Model, ModelSpec, Route } from './models.ts'
export { fieldsOf, PROMPT_MAX_CHARACTERS } from './input.ts'
export type * from './contracts.ts'
export type {
  FinishedJob,
  JobHandle,
  JobRequest,
  Picture,
  ProviderWithModels,
  Studio,
  StudioOptions,
  SubmittedJob,
} from './studio.ts'
