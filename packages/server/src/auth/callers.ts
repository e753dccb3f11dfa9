/** Who is calling: a bearer token, the session cookie, or whatever the embedder's own sign-in says. */
import { SafelightError, type User } from '@safelight/core'
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'
import { isThisMachine } from '../http/hosts.ts'
import { refuseForeignWrites } from '../http/origins.ts'
import type { Identity, ServerOptions } from '../options.ts'
import type { Sessions } from './sessions.ts'

export interface Caller {
  user: User
}

export interface Callers {
  /** Null where nobody is signed in. Throws `unauthenticated` for a credential that does not hold. */
  find(c: Context<AppEnv>): Promise<Caller | null>
  /** Signs somebody in: the token for programs, and the same in the cookie for the page. */
  admit(c: Context<AppEnv>, user: User): Promise<{ user: User; accessToken: string; expiresAt: string }>
  forget(c: Context<AppEnv>): void
}

interface Parts {
  sessions: Sessions
  findUser(userId: string): Promise<User | null>
  authenticate: ServerOptions['authenticate']
  publicUrl: string | undefined
  sessionSeconds: number
}

const COOKIE = 'safelight_session'

export function createCallers({ sessions, findUser, authenticate, publicUrl, sessionSeconds }: Parts): Callers {
  const fromSession = async (accessToken: string): Promise<Caller> => {
    const verified = await sessions.verify(accessToken)
    if (verified.status === 'expired') throw signInFirst('The session has expired; sign in again.')
    if (verified.status === 'invalid') throw signInFirst('The access token is not valid; sign in again.')
    const user = await findUser(verified.userId)
    if (!user) throw signInFirst('The account of this access token does not exist; sign in again.')
    return { user }
  }
  return {
    async find(c) {
      const header = c.req.header('Authorization')
      const cookie = header === undefined ? readCookie(c) : undefined
      // A header is never sent by a browser of itself, so only the other ways need to say where they come from.
      if (authenticate) {
        const identity = await authenticate(c.req.raw)
        if (identity && header === undefined) refuseForeignWrites(c, publicUrl, true)
        return identity && { user: userOf(identity) }
      }
      if (header !== undefined) return fromSession(bearerOf(header))
      if (cookie === undefined) return null
      const caller = await fromSession(cookie)
      refuseForeignWrites(c, publicUrl, true)
      return caller
    },
    async admit(c, user) {
      const { accessToken, expiresAt } = await sessions.issue(user.id)
      writeCookie(c, accessToken, sessionSeconds)
      return { user, accessToken, expiresAt: expiresAt.toISOString() }
    },
    forget: c => writeCookie(c, '', 0),
  }
}

/** Lets only signed-in callers through; `callerOf` then says who it is. */
export function signedIn({ callers, advance }: { callers: Callers; advance(): void }) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const caller = await callers.find(c)
    if (!caller) throw signInFirst('Sign in, or send Authorization: Bearer <access token>.')
    c.set('caller', caller)
    await next()
    advance()
  })
}

/** Behind `signedIn`. */
export function callerOf(c: Context<AppEnv>): User {
  const { caller } = c.var
  if (!caller) throw signInFirst('Sign in first.')
  return caller.user
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerOf(header: string): string {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1]
  if (token === undefined) throw signInFirst('Authorization must be "Bearer <access token>".')
  return token
}

export function signInFirst(message: string): SafelightError {
  return new SafelightError('unauthenticated', message)
}

/** `Secure` (and `__Host-`) everywhere but on this machine, where there may be no TLS to send it over. */
function isSecure(c: Context<AppEnv>): boolean {
  return !isThisMachine(c.req.header('Host') ?? '')
}

function readCookie(c: Context<AppEnv>): string | undefined {
  return (isSecure(c) ? getCookie(c, COOKIE, 'host') : getCookie(c, COOKIE)) || undefined
}

function writeCookie(c: Context<AppEnv>, value: string, maxAge: number): void {
  const prefix = isSecure(c) ? ({ prefix: 'host', secure: true } as const) : {}
  setCookie(c, COOKIE, value, { path: '/', httpOnly: true, sameSite: 'Lax', maxAge, ...prefix })
}

function userOf({ id, email = null, name = null, role = 'user' }: Identity): User {
  return { id, email, name, role }
}
