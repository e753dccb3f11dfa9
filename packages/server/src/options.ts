/** What `createServer` can be told, and what holds where it is told nothing. */
import type { Token, User } from '@safelight/core'
import type { Context } from 'hono'
import type { SignIn } from './auth/sign-in.ts'

/** Fields of one line of the log. Never a secret, a prompt or a provider's words. */
export type LogFields = Record<string, string | number | boolean | null>
/** Where log lines go: one call, one line. */
export type Log = (level: 'info' | 'warn' | 'error', event: string, fields?: LogFields) => void

/** A person, as an embedder's own sign-in knows them. */
export type Identity = Pick<User, 'id'> & Partial<User>

/** Answers requests that the API does not own; null hands the request on. */
export type PageHandler = (c: Context) => Promise<Response | null>

/** Options of `createServer`. */
export interface ServerOptions {
  /** Signs sessions and cursors; at least 32 characters. */
  secret: string
  /** Still verifies what was signed before the secret changed. */
  oldSecret?: string
  /**
   * Says who sent a request, null where nobody is signed in. Without it there are local accounts, and the server answers
   * only requests that name this machine as their `Host`.
   */
  authenticate?: (request: Request) => Promise<Identity | null>
  /**
   * A sign-in of somebody else's, such as a Supabase project: its access tokens are good here, and people may come in
   * through it. In place of local accounts, and not together with `authenticate`.
   */
  signIn?: SignIn
  /** Opens local accounts to other machines: whoever signs in has to know it. */
  localPassword?: string
  /** How people reach this server, as in `https://pictures.example`. */
  publicUrl?: string
  /**
   * Whose `X-Forwarded-For` is believed: addresses, CIDR ranges, `loopback`, `private`, separated by commas; or the number
   * of proxies in front.
   */
  trustedProxies?: string
  /** Other sites whose scripts may call with a bearer token, as exact origins. */
  corsOrigins?: readonly string[]
  /** Who knows it may call `/internal/sweep`; without it there is no such address. */
  sweepSecret?: string
  /** The tokens that the studio was given: with them `/readyz` says when an open job needs one that is gone. */
  tokens?: readonly Pick<Token, 'provider' | 'label'>[]
  /** The page, for everything that is no address of the API. */
  page?: PageHandler
  limits?: Partial<ServerLimits>
  log?: Log
  /** Aborted when the server is about to stop: event streams end, `/readyz` says so. */
  stopping?: AbortSignal
}

/** Bounds that have nothing to do with credits. */
export interface ServerLimits {
  jsonMaxBytes: number
  uploadMaxBytes: number
  /** Uploads of one user under way at once. */
  uploadsPerUser: number
  /** Event streams of one user open at once. */
  streamsPerUser: number
  /** After this a stream ends, and its reader connects again. */
  streamSeconds: number
  /** How long a sign-in lasts. */
  sessionSeconds: number
}

export const defaultLimits: ServerLimits = {
  jsonMaxBytes: 256 * 1024,
  uploadMaxBytes: 10 * 1024 * 1024,
  uploadsPerUser: 4,
  streamsPerUser: 30,
  streamSeconds: 900,
  sessionSeconds: 7 * 86_400,
}

/** What nobody else will tell goes to the console; requests are told only to whoever asks for them. */
export const troubleToConsole: Log = (level, event, fields) => {
  if (level === 'error') console.error(event, fields)
  else if (level === 'warn') console.warn(event, fields)
}
