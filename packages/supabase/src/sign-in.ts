/**
 * People who come in with e-mail and password through our own server: the project's sign-in over its HTTP API, one request
 * each, and nobody's session kept in between. (supabase.com/docs/reference/self-hosting-auth; error codes:
 * supabase.com/docs/guides/auth/debugging/error-codes)
 */
import { checkPublicKey, checkUrl } from './keys.ts'

export interface SignInOptions {
  /** Of the project, as in `https://abc.supabase.co`. */
  url: string
  /** `sb_publishable_…`, or the older anon key. */
  publishableKey: string
  /** A request that takes longer counts as not answered; 10 by default. */
  timeoutSeconds?: number
  /** Instead of the platform's. */
  fetch?: typeof globalThis.fetch
}

export interface ProjectSession {
  userId: string
  accessToken: string
  refreshToken: string
  /** In milliseconds, by the clock of this machine. */
  expiresAt: number
}

/**
 * `confirm`: the project has sent an e-mail whose link has to be followed first. `because`: the status and the code that
 * came instead of an answer, as in "401", when the key is wrong.
 */
export type SignInAnswer =
  | { status: 'signed_in'; session: ProjectSession }
  | { status: 'confirm' }
  | { status: 'refused'; reason: 'wrong' | 'unconfirmed' | 'taken' | 'weak' | 'switched_off' | 'unfit' }
  | { status: 'limited'; retryAfterSeconds: number }
  | { status: 'unavailable'; because: string }

export type RefreshAnswer =
  | { status: 'signed_in'; session: ProjectSession }
  | { status: 'ended' }
  | { status: 'unavailable' }

export interface ProjectSignIn {
  signUp(credentials: { email: string; password: string }): Promise<SignInAnswer>
  signIn(credentials: { email: string; password: string }): Promise<SignInAnswer>
  /** A refresh token is good for one use, and for a few seconds after it. `ended`: sign in again. */
  refresh(refreshToken: string): Promise<RefreshAnswer>
  /** Ends the one session that the access token belongs to; where nobody answers, it ends by itself. */
  end(accessToken: string): Promise<void>
}

const TIMEOUT_SECONDS = 10
const LIMITED_SECONDS = 60

const REFUSALS: Record<string, Extract<SignInAnswer, { status: 'refused' }>['reason']> = {
  invalid_credentials: 'wrong',
  user_banned: 'wrong',
  email_not_confirmed: 'unconfirmed',
  user_already_exists: 'taken',
  email_exists: 'taken',
  weak_password: 'weak',
  signup_disabled: 'switched_off',
  email_provider_disabled: 'switched_off',
  captcha_failed: 'switched_off',
  validation_failed: 'unfit',
  email_address_invalid: 'unfit',
  email_address_not_authorized: 'unfit',
}

/** Never throws but for options that cannot work: what cannot be reached answers `unavailable`. */
export function projectSignIn(options: SignInOptions): ProjectSignIn {
  checkUrl(options.url)
  checkPublicKey(options.publishableKey)
  const ask = asking(options)
  return {
    signUp: async credentials => answerOf(await ask('signup', { ...credentials, ...(await unredeemable()) })),
    signIn: async ({ email, password }) => answerOf(await ask('token?grant_type=password', { email, password })),
    async refresh(refreshToken) {
      const reply = await ask('token?grant_type=refresh_token', { refresh_token: refreshToken })
      const session = reply.isOk ? sessionIn(reply.body) : null
      if (session) return { status: 'signed_in', session }
      // What stands before the sign-in refuses without a code; only the sign-in itself knows that a session is over.
      return { status: reply.status < 500 && reply.status !== 429 && reply.code ? 'ended' : 'unavailable' }
    },
    async end(accessToken) {
      await ask('logout?scope=local', {}, accessToken)
    },
  }
}

interface Reply {
  /** 0: nobody answered. */
  status: number
  isOk: boolean
  code: string
  body: Record<string, unknown>
  retryAfterSeconds: number
}

type Ask = (path: string, body: object, accessToken?: string) => Promise<Reply>

function asking({
  url,
  publishableKey,
  timeoutSeconds = TIMEOUT_SECONDS,
  fetch = globalThis.fetch,
}: SignInOptions): Ask {
  const base = `${url.replace(/\/+$/, '')}/auth/v1/`
  return async (path, body, accessToken) => {
    try {
      const answer = await fetch(base + path, {
        method: 'POST',
        headers: {
          apikey: publishableKey,
          'Content-Type': 'application/json',
          ...(accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` }),
        },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      })
      return replyOf(answer, await answer.text())
    } catch {
      return { status: 0, isOk: false, code: '', body: {}, retryAfterSeconds: 0 }
    }
  }
}

function replyOf({ status, ok, headers }: Response, text: string): Reply {
  const body = objectIn(text)
  // Newer versions of the sign-in name the code in `code`, where older ones have the status.
  const named = [body['error_code'], body['code'], body['error']].find(each => typeof each === 'string') ?? ''
  const code = /^\w{1,60}$/.test(named) ? named : ''
  const after = Number(headers.get('Retry-After') ?? '')
  return {
    status,
    isOk: ok,
    code,
    body,
    retryAfterSeconds: after > 0 ? Math.ceil(after) : LIMITED_SECONDS,
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  } catch {
    return {} // somebody's page of HTML
  }
}

function answerOf(reply: Reply): SignInAnswer {
  if (reply.isOk) {
    const session = sessionIn(reply.body)
    if (session) return { status: 'signed_in', session }
    // Somebody without a session yet.
    const isPerson =
      typeof ((reply.body['user'] as { id?: unknown } | null | undefined) ?? reply.body)['id'] === 'string'
    return isPerson && !('access_token' in reply.body) ? { status: 'confirm' } : unavailable(reply)
  }
  if (reply.status === 429) return { status: 'limited', retryAfterSeconds: reply.retryAfterSeconds }
  const reason = REFUSALS[reply.code]
  return reason && reply.status < 500 ? { status: 'refused', reason } : unavailable(reply)
}

function unavailable({ status, code }: Reply): SignInAnswer {
  return { status: 'unavailable', because: status === 0 ? 'no answer' : `${status} ${code}`.trim() }
}

function sessionIn(body: Record<string, unknown>): ProjectSession | null {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = body
  const userId = (body['user'] as { id?: unknown } | null | undefined)?.id
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return null
  if (typeof userId !== 'string' || typeof expiresIn !== 'number') return null
  return { userId, accessToken, refreshToken, expiresAt: Date.now() + expiresIn * 1000 }
}

/**
 * The link in the e-mail leads back to the page. Without this it would bring the tokens along, in the address, for every
 * script to read; with it it brings a code whose other half nobody has (PKCE), and the person signs in by hand.
 */
async function unredeemable(): Promise<{ code_challenge: string; code_challenge_method: 's256' }> {
  const digest = await crypto.subtle.digest('SHA-256', crypto.getRandomValues(new Uint8Array(32)))
  const challenge = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return {
    code_challenge: challenge.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
    code_challenge_method: 's256',
  }
}
