import type { Database } from '@safelight/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PeopleSignIn, SignIn, SignInAnswer, Verified } from '../auth/sign-in.ts'
import { sendRaw, serve, type TestServer } from '../../test/serve.ts'

const PASSWORD = 'correct horse battery'
const REFRESH = 'refresh-sentinel'
const ACCESS = 'access-sentinel'

/** A sign-in of somebody else's: its people are in the database because that is what a project sees to. */
function signInOver(database: () => Database) {
  const state: {
    answer: SignInAnswer | null
    verified: Verified | null
    seconds: number
    ended: string[]
    refreshed: number
  } = // prettier-ignore
    { answer: null, verified: null, seconds: 3600, ended: [], refreshed: 0 }
  const sessionOf = async (email: string): Promise<SignInAnswer> => {
    const { id } = await database().users.signIn(email)
    const expiresAt = Date.now() + state.seconds * 1000
    return {
      status: 'signed_in',
      session: { userId: id, accessToken: ACCESS, refreshToken: `${REFRESH} ${email}`, expiresAt },
    }
  }
  const people: PeopleSignIn = {
    signUp: async ({ email }) => state.answer ?? sessionOf(email),
    signIn: async ({ email, password }) =>
      state.answer ?? (password === PASSWORD ? sessionOf(email) : { status: 'refused', reason: 'wrong' }),
    async refresh(token) {
      state.refreshed += 1
      state.seconds = 3600
      const answer = await sessionOf(token.replace(`${REFRESH} `, ''))
      return answer.status === 'signed_in' ? answer : { status: 'ended' }
    },
    end: async token => void state.ended.push(token),
  }
  const signIn: SignIn = { verify: async () => state.verified ?? { status: 'invalid' }, people }
  return { state, signIn }
}

let server: TestServer
const { state, signIn } = signInOver(() => server.database)
beforeAll(async () => {
  server = await serve({ options: { signIn, trustedProxies: 'loopback' } })
})
afterAll(() => server.close())

let people = 0
const someone = () => `person-${(people += 1)}@example.com`
/** Limits are by e-mail and by address, so everybody has an address of their own. */
const from = () => ({ 'X-Forwarded-For': `192.0.2.${(people += 1)}` })
const cookieIn = (headers: Headers): string => headers.get('Set-Cookie')!.split(';')[0]!
const comeIn = async (email = someone()) => {
  const { status, headers, body } = await server.nobody.post(
    '/auth/email/sign-in',
    { email, password: PASSWORD },
    from(),
  )
  expect(status).toBe(200)
  return { Cookie: cookieIn(headers), user: body.user, headers, email }
}

