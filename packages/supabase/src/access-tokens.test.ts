import { generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { createSecretKey, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { type AccessTokenOptions, accessTokens } from './access-tokens.ts'

type Change = (token: SignJWT) => SignJWT
const same: Change = token => token

describe.skipIf(CANNOT_RUN)(`access tokens${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`, () => {
  let stack: Stack
  let signingKey: Awaited<ReturnType<typeof importJWK>>
  const userId = randomUUID()
  /** Requests for the project's public keys. */
  let requests: string[] = []
  const counting: typeof fetch = (input, init) => {
    requests.push(input instanceof Request ? input.url : String(input))
    return fetch(input, init)
  }
  beforeAll(async () => {
    stack = await startStack()
    signingKey = await importJWK(stack.project.signingKey, 'ES256')
  })
  afterAll(() => stack.close())

  const verifier = (options: Partial<AccessTokenOptions> = {}) =>
    accessTokens({ url: stack.project.url, fetch: counting, ...options })
  const issuer = () => `${stack.project.url}/auth/v1`
  const claims = { role: 'authenticated', email: 'someone@example.test' }
  const token = (change: Change = same, payload: Record<string, unknown> = claims, header: object = {}) =>
    change(
      new SignJWT(payload)
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: stack.project.signingKey.kid, ...header })
        .setSubject(userId)
        .setIssuer(issuer())
        .setAudience('authenticated')
        .setIssuedAt()
        .setExpirationTime('1h'),
    )
  const shared = (secret = stack.project.jwtSecret) => createSecretKey(Buffer.from(secret))
  const good = () => token().sign(signingKey)

  test('of the project are good, and its keys are asked for once', async () => {
    requests = []
    const tokens = verifier()
    const answers = await Promise.all(Array.from({ length: 20 }, async () => tokens.verify(await good())))
    const user = { id: userId, email: 'someone@example.test', isAnonymous: false }
    for (const answer of answers) expect(answer).toEqual({ status: 'valid', user, expiresAt: expect.any(Number) })
    expect(requests).toEqual([`${issuer()}/.well-known/jwks.json`])
  })

  test('that PostgREST takes are those that we take', async () => {
    const { url, publishableKey } = stack.project
    const headers = async (accessToken: string) => ({ apikey: publishableKey, authorization: `Bearer ${accessToken}` })
    const status = async (accessToken: string) =>
      (await fetch(`${url}/rest/v1/nothing`, { headers: await headers(accessToken) })).status
    expect(await status(await good())).toBe(404)
    const { privateKey } = await generateKeyPair('ES256')
    expect(await status(await token().sign(privateKey))).toBe(401)
  })

  test('of the sign-in, signed with the shared secret, are good where that was chosen', async () => {
    const { user, accessToken } = await stack.signIn('shared@example.test')
    const { jwtSecret } = stack.project
    requests = []
    expect(await verifier({ jwtSecret }).verify(accessToken)).toMatchObject({ status: 'valid', user: { id: user.id } })
    expect((await verifier({ jwtSecret: `${jwtSecret}x` }).verify(accessToken)).status).toBe('invalid')
    let told = 0
    const withoutSecret = verifier({ onSharedSecretMissing: () => told++ })
    for (let again = 0; again < 2; again++) expect((await withoutSecret.verify(accessToken)).status).toBe('invalid')
    expect(told).toBe(1)
    expect(requests).toEqual([])
    expect((await verifier({ jwtSecret }).verify(await good())).status).toBe('valid')
  })

  test('any other is refused, and nobody is asked about it', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const [header, payload, signature] = (await good()).split('.')
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: randomUUID(), exp: 9e9 })).toString('base64url')
    const published = JSON.stringify({ ...stack.project.signingKey, d: undefined })
    const hs256 = { alg: 'HS256' }
    const others = {
      'another issuer': await token(jwt => jwt.setIssuer('https://elsewhere.supabase.co/auth/v1')).sign(signingKey),
      'no issuer': await token(jwt => jwt.setIssuer('')).sign(signingKey),
      'another audience': await token(jwt => jwt.setAudience('anon')).sign(signingKey),
      'not valid yet': await token(jwt => jwt.setNotBefore('1h')).sign(signingKey),
      'no longer valid': await token(jwt => jwt.setExpirationTime('-1 minute')).sign(signingKey),
      'valid for ever': await new SignJWT({ ...claims, sub: userId, iss: issuer(), aud: 'authenticated', iat: 1 })
        .setProtectedHeader({ alg: 'ES256', kid: stack.project.signingKey.kid })
        .sign(signingKey),
      'the role anon': await token(same, { role: 'anon' }).sign(signingKey),
      'the role service_role': await token(same, { role: 'service_role' }).sign(signingKey),
      'no role': await token(same, {}).sign(signingKey),
      'a subject that is no id': await token(jwt => jwt.setSubject("' or 1=1")).sign(signingKey),
      'no subject': await token(jwt => jwt.setSubject('')).sign(signingKey),
      'another key under the same id': await token().sign(privateKey),
      'an unknown key': await token(same, claims, { kid: 'unknown' }).sign(privateKey),
      'the public key as a shared secret': await token(same, claims, hs256).sign(shared(published)),
      'the shared secret, where none was chosen': await token(same, claims, hs256).sign(shared()),
      'another payload': `${header}.${forged}.${signature}`,
      'no signature': `${header}.${payload}.`,
      'no algorithm': new UnsecuredJWT(claims)
        .setSubject(userId)
        .setIssuer(issuer())
        .setAudience('authenticated')
        .encode(),
      'the anon key': stack.project.anonKey,
      'the service_role key': stack.project.serviceRoleKey,
      'the secret key': stack.project.secretKey,
      'half of it': (await good()).slice(0, 40),
      'too much': `${await good()}${'x'.repeat(10_000)}`,
      nothing: '',
    }
    const tokens = verifier()
    await tokens.verify(await good())
    requests = []
    for (const [what, accessToken] of Object.entries(others)) {
      const { status } = await tokens.verify(accessToken)
      expect([what, status]).toEqual([what, what === 'no longer valid' ? 'expired' : 'invalid'])
    }
    expect(requests).toEqual([])
  })

  test('whose key nobody can give us now are not called forged', async () => {
    const answers: (() => Promise<Response>)[] = [
      () => Promise.reject(new TypeError('fetch failed')),
      async () => new Response('Bad Gateway', { status: 502 }),
      async () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      async () => Response.json({ message: 'no keys here' }),
    ]
    for (const answer of answers) {
      const tokens = accessTokens({ url: stack.project.url, fetch: answer })
      expect(await tokens.verify(await good())).toEqual({ status: 'unavailable' })
    }
  })

  test('of somebody without an e-mail say so', async () => {
    const anonymous = { role: 'authenticated', email: '', is_anonymous: true }
    const { user } = (await verifier().verify(await token(same, anonymous).sign(signingKey))) as { user?: unknown }
    expect(user).toEqual({ id: userId, email: null, isAnonymous: true })
  })
})

test.each(['http://project.example', 'ftp://localhost', 'project.supabase.co', ''])('%j is no project', url => {
  expect(() => accessTokens({ url })).toThrow(/must be an https URL/)
})
