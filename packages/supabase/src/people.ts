/** What a server needs of a project to know its people; nothing here loads supabase-js. */
export { accessTokens } from './access-tokens.ts'
export type { AccessTokenOptions, AccessTokens, TokenUser, VerifiedToken } from './access-tokens.ts'
export { projectSignIn } from './sign-in.ts'
export type { ProjectSession, ProjectSignIn, RefreshAnswer, SignInAnswer, SignInOptions } from './sign-in.ts'
