/** Looking at media without decoding it: what a file is, how large, how long. Runs anywhere; `./files` needs Node. */
export { MEDIA_LIMITS, UPLOAD_LIMITS, checkLimits } from './limits.ts'
export type { MediaLimits } from './limits.ts'
export { probe } from './probe.ts'
export { bytesSource } from './reader.ts'
export type { ByteSource } from './reader.ts'
export { SNIFF_BYTES, sniff } from './sniff.ts'
export type { MediaInfo, MediaType } from './types.ts'
