/** Runway: clips of exactly as many seconds as asked for. */
export { runway } from './provider.ts'
export type { RunwayOptions, RunwayProvider } from './provider.ts'
export { gen45, gen4Image, gen4ImageEdit, runwayModels } from './models.ts'
