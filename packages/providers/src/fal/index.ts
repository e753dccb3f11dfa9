/** fal.ai as a provider: `fal()` and its models. */
export { inputImage, inputImages } from './inputs.ts'
export { falModels } from './models.ts'
export { fal } from './provider.ts'
export type { FalOptions, FalProvider } from './provider.ts'
