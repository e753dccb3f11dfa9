/** What vendors say about their endpoints today, compared with what our routes send. Pure: who asks them is the caller. */
export { falListing, falPrices, replicateListing, wavespeedListings } from './documents.ts'
export type { Listing, Price } from './documents.ts'
export { driftOf, priceText } from './drift.ts'
export type { DriftReport, Finding } from './drift.ts'
export { misfitsOf } from './schema.ts'
export type { Misfit, Schema } from './schema.ts'
export { usesOf } from './uses.ts'
export type { RouteUse } from './uses.ts'
