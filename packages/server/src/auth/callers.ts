/** Who is calling: a bearer token, the session cookie, or whatever the embedder's own sign-in says. */
import { SafelightError, type User } from '@safelight/core'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'
import { refuseForeignWrites } from '../http/origins.ts'
import type { Identity, ServerOptions } from '../options.ts'
import { readCookie, writeCookie } from './cookie.ts'
import type { KeptSessions } from './kept-sessions.ts'
import type { Sessions } from './sessions.ts'
import type { SignIn, SignInSession, Verified } from './sign-in.ts'

export interface Caller {
  user: User
}

export interface Callers {
  /** Null where nobody is signed in. Throws `unauthenticated` for a credential that does not hold. */
  find(c: Context<AppEnv>): Promise<Caller | null>
  /** Signs somebody in: the token for programs, and the same in the cookie for the page. */
  admit(c: Context<AppEnv>, user: User): Promise<{ user: User; accessToken: string; expiresAt: string }>
  /** Keeps a session of somebody else's sign-in for the page, and answers with whose it is. */
  keep(c: Context<AppEnv>, session: SignInSession): Promise<User>
  /** Signs out: the cookie is taken back, and a session that was kept is ended. */
  forget(c: Context<AppEnv>): Promise<void>
}

/** One of three: an embedder's own way, somebody else's sign-in, or local accounts. */
interface Parts {
  sessions: Sessions
  findUser(userId: string): Promise<User | null>
  authenticate: ServerOptions['authenticate']
  signIn: SignIn | undefined
  /** Where people sign in to somebody else's through us. */
  kept: KeptSessions | undefined
  publicUrl: string | undefined
  sessionSeconds: number
}

/** The sign-in is asked for its keys again at the next request. */
const UNAVAILABLE_RETRY_SECONDS = 5

export function createCallers(parts: Parts): Callers {
  const { sessions, findUser, authenticate, signIn, kept, publicUrl, sessionSeconds } = parts
  const callerIn = async (verified: Verified, credential: string): Promise<Caller> => {
    const user = await findUser(idOf(verified, credential))
    if (!user) throw signInFirst(`The account of this ${credential} does not exist; sign in again.`)
    return { user }
  }
  const fromToken = async (accessToken: string) =>
    callerIn(await (signIn ?? sessions).verify(accessToken), 'access token')
  const fromCookie = async (c: Context<AppEnv>, cookie: string) => {
    if (!signIn) return fromToken(cookie)
    const opened = kept ? await kept.open(cookie) : ({ status: 'invalid' } as const)
    if (opened.status === 'valid' && opened.renewed !== undefined) c.set('renewedCookie', opened.renewed)
    return callerIn(opened, 'session')
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
      if (header !== undefined) return fromToken(bearerOf(header))
      if (cookie === undefined) return null
      const caller = await fromCookie(c, cookie)
      refuseForeignWrites(c, publicUrl, true)
      return caller
    },
    async admit(c, user) {
      const { accessToken, expiresAt } = await sessions.issue(user.id)
      writeCookie(c, accessToken, sessionSeconds)
      return { user, accessToken, expiresAt: expiresAt.toISOString() }
    },
    async keep(c, session) {
      const { user } = await callerIn({ status: 'valid', user: { id: session.userId } }, 'session')
      if (kept) writeCookie(c, await kept.seal(session), sessionSeconds)
      return user
    },
    async forget(c) {
      const cookie = readCookie(c)
      writeCookie(c, '', 0)
      if (cookie !== undefined) await kept?.end(cookie)
    },
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

/** Nobody can say who somebody is: the request may be sent again, and nobody is signed out by it. */
export function signInUnavailable(): SafelightError {
  const retryAfterSeconds = UNAVAILABLE_RETRY_SECONDS
  const message = `The sign-in cannot be reached, so nobody can say who you are; try again in ${retryAfterSeconds} s.`
  return new SafelightError('no_capacity', message, { retryAfterSeconds })
}

function idOf(verified: Verified, credential: string): string {
  switch (verified.status) {
    case 'valid':
      return verified.user.id
    case 'expired':
      throw signInFirst('The session has expired; sign in again.')
    case 'invalid':
      throw signInFirst(`The ${credential} is not valid; sign in again.`)
    case 'unavailable':
      throw signInUnavailable()
  }
}

function userOf({ id, email = null, name = null, role = 'user' }: Identity): User {
  return { id, email, name, role }
}
