export { replicateModels } from './models.ts'
export { replicate } from './provider.ts'
export type { ReplicateOptions, ReplicateProvider } from './provider.ts'
