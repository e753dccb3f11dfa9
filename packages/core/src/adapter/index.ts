/** For who writes a provider: one HTTP exchange, its reading, and the traps that every vendor sets. */
export { createApi, readAnswer, wasNeverSent } from './exchange.ts'
export type { Answer, Api, ApiOptions, ApiRequest } from './exchange.ts'
export { download } from '../download.ts'
export { base64, base64Of, bytesOf, dataUriOf, fromBase64 } from './files.ts'
export { at, listAt, numberAt, parseJson, readJson, textAt } from './json.ts'
export { prepare } from './prepare.ts'
export { handOver, kindOfStatus, refused, retryAfterSeconds } from './refusals.ts'
export type { Refused } from './refusals.ts'
export {
  DELIVERY_AGE_MAX_SECONDS,
  fromHex,
  hex,
  hmacSha256,
  isFresh,
  sameBytes,
  signedText,
  verifyStandardWebhook,
} from './signatures.ts'
