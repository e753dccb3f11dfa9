/**
 * Sessions of somebody else's sign-in, kept in the cookie: encrypted, so that neither the page's scripts nor whoever finds
 * the cookie learns a token, and refreshed here before they run out.
 */
import { EncryptJWT, jwtDecrypt, type JWTPayload } from 'jose'
import { cached } from '../cache.ts'
import { deriveKey } from './secrets.ts'
import type { PeopleSignIn, RefreshAnswer, SignInSession } from './sign-in.ts'

export interface KeptSessions {
  /** The value of the cookie. */
  seal(session: SignInSession): Promise<string>
  /** Who the cookie is of; `renewed` is the value that takes its place. */
  open(value: string): Promise<Opened>
  /** Ends the session at the sign-in as well, as far as that can be reached. */
  end(value: string): Promise<void>
}

export type Opened =
  | { status: 'valid'; user: { id: string }; renewed?: string }
  | { status: 'expired' | 'invalid' | 'unavailable' }

type Sealed = Omit<SignInSession, 'accessToken'>

const PURPOSE = 'sign-in sessions'
const VALUE_MAX_CHARACTERS = 4096
/** Refreshed this long before it would have to be, and by everybody who still comes with the old cookie after that. */
const SECONDS = { ahead: 60, renewalKept: 60 }
const RENEWALS_KEPT = 1000

export function createKeptSessions(
  secrets: readonly string[],
  people: Pick<PeopleSignIn, 'refresh' | 'end'>,
  sessionSeconds: number,
): KeptSessions {
  const keys = secrets.map(secret => deriveKey(secret, PURPOSE))
  // A refresh token is good for one use: requests that come at once share it, and those that were on their way.
  const renew = cached({ seconds: SECONDS.renewalKept, max: RENEWALS_KEPT }, async refreshToken => {
    const answer = await people.refresh(refreshToken)
    if (answer.status === 'unavailable') throw new NotNow()
    return answer
  })
  const refresh = (refreshToken: string): Promise<RefreshAnswer> =>
    renew(refreshToken).catch((error: unknown) => {
      if (error instanceof NotNow) return { status: 'unavailable' }
      throw error
    })
  const seal: KeptSessions['seal'] = async ({ userId, refreshToken, expiresAt }) =>
    new EncryptJWT({ refreshToken, expiresAt })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setSubject(userId)
      .setExpirationTime(Math.floor(Date.now() / 1000) + sessionSeconds)
      .encrypt(await keys[0]!)

  return {
    seal,
    async open(value) {
      const sealed = await unseal(await Promise.all(keys), value)
      if (!sealed) return { status: 'invalid' }
      const user = { id: sealed.userId }
      const remaining = sealed.expiresAt - Date.now()
      if (remaining > SECONDS.ahead * 1000) return { status: 'valid', user }
      const answer = await refresh(sealed.refreshToken)
      // Somebody vouched for this person until then; that nobody answers now changes nothing yet.
      if (answer.status === 'unavailable') return remaining > 0 ? { status: 'valid', user } : { status: 'unavailable' }
      if (answer.status === 'ended' || answer.session.userId !== user.id) return { status: 'expired' }
      return { status: 'valid', user, renewed: await seal(answer.session) }
    },
    async end(value) {
      const sealed = await unseal(await Promise.all(keys), value)
      const answer = sealed && (await refresh(sealed.refreshToken))
      if (answer?.status === 'signed_in') await people.end(answer.session.accessToken)
    },
  }
}

/** Thrown so that it is not kept: the next request asks again. */
class NotNow extends Error {}

async function unseal(keys: readonly Uint8Array[], value: string): Promise<Sealed | null> {
  if (value.length > VALUE_MAX_CHARACTERS) return null
  for (const key of keys) {
    const opened = await jwtDecrypt(value, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      requiredClaims: ['sub', 'exp'],
    }).catch(() => null)
    if (opened) return sealedIn(opened.payload)
  }
  return null
}

function sealedIn({ sub, refreshToken, expiresAt }: JWTPayload & Partial<Sealed>): Sealed | null {
  if (typeof sub !== 'string' || typeof refreshToken !== 'string' || typeof expiresAt !== 'number') return null
  return { userId: sub, refreshToken, expiresAt }
}
