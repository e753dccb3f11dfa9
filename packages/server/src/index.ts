export { createServer } from './server.ts'
export { createReferences } from './http/references.ts'
export type { Referent, References } from './http/references.ts'
export type {
  Credentials,
  PeopleSignIn,
  RefreshAnswer,
  SignIn,
  SignInAnswer,
  SignInRefusal,
  SignInSession,
  Verified,
} from './auth/sign-in.ts'
export type { AppEnv, Platform } from './context.ts'
export type { Identity, Log, LogFields, PageHandler, ServerLimits, ServerOptions } from './options.ts'
