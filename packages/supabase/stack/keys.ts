/** The keys of the project, old names and new: words that the gateway knows, tokens that PostgREST knows. */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { randomBytes } from 'node:crypto'

/** What a test needs to know of it. */
export interface Project {
  url: string
  publishableKey: string
  secretKey: string
  /** As projects had them before: tokens that are good for themselves. */
  anonKey: string
  serviceRoleKey: string
  /** Signs what the sign-in gives out (HS256). */
  jwtSecret: string
  /** A private ES256 key, for access tokens as projects with signing keys have them; the project publishes the other half. */
  signingKey: JWK & { kid: string }
}

export interface Keys extends Omit<Project, 'url'> {
  publicKey: JWK
  /** Which token PostgREST gets for which key. */
  tokens: ReadonlyMap<string, string>
}

export async function createKeys(): Promise<Keys> {
  const jwtSecret = randomBytes(32).toString('hex')
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const kid = randomBytes(8).toString('hex')
  const anonKey = await tokenFor('anon', jwtSecret)
  const serviceRoleKey = await tokenFor('service_role', jwtSecret)
  const publishableKey = `sb_publishable_${randomBytes(12).toString('hex')}`
  const secretKey = `sb_secret_${randomBytes(12).toString('hex')}`
  const tokens = new Map([
    [publishableKey, anonKey],
    [secretKey, serviceRoleKey],
    [anonKey, anonKey],
    [serviceRoleKey, serviceRoleKey],
  ])
  const signingKey = { ...(await exportJWK(privateKey)), kid, alg: 'ES256' }
  const published = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
  return { jwtSecret, anonKey, serviceRoleKey, publishableKey, secretKey, signingKey, publicKey: published, tokens }
}

function tokenFor(role: string, jwtSecret: string): Promise<string> {
  return new SignJWT({ iss: 'supabase', ref: 'local', role })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(jwtSecret))
}
