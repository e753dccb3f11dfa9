/**
 * The seams. Everything the engine needs from the outside is one of the small interfaces below; every implementation of
 * one passes the same suite in `@safelight/core/testing`.
 *
 * Instants are milliseconds since 1970 (`…At`, `…Until`); spans are seconds and say so (`…Seconds`).
 */
export type * from './contracts/values.ts'
export type * from './contracts/models.ts'
export type * from './contracts/jobs.ts'
export type * from './contracts/money.ts'
export type * from './contracts/tokens.ts'
export type * from './contracts/providers.ts'
export type * from './contracts/media.ts'
export type * from './contracts/people.ts'
export type * from './contracts/database.ts'
export type * from './contracts/upkeep.ts'
