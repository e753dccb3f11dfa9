import { SignJWT, UnsecuredJWT, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deriveKey } from '../auth/secrets.ts'
import { SECRET, sendBytes, sendRaw, serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

const json = { 'Content-Type': 'application/json' }
const signInRaw = (headers: Record<string, string>, body = '{}', port = server.port) =>
  sendRaw(port, { method: 'POST', path: '/auth/local', headers: { ...json, ...headers }, body })

describe('signing in on this machine', () => {
  test('makes the user once, with the bonus, and answers a token and a cookie', async () => {
    const { status, body, headers } = await server.nobody.post('/auth/local', { email: 'Ann@Example.com' })
    expect(status).toBe(200)
    expect(body).toEqual({
      user: { id: expect.any(String), email: 'ann@example.com', name: null, role: 'user' },
      accessToken: expect.any(String),
      expiresAt: expect.stringMatching(/Z$/),
    })
    expect(new Date(body.expiresAt).getTime()).toBeGreaterThan(Date.now() + 86_400_000)
    expect(headers.get('Set-Cookie')).toMatch(
      /^safelight_session=[\w.-]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const again = await server.nobody.post('/auth/local', { email: 'ann@example.com ' })
    expect(again.body.user.id).toBe(body.user.id)
    const account = await server.nobody.get('/api/account', { Authorization: `Bearer ${again.body.accessToken}` })
    expect(account.body).toMatchObject({ user: body.user, balance: 3000 })
  })

  test('needs no e-mail, no body, and not even a content type', async () => {
    const empty = await server.nobody.fetch('/auth/local', { method: 'POST' })
    expect(empty.status).toBe(200)
    const { user } = await empty.json()
    expect((await server.nobody.post('/auth/local', {})).body.user).toEqual(user)
    expect((await server.nobody.post('/auth/local', '')).body.user).toEqual(user)
  })

  test.each([
    { email: 'nobody' },
    { email: 'a@b\nc' },
    { email: 'a@b\0c' },
    { email: `${'x'.repeat(300)}@example.com` },
    { email: 7 },
    { email: 'a@b.c', role: 'admin' },
    { password: 'x' },
    [],
  ])('%j is 400', async body => {
    const answer = await server.nobody.post('/auth/local', body)
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input'])
  })

  test.each(['localhost', 'LOCALHOST:5000', '127.0.0.1', '127.0.0.1:80', '[::1]', '[::1]:5000'])(
    'Host %s is us',
    async Host => expect((await signInRaw({ Host })).status).toBe(200),
  )

  test.each([
    ['Forwarded', 'for=1.2.3.4'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['x-forwarded-host', 'localhost'],
    ['X-Forwarded-Proto', 'https'],
    ['X-FORWARDED-ANYTHING', ''],
    ['X-Real-IP', '127.0.0.1'],
    ['Via', '1.1 proxy'],
  ])('with %s there is no such address, and no method to sign in', async (name, value) => {
    const answer = await signInRaw({ Host: 'localhost', [name]: value })
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    const session = await sendRaw(server.port, { path: '/api/session', headers: { Host: 'localhost', [name]: value } })
    expect(session.body.methods).toEqual([])
  })
})

describe('the Host rule', () => {
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.2',
    '127.0.0.1.nip.io',
    '0.0.0.0',
    'localhost:5000.evil.example',
    '10.0.0.1',
    '[::]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    'localhost@evil.example',
    'xn--lcalhost-5fg',
  ]
  test.each(foreign)('%s is 421 or 400 everywhere', async Host => {
    for (const path of [
      '/healthz',
      '/api/models',
      '/api/session',
      '/',
      '/nothing',
      '/openapi.json',
      '/internal/sweep',
    ]) {
      const { status, body } = await sendRaw(server.port, { path, headers: { Host } })
      expect([400, 421]).toContain(status)
      expect(body).not.toHaveProperty('items')
      if (status === 421) expect(body).toMatchObject({ status: 421, code: 'cross_origin' })
    }
    const { status, headers } = await signInRaw({ Host })
    expect([400, 421]).toContain(status)
    expect(headers.get('Set-Cookie')).toBeNull()
  })

  test('holds for the request line too, and for a second Host', async () => {
    const absolute = await sendBytes(
      server.port,
      'GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    )
    expect(absolute).toMatch(/^HTTP\/1\.1 421 /)
    const twice = await sendBytes(
      server.port,
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    )
    expect(twice).toMatch(/^HTTP\/1\.1 4(00|21) /)
    const none = await sendBytes(server.port, 'GET /healthz HTTP/1.0\r\n\r\n')
    expect(none).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('gives way where a password opens local accounts to others, or the embedder signs people in', async () => {
    await using open = await serve({ options: { localPassword: 'correct horse battery' } })
    expect((await sendRaw(open.port, { path: '/healthz', headers: { Host: 'pictures.example' } })).status).toBe(200)
    await using embedded = await serve({ options: { authenticate: async () => null } })
    expect((await sendRaw(embedded.port, { path: '/healthz', headers: { Host: 'x.example' } })).status).toBe(200)
    expect((await embedded.nobody.post('/auth/local', {})).status).toBe(404)
  })
})

describe('with a password', () => {
  test('only who knows it signs in, guessing is limited, and elsewhere the cookie is Secure', async () => {
    await using open = await serve({ options: { localPassword: 'correct horse battery' } })
    const Host = 'pictures.example'
    const right = await signInRaw({ Host }, '{"password":"correct horse battery"}', open.port)
    expect(right.status).toBe(200)
    expect(right.headers.get('Set-Cookie')).toMatch(/^__Host-safelight_session=.*; HttpOnly; Secure; SameSite=Lax$/)
    const cookie = right.headers.get('Set-Cookie')!.split(';')[0]!
    const account = await sendRaw(open.port, { path: '/api/account', headers: { Host, Cookie: cookie } })
    expect(account.status).toBe(200)
    expect((await signInRaw({ Host }, '{}', open.port)).status).toBe(400)
    const statuses: number[] = []
    for (let guess = 0; guess < 10; guess++) {
      statuses.push((await signInRaw({ Host }, `{"password":"guess ${guess}"}`, open.port)).status)
    }
    expect(statuses).toEqual([...Array<number>(9).fill(401), 429])
  })
})

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

describe('the session', () => {
  test('says who is signed in and how one could be', async () => {
    expect((await server.nobody.get('/api/session')).body).toEqual({ user: null, methods: ['local'] })
    expect((await server.nobody.get('/api/session', { Cookie: 'safelight_session=expired' })).body.user).toBeNull()
    const me = await server.signIn('sam@example.com')
    expect((await me.get('/api/session')).body.user).toMatchObject({ id: me.userId, email: 'sam@example.com' })
  })

  test('ends with signing out', async () => {
    const me = await server.signIn()
    const Cookie = `safelight_session=${me.accessToken}`
    const from = { Origin: `http://127.0.0.1:${server.port}` }
    const response = await server.nobody.fetch('/auth/sign-out', { method: 'POST', headers: { Cookie, ...from } })
    expect(response.status).toBe(204)
    expect(response.headers.get('Set-Cookie')).toMatch(
      /^safelight_session=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const foreign = await server.nobody.fetch('/auth/sign-out', { method: 'POST', headers: { Cookie } })
    expect(foreign.status).toBe(403)
  })
})

describe('writes with the cookie', () => {
  let me: Client
  let Cookie: string
  beforeAll(async () => {
    me = await server.signIn()
    Cookie = `safelight_session=${me.accessToken}`
  })
  const own = () => `http://localhost:${server.port}`
  const write = async (headers: Record<string, string>, method = 'POST', path = '/api/jobs') => {
    const Host = `localhost:${server.port}`
    // Without a length, a body of a DELETE would be the next request.
    const body = method === 'DELETE' ? '' : '{"model":"picture","input":{"prompt":""}}'
    return (await sendRaw(server.port, { method, path, headers: { Host, ...json, ...headers }, body })).status
  }
  // 400 means: let through, and then the empty prompt was seen.
  test('are let through from our own page', async () => {
    expect(await write({ Cookie, Origin: own() })).toBe(400)
    expect(await write({ Cookie, 'Sec-Fetch-Site': 'same-origin' })).toBe(400)
    expect(await write({ Cookie, Origin: own(), 'Sec-Fetch-Site': 'same-origin' })).toBe(400)
    // A proxy in front may have ended TLS.
    expect(await write({ Cookie, Origin: own().replace('http:', 'https:') })).toBe(400)
  })

  test.each<[string, () => Record<string, string>]>([
    ['nothing said', () => ({})],
    ['another site', () => ({ Origin: 'https://evil.example' })],
    ['another port', () => ({ Origin: 'http://localhost:1' })],
    ['another name for this machine', () => ({ Origin: own().replace('localhost', '127.0.0.1') })],
    ['our name as a prefix', () => ({ Origin: `${own()}.evil.example` })],
    ['our name as a user', () => ({ Origin: `http://localhost:${server.port}@evil.example` })],
    ['another scheme', () => ({ Origin: own().replace('http:', 'ftp:') })],
    ['no origin in particular', () => ({ Origin: 'null' })],
    ['cross-site', () => ({ 'Sec-Fetch-Site': 'cross-site' })],
    ['same-site, another origin', () => ({ 'Sec-Fetch-Site': 'same-site' })],
    ['typed by hand', () => ({ 'Sec-Fetch-Site': 'none' })],
    ['our Origin, cross-site', () => ({ Origin: own(), 'Sec-Fetch-Site': 'cross-site' })],
    ['foreign Origin, same-origin', () => ({ Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' })],
  ])('are refused where there is %s, whatever the method and the type', async (_what, headers) => {
    const id = crypto.randomUUID()
    for (const [method, path] of [
      ['POST', '/api/jobs'],
      ['POST', `/api/jobs/${id}/cancel`],
      ['POST', '/api/uploads'],
      ['PUT', `/api/media/${id}/star`],
      ['DELETE', `/api/media/${id}`],
    ] as const) {
      expect(await write({ Cookie, ...headers() }, method, path)).toBe(403)
      expect(await write({ Cookie, ...headers(), 'Content-Type': 'text/plain' }, method, path)).toBe(403)
    }
  })

  test('need no origin with a bearer token, and reading needs none either', async () => {
    const Authorization = `Bearer ${me.accessToken}`
    expect(await write({ Authorization, Cookie, Origin: 'https://evil.example' })).toBe(400)
    const read = await sendRaw(server.port, {
      path: '/api/account',
      headers: { Cookie, Origin: 'https://evil.example' },
    })
    expect(read.status).toBe(200)
  })

  test('signing in from another site is refused as well', async () => {
    expect((await signInRaw({ Host: 'localhost', Origin: 'https://evil.example' })).status).toBe(403)
    expect((await signInRaw({ Host: 'localhost', 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
    expect((await signInRaw({ Host: 'localhost', Origin: 'http://localhost' })).status).toBe(200)
  })

  test('behind a proxy that rewrites Host, the public address is our origin', async () => {
    await using behind = await serve({
      options: { publicUrl: 'https://pictures.example', localPassword: 'correct horse battery' },
    })
    const user = await behind.database.users.signIn('a@example.com')
    const signedIn = await signInRaw({ Host: 'internal:8080' }, '{"password":"correct horse battery"}', behind.port)
    const cookie = signedIn.headers.get('Set-Cookie')!.split(';')[0]!
    const send = (Origin: string) =>
      sendRaw(behind.port, {
        method: 'POST',
        path: '/api/jobs',
        headers: { Host: 'internal:8080', Cookie: cookie, Origin, ...json },
        body: '{}',
      })
    expect((await send('https://pictures.example')).status).toBe(400)
    expect((await send('http://pictures.example')).status).toBe(403)
    expect((await send('https://internal:8080')).status).toBe(403)
    expect(signedIn.headers.get('Strict-Transport-Security')).toContain('max-age=')
    expect(user.email).toBe('a@example.com')
  })
})

describe('an embedder’s own sign-in', () => {
  test('says who it is; without a header of its own a write has to come from the page', async () => {
    const authenticate = async (request: Request) => {
      const id = request.headers.get('X-User') ?? request.headers.get('Authorization')?.replace('Bearer ', '')
      return id ? { id, name: 'Eve' } : null
    }
    await using embedded = await serve({ options: { authenticate } })
    const id = crypto.randomUUID()
    await embedded.database.ledger.grant({ userId: id, amount: 1000, key: 'start', description: 'Start' })
    expect((await embedded.nobody.get('/api/account')).status).toBe(401)
    const { body } = await embedded.nobody.get('/api/account', { 'X-User': id })
    expect(body).toMatchObject({ user: { id, email: null, name: 'Eve', role: 'user' }, balance: 1000 })
    expect((await embedded.nobody.submit('a', { 'X-User': id })).status).toBe(403)
    expect(
      (await embedded.nobody.submit('a', { 'X-User': id, Origin: `http://127.0.0.1:${embedded.port}` })).status,
    ).toBe(202)
    expect((await embedded.nobody.submit('a', { Authorization: `Bearer ${id}` })).status).toBe(202)
    expect((await embedded.nobody.get('/api/session', { 'X-User': id })).body.methods).toEqual([])
  })
})