describe('coming in by e-mail', () => {
  test('keeps the session in a cookie that shows nothing, and the tokens to itself', async () => {
    const email = someone()
    for (const path of ['/auth/email/sign-up', '/auth/email/sign-in']) {
      const { status, body, headers } = await server.nobody.post(
        path,
        { email: ` ${email} `, password: PASSWORD },
        from(),
      )
      expect([path, status, body]).toEqual([
        path,
        200,
        { user: { id: expect.any(String), email, name: null, role: 'user' } },
      ])
      expect(headers.get('Set-Cookie')).toMatch(
        /^safelight_session=[\w.-]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
      )
      const Cookie = cookieIn(headers)
      expect(Cookie).not.toMatch(/sentinel/)
      const session = await server.nobody.get('/api/session', { Cookie })
      expect(session.body).toEqual({ user: body.user, methods: ['email'] })
      expect(session.headers.get('Set-Cookie')).toBeNull()
    }
  })

  test('is said to be the way, and there is no other', async () => {
    expect((await server.nobody.get('/api/session')).body).toEqual({ user: null, methods: ['email'] })
    const local = await server.nobody.post('/auth/local', {})
    expect([local.status, local.body.code]).toEqual([404, 'not_found'])
    await using tokensOnly = await serve({ options: { signIn: { verify: signIn.verify } } })
    expect((await tokensOnly.nobody.get('/api/session')).body).toEqual({ user: null, methods: [] })
    state.verified = { status: 'valid', user: await tokensOnly.database.users.signIn(someone()) }
    const inCookie = await tokensOnly.nobody.get('/api/account', { Cookie: 'safelight_session=a-good-token' })
    state.verified = null
    expect(inCookie.status).toBe(401)
    for (const path of ['/auth/email/sign-in', '/auth/email/sign-up', '/auth/local'])
      expect((await tokensOnly.nobody.post(path, { email: 'a@example.com', password: PASSWORD })).status).toBe(404)
  })

  test('answers to any host, with a cookie for that one alone', async () => {
    const { status, headers } = await sendRaw(server.port, {
      method: 'POST',
      path: '/auth/email/sign-in',
      headers: { Host: 'pictures.example', 'Content-Type': 'application/json' },
      body: JSON.stringify({ email: someone(), password: PASSWORD }),
    })
    expect(status).toBe(200)
    expect(headers.get('Set-Cookie')).toMatch(/^__Host-safelight_session=[\w.-]+; .*HttpOnly; Secure; SameSite=Lax$/)
  })

  test('is not done from another site', async () => {
    for (const headers of [{ Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const answer = await server.nobody.post('/auth/email/sign-in', { email: someone(), password: PASSWORD }, headers) // prettier-ignore
      expect([answer.status, answer.body.code, answer.headers.get('Set-Cookie')]).toEqual([403, 'cross_origin', null])
    }
  })

  test.each([
    {},
    { email: 'a@example.com' },
    { email: 'nobody', password: PASSWORD },
    { email: 'a@example.com', password: '' },
    { email: 'a@example.com', password: 'x'.repeat(201) },
    { email: 'a@example.com', password: PASSWORD, role: 'admin' },
    [],
  ])('%j is 400', async body => {
    const answer = await server.nobody.post('/auth/email/sign-in', body)
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input'])
  })
})

describe('the sign-in may say', () => {
  const told = async (answer: SignInAnswer) => {
    await using own = await serve({ options: { signIn } })
    state.answer = answer
    const { status, body, headers } = await own.nobody.post('/auth/email/sign-up', { email: someone(), password: PASSWORD }) // prettier-ignore
    state.answer = null
    expect(headers.get('Set-Cookie')).toBeNull()
    return { status, code: body.code, detail: body.detail, path: body.fields?.[0]?.path, after: headers.get('Retry-After') } // prettier-ignore
  }

  test.each([
    ['wrong', 401, 'unauthenticated', undefined],
    ['unconfirmed', 401, 'unauthenticated', undefined],
    ['taken', 400, 'invalid_input', 'email'],
    ['weak', 400, 'invalid_input', 'password'],
    ['unfit', 400, 'invalid_input', 'email'],
    ['switched_off', 400, 'invalid_input', 'email'],
  ] as const)('%s', async (reason, status, code, path) => {
    expect(await told({ status: 'refused', reason })).toMatchObject({ status, code, path })
  })

  test('that an e-mail is on its way', async () => {
    expect(await told({ status: 'confirm' })).toMatchObject({ status: 202, detail: expect.stringMatching(/link/) })
  })

  test('that it has enough for now, or nothing', async () => {
    expect(await told({ status: 'limited', retryAfterSeconds: 17 })).toMatchObject({ status: 429, code: 'rate_limited', after: '17' }) // prettier-ignore
    expect(await told({ status: 'unavailable' })).toMatchObject({ status: 503, code: 'no_capacity', after: '5' })
  })
})

test('passwords are not guessed: ten tries a minute for an address, and for an e-mail from anywhere', async () => {
  await using own = await serve({ options: { signIn, trustedProxies: 'loopback' } })
  const tryFrom = (address: string, email: string) =>
    own.nobody
      .post('/auth/email/sign-in', { email, password: 'wrong' }, { 'X-Forwarded-For': address })
      .then(({ status }) => status)
  const email = someone()
  const statuses = []
  for (let guess = 0; guess < 11; guess++) {
    const spelled = guess % 2 ? email : email.toUpperCase()
    statuses.push(await tryFrom(`192.0.2.${guess}`, spelled))
  }
  expect(statuses).toEqual([...Array<number>(10).fill(401), 429])
  for (let guess = 0; guess < 10; guess++) expect(await tryFrom('198.51.100.1', someone())).toBe(401)
  expect(await tryFrom('198.51.100.1', someone())).toBe(429)
  expect(await tryFrom('198.51.100.2', someone())).toBe(401)
})

describe('the cookie', () => {
  test('writes only from our own page', async () => {
    const { Cookie } = await comeIn()
    expect((await server.nobody.submit('a', { Cookie })).status).toBe(403)
    const Origin = `http://127.0.0.1:${server.port}`
    expect((await server.nobody.submit('a', { Cookie, Origin })).status).toBe(202)
  })

  test('is renewed on whatever answer comes next, refusals too', async () => {
    for (const path of ['/api/account', '/api/session', '/api/jobs/nothing', '/api/events']) {
      state.seconds = 30
      const { Cookie, user } = await comeIn()
      state.refreshed = 0
      const stop = new AbortController()
      const response = await server.nobody.fetch(path, { headers: { Cookie }, signal: stop.signal })
      const set = response.headers.get('Set-Cookie')
      stop.abort()
      expect([path, state.refreshed, set]).toEqual([
        path,
        1,
        expect.stringMatching(/^safelight_session=[\w.-]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/),
      ])
      const renewed = await server.nobody.get('/api/session', { Cookie: set!.split(';')[0]! })
      expect(renewed.body.user).toEqual(user)
      expect([state.refreshed, renewed.headers.get('Set-Cookie')]).toEqual([1, null])
    }
  })

  test('ends with signing out, here and at the sign-in, and stays ended', async () => {
    state.seconds = 30
    const { Cookie } = await comeIn()
    state.ended = []
    const Origin = `http://127.0.0.1:${server.port}`
    const out = await server.nobody.fetch('/auth/sign-out', { method: 'POST', headers: { Cookie, Origin } })
    expect(out.status).toBe(204)
    expect(out.headers.get('Set-Cookie')).toMatch(/^safelight_session=; Max-Age=0; /)
    expect(state.ended).toEqual([ACCESS])
    state.seconds = 3600
  })

  test('of local accounts is worth nothing here', async () => {
    await using local = await serve()
    const { headers } = await local.nobody.post('/auth/local', {})
    const Cookie = cookieIn(headers)
    expect((await server.nobody.get('/api/account', { Cookie })).status).toBe(401)
    expect((await server.nobody.get('/api/session', { Cookie })).body.user).toBeNull()
    const token = (await local.signIn()).accessToken
    expect((await server.nobody.get('/api/account', { Authorization: `Bearer ${token}` })).status).toBe(401)
  })

  test('of somebody who is gone is 401', async () => {
    await using own = await serve({
      options: { signIn },
      database: database => ({ ...database, users: { ...database.users, find: async () => null } }),
    })
    const { Cookie } = await comeIn()
    const { status, body } = await own.nobody.get('/api/account', { Cookie })
    expect([status, body.code]).toEqual([401, 'unauthenticated'])
  })
})

describe('a bearer token', () => {
  const ask = async () => {
    const { status, body, headers } = await server.nobody.get('/api/account', { Authorization: 'Bearer something' })
    return [status, body.code, body.detail, headers.get('Retry-After')]
  }

  test('is what the sign-in says it is', async () => {
    const user = await server.database.users.signIn(someone())
    state.verified = { status: 'valid', user }
    expect((await ask())[0]).toBe(200)
    state.verified = { status: 'expired' }
    expect(await ask()).toEqual([401, 'unauthenticated', 'The session has expired; sign in again.', null])
    state.verified = { status: 'invalid' }
    expect(await ask()).toEqual([401, 'unauthenticated', 'The access token is not valid; sign in again.', null])
    state.verified = { status: 'unavailable' }
    const detail = 'The sign-in cannot be reached, so nobody can say who you are; try again in 5 s.'
    expect(await ask()).toEqual([503, 'no_capacity', detail, '5'])
    state.verified = { status: 'valid', user: { id: crypto.randomUUID() } }
    expect((await ask()).slice(0, 2)).toEqual([401, 'unauthenticated'])
    state.verified = null
  })
})

test('one way of knowing people is enough', async () => {
  await expect(serve({ options: { signIn, authenticate: async () => null } })).rejects.toThrow(/not both/)
})
