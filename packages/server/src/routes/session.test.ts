import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw, serve, type TestServer } from '../../test/serve.ts'

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
