export { ERRORS, FAILURES, JobFailed, SafelightError } from './errors.ts'
export type { ErrorCode, ErrorDetails, FailureCode, FieldProblem, LimitState } from './errors.ts'
export { defineModel, defaultPrice, everyRequest, laneOf, offer, priceOf, promise, sizeOf } from './models.ts'
export type { InputOf, Lifecycle, Model, ModelPromise, ModelSpec, Route } from './models.ts'
export { fieldsOf, PROMPT_MAX_CHARACTERS } from './input.ts'
export type * from './contracts.ts'
export { createStudio } from './create-studio.ts'
export { defaultSettings, limitsOf } from './settings.ts'
export { memoryDatabase, memoryMedia } from './memory/index.ts'
export type { MemoryDatabase, MemoryDatabaseOptions } from './memory/index.ts'
export type {
  FinishedJob,
  JobHandle,
  JobRequest,
  ModelsOf,
  Picture,
  ProviderOption,
  ProviderWithModels,
  Studio,
  StudioOptions,
  SubmittedJob,
} from './studio.ts'
