/** Black Forest Labs, the makers of FLUX, directly. */
export { bfl } from './provider.ts'
export type { BflOptions, BflProvider } from './provider.ts'
export { bflModels, flux2Flex, flux2Max, flux3Video } from './models.ts'
