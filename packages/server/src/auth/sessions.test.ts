import { SignJWT, UnsecuredJWT, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SECRET, sendRaw, serve, type TestServer } from '../../test/serve.ts'
import { deriveKey } from './secrets.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

describe('access tokens', () => {
  const claims = { role: 'authenticated' }
  let userId: string
  let sessionKey: Uint8Array
  beforeAll(async () => {
    userId = (await server.signIn()).userId
    sessionKey = await deriveKey(SECRET, 'sessions')
  })
  const token = (
    change: (jwt: SignJWT) => SignJWT = jwt => jwt,
    payload: Record<string, unknown> = claims,
    alg = 'HS256',
  ) =>
    change(
      new SignJWT(payload)
        .setProtectedHeader({ alg, typ: 'JWT' })
        .setSubject(userId)
        .setIssuer('safelight')
        .setAudience('safelight')
        .setIssuedAt()
        .setExpirationTime('1h'),
    )
  const statusWith = async (accessToken: string) => {
    const { status, body } = await server.nobody.get('/api/account', { Authorization: `Bearer ${accessToken}` })
    expect(status === 200 || body.code === 'unauthenticated').toBe(true)
    return status
  }

  test('made like ours are ours', async () => {
    expect(await statusWith(await token().sign(sessionKey))).toBe(200)
  })

  test('any other is refused', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const good = await token().sign(sessionKey)
    const [header, payload, signature] = good.split('.')
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: crypto.randomUUID(), exp: 9e9 })).toString('base64url')
    const others = {
      'another key': await token().sign(await deriveKey('another secret that is long enough to be one', 'sessions')),
      'the key of cursors': await token().sign(await deriveKey(SECRET, 'cursors')),
      'the secret itself': await token().sign(new TextEncoder().encode(SECRET)),
      'another issuer': await token(jwt => jwt.setIssuer('elsewhere')).sign(sessionKey),
      'another audience': await token(jwt => jwt.setAudience('elsewhere')).sign(sessionKey),
      'no longer valid': await token(jwt => jwt.setExpirationTime('-1 minute')).sign(sessionKey),
      'not valid yet': await token(jwt => jwt.setNotBefore('1h')).sign(sessionKey),
      'role anon': await token(undefined, { role: 'anon' }).sign(sessionKey),
      'role service_role': await token(undefined, { role: 'service_role' }).sign(sessionKey),
      'no role': await token(undefined, {}).sign(sessionKey),
      'a user who is gone': await token(jwt => jwt.setSubject(crypto.randomUUID())).sign(sessionKey),
      'a user that is no id': await token(jwt => jwt.setSubject("' or 1=1")).sign(sessionKey),
      'another algorithm': await token(undefined, claims, 'HS512').sign(new Uint8Array(64)),
      'a key pair': await token(undefined, claims, 'ES256').sign(privateKey),
      'no algorithm': new UnsecuredJWT(claims)
        .setSubject(userId)
        .setIssuer('safelight')
        .setAudience('safelight')
        .setExpirationTime('1h')
        .encode(),
      'another payload': `${header}.${forged}.${signature}`,
      'no signature': `${header}.${payload}.`,
      'half of it': good.slice(0, 40),
      'too long': `${good}${'x'.repeat(8000)}`,
    }
    for (const [what, accessToken] of Object.entries(others))
      expect([what, await statusWith(accessToken)]).toEqual([what, 401])
  })

  test.each(['', 'Bearer', 'Bearer ', 'Basic YTpi', 'bearer a b', 'Bearer \xe4', 'a'])(
    'Authorization %j is 401',
    async value => {
      const { status, body } = await sendRaw(server.port, { path: '/api/account', headers: { Authorization: value } })
      expect([status, body.code]).toEqual([401, 'unauthenticated'])
    },
  )

  test('of the secret before are still good', async () => {
    await using after = await serve({
      options: { secret: 'the next secret, which is long enough too', oldSecret: SECRET },
    })
    const user = await after.database.users.signIn('kept@example.com')
    const old = await token(jwt => jwt.setSubject(user.id)).sign(sessionKey)
    expect((await after.nobody.get('/api/account', { Authorization: `Bearer ${old}` })).status).toBe(200)
  })

  test('a bad header is not saved by a good cookie', async () => {
    const Cookie = `safelight_session=${await token().sign(sessionKey)}`
    expect((await server.nobody.get('/api/account', { Cookie })).status).toBe(200)
    expect((await server.nobody.get('/api/account', { Cookie, Authorization: 'Bearer nonsense' })).status).toBe(401)
  })
})
