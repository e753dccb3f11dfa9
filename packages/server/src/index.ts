export { createServer } from './server.ts'
export type { AppEnv, Platform } from './context.ts'
export type { Identity, Log, LogFields, PageHandler, ServerLimits, ServerOptions } from './options.ts'
