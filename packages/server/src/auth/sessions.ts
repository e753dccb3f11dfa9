/** Access tokens of local accounts: short JWTs that say who it is and nothing else worth knowing. */
import { errors, jwtVerify, SignJWT } from 'jose'
import { deriveKey } from './secrets.ts'
import type { Verified } from './sign-in.ts'

const ISSUER = 'safelight'
const AUDIENCE = 'safelight'
const ROLE = 'authenticated'
const ALGORITHM = 'HS256'
const TOKEN_MAX_CHARACTERS = 4096

export interface Sessions {
  issue(userId: string): Promise<{ accessToken: string; expiresAt: Date }>
  verify(accessToken: string): Promise<Verified>
}

export function createSessions(secrets: readonly string[], sessionSeconds: number): Sessions {
  const keys = secrets.map(secret => deriveKey(secret, 'sessions'))

  return {
    async issue(userId) {
      const expiresAt = new Date(Math.floor(Date.now() / 1000 + sessionSeconds) * 1000)
      const accessToken = await new SignJWT({ role: ROLE })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setSubject(userId)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(expiresAt)
        .sign(await keys[0]!)
      return { accessToken, expiresAt }
    },
    async verify(accessToken) {
      if (accessToken.length > TOKEN_MAX_CHARACTERS) return { status: 'invalid' }
      let verified: Verified = { status: 'invalid' }
      for (const key of keys) {
        verified = await verifyWith(await key, accessToken)
        if (verified.status !== 'invalid') return verified
      }
      return verified
    },
  }
}

async function verifyWith(key: Uint8Array, accessToken: string): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(accessToken, key, {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: [ALGORITHM],
      requiredClaims: ['sub', 'exp', 'iat', 'role'],
    })
    const isUser = payload['role'] === ROLE && typeof payload.sub === 'string'
    return isUser ? { status: 'valid', user: { id: payload.sub! } } : { status: 'invalid' }
  } catch (error) {
    return { status: error instanceof errors.JWTExpired ? 'expired' : 'invalid' }
  }
}
