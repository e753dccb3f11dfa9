/** WaveSpeed AI: images, edits and clips of many makers, by one key. */
export { wavespeed } from './provider.ts'
export type { WavespeedOptions, WavespeedProvider } from './provider.ts'
export { wavespeedModels } from './models.ts'
export { allInputs, firstInput } from './inputs.ts'
export type { InputOptions } from './inputs.ts'
