/** Who a Supabase access token is of. Everything is checked here; `auth.getClaims` of supabase-js takes any issuer. */
import {
  createRemoteJWKSet,
  customFetch,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose'
import { checkUrl } from './keys.ts'

export interface AccessTokenOptions {
  /** Of the project, as in `https://abc.supabase.co`. */
  url: string
  /** Only for projects that still sign with the shared secret (HS256). Tokens of signing keys are good beside them. */
  jwtSecret?: string
  /** Told once of a token that claims to be signed with the shared secret while there is none here: a setting is missing, or somebody tries. */
  onSharedSecretMissing?: () => void
  /** Instead of the platform's; used for the project's public keys alone. */
  fetch?: typeof globalThis.fetch
}

/** `unavailable`: the project's public keys could not be had, so nobody knows. */
export type VerifiedToken =
  | { status: 'valid'; user: TokenUser; expiresAt: number }
  | { status: 'expired' | 'invalid' | 'unavailable' }

export interface TokenUser {
  id: string
  email: string | null
  /** Nobody who signed in anonymously has an e-mail, or a bonus. */
  isAnonymous: boolean
}

export interface AccessTokens {
  /** Never throws: a token that does not hold says why. */
  verify(accessToken: string): Promise<VerifiedToken>
}

const SIGNING_ALGORITHMS = ['ES256', 'RS256']
const AUDIENCE = 'authenticated'
const ROLE = 'authenticated'
const TOKEN_MAX_CHARACTERS = 8192
const MILLISECONDS = { keysKept: 10 * 60_000, betweenLooks: 30_000, timeout: 5000 }

/**
 * Checks signature, algorithm, issuer, audience, times, role and subject. The public keys are asked for once and then
 * kept: a token with an unknown key makes at most one further look in half a minute.
 */
export function accessTokens(options: AccessTokenOptions): AccessTokens {
  const { url, jwtSecret, onSharedSecretMissing = () => undefined, fetch = globalThis.fetch } = options
  checkUrl(url)
  const issuer = `${url.replace(/\/+$/, '')}/auth/v1`
  const published = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    cacheMaxAge: MILLISECONDS.keysKept,
    cooldownDuration: MILLISECONDS.betweenLooks,
    timeoutDuration: MILLISECONDS.timeout,
    [customFetch]: fetch,
  })
  const secret = jwtSecret === undefined ? undefined : new TextEncoder().encode(jwtSecret)
  const keyOf: JWTVerifyGetKey = (header, token) =>
    header.alg === 'HS256' && secret ? secret : published(header, token)
  const expected = {
    issuer,
    audience: AUDIENCE,
    algorithms: secret ? [...SIGNING_ALGORITHMS, 'HS256'] : SIGNING_ALGORITHMS,
    requiredClaims: ['sub', 'exp', 'iat', 'role'],
  }
  let isTold = false
  const tellOfSharedSecret = (accessToken: string, error: unknown) => {
    const isItsAlgorithm =
      error instanceof errors.JOSEAlgNotAllowed && decodeProtectedHeader(accessToken).alg === 'HS256'
    if (!isItsAlgorithm || isTold) return
    isTold = true
    onSharedSecretMissing()
  }
  return {
    async verify(accessToken) {
      if (accessToken.length > TOKEN_MAX_CHARACTERS) return { status: 'invalid' }
      try {
        const { payload } = await jwtVerify(accessToken, keyOf, expected)
        return isOfUser(payload)
          ? { status: 'valid', user: userOf(payload), expiresAt: payload.exp * 1000 }
          : { status: 'invalid' }
      } catch (error) {
        tellOfSharedSecret(accessToken, error)
        return { status: refusalOf(error) }
      }
    },
  }
}

type UserPayload = JWTPayload & { sub: string; exp: number }
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The keys of the project are signed like its users' tokens; only their role tells them apart. */
function isOfUser(payload: JWTPayload): payload is UserPayload {
  return (
    payload['role'] === ROLE && typeof payload.sub === 'string' && UUID.test(payload.sub) && payload.exp !== undefined
  )
}

function userOf({ sub, email, is_anonymous: isAnonymous }: UserPayload): TokenUser {
  return { id: sub, email: typeof email === 'string' && email !== '' ? email : null, isAnonymous: isAnonymous === true }
}

function refusalOf(error: unknown): 'expired' | 'invalid' | 'unavailable' {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'invalid'
  const isAboutToken = error instanceof errors.JOSEError && !isAboutKeys(error)
  return isAboutToken ? 'invalid' : 'unavailable'
}

/** A timeout, or an answer that is no set of keys. */
function isAboutKeys(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === 'ERR_JOSE_GENERIC'
}
