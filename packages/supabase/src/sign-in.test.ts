import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { accessTokens } from './access-tokens.ts'
import { projectSignIn, type ProjectSession, type ProjectSignIn } from './sign-in.ts'

const PASSWORD = 'correct horse battery'

describe.skipIf(CANNOT_RUN)(`signing in to a project${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`, () => {
  let stack: Stack
  let people: ProjectSignIn
  beforeAll(async () => {
    stack = await startStack()
    people = projectSignIn(stack.project)
  })
  afterAll(() => stack.close())

  const credentials = () => ({ email: `${randomUUID()}@example.test`, password: PASSWORD })
  const sessionOf = (answer: { status: string; session?: ProjectSession }): ProjectSession => {
    expect(answer.status).toBe('signed_in')
    return answer.session!
  }
  const holderOf = async ({ accessToken }: ProjectSession) => {
    const { url, jwtSecret } = stack.project
    const verified = await accessTokens({ url, jwtSecret }).verify(accessToken)
    return verified.status === 'valid' ? verified.user.id : verified.status
  }

  test('makes an account, and knows it again', async () => {
    const person = credentials()
    const first = sessionOf(await people.signUp(person))
    expect(await holderOf(first)).toBe(first.userId)
    expect(first.expiresAt).toBeGreaterThan(Date.now() + 60_000)
    const again = sessionOf(await people.signIn(person))
    expect(again.userId).toBe(first.userId)
    expect(await people.signUp(person)).toEqual({ status: 'refused', reason: 'taken' })
  })

  test('takes the older public key as well', async () => {
    const { url, anonKey } = stack.project
    expect((await projectSignIn({ url, publishableKey: anonKey }).signUp(credentials())).status).toBe('signed_in')
  })

  test('does not let in who does not know the password', async () => {
    const person = credentials()
    await people.signUp(person)
    const wrong = { status: 'refused', reason: 'wrong' }
    expect(await people.signIn({ ...person, password: 'another password' })).toEqual(wrong)
    expect(await people.signIn(credentials())).toEqual(wrong)
    expect(await people.signUp({ ...credentials(), password: 'short' })).toEqual({ status: 'refused', reason: 'weak' })
    expect(await people.signUp({ ...person, email: 'nobody' })).toEqual({ status: 'refused', reason: 'unfit' })
  })

  test('goes on with a new session for each refresh, until it is ended', async () => {
    const first = sessionOf(await people.signUp(credentials()))
    const second = sessionOf(await people.refresh(first.refreshToken))
    expect(second.refreshToken).not.toBe(first.refreshToken)
    expect([second.userId, await holderOf(second)]).toEqual([first.userId, first.userId])
    const elsewhere = sessionOf(await people.signUp(credentials()))
    await people.end(second.accessToken)
    expect(await people.refresh(second.refreshToken)).toEqual({ status: 'ended' })
    expect((await people.refresh(elsewhere.refreshToken)).status).toBe('signed_in')
    expect(await people.refresh('nonsense')).toEqual({ status: 'ended' })
  })
})

describe('an answer', () => {
  const KEY = `sb_publishable_${'k'.repeat(20)}`
  const asking = (answer: () => Promise<Response>) => {
    const requests: { url: string; init: RequestInit }[] = []
    const fetch = (async (url: string, init: RequestInit) => {
      requests.push({ url, init })
      return answer()
    }) as typeof globalThis.fetch
    return { ...projectSignIn({ url: 'https://abc.supabase.co/', publishableKey: KEY, fetch }), requests }
  }
  const person = { email: 'a@example.test', password: PASSWORD }
  const session = {
    access_token: 'access',
    refresh_token: 'refresh',
    expires_in: 3600,
    user: { id: 'person', email: person.email },
  }
  const json =
    (body: unknown, status = 200, headers = {}) =>
    async () =>
      Response.json(body, { status, headers })

  test('is asked for with the public key, in one request that follows nowhere', async () => {
    const project = asking(json(session))
    await project.signUp(person)
    await project.signIn(person)
    await project.refresh('refresh')
    await project.end('access')
    const base = 'https://abc.supabase.co/auth/v1/'
    expect(project.requests.map(({ url }) => url)).toEqual([
      `${base}signup`,
      `${base}token?grant_type=password`,
      `${base}token?grant_type=refresh_token`,
      `${base}logout?scope=local`,
    ])
    for (const { init } of project.requests) {
      expect(init).toMatchObject({ method: 'POST', redirect: 'error', headers: { apikey: KEY } })
    }
    const [signUp, , , end] = project.requests.map(({ init }) => init)
    // So that the link in an e-mail brings a code that nobody can redeem, and no tokens.
    expect(JSON.parse(signUp?.body as string)).toEqual({
      ...person,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 's256',
    })
    expect(end?.headers).toMatchObject({ Authorization: 'Bearer access' })
  })

  test('is a session, or a person who has to confirm', async () => {
    const { signUp } = asking(json(session))
    const answer = await signUp(person)
    expect(answer).toEqual({
      status: 'signed_in',
      session: { userId: 'person', accessToken: 'access', refreshToken: 'refresh', expiresAt: expect.any(Number) },
    })
    // As for somebody new, so for an e-mail that has an account: the project does not tell.
    for (const identities of [[{ id: 'i' }], []]) {
      const body = { id: 'person', email: person.email, confirmation_sent_at: '2026-11-23T00:00:00Z', identities }
      expect(await asking(json(body)).signUp(person)).toEqual({ status: 'confirm' })
    }
  })

  test.each([
    ['error_code', { code: 400, error_code: 'invalid_credentials', msg: 'x' }, 400, 'wrong'],
    ['code', { code: 'invalid_credentials', message: 'x' }, 400, 'wrong'],
    ['user_banned', { code: 'user_banned' }, 400, 'wrong'],
    ['email_not_confirmed', { code: 400, error_code: 'email_not_confirmed' }, 400, 'unconfirmed'],
    ['user_already_exists', { code: 422, error_code: 'user_already_exists' }, 422, 'taken'],
    ['weak_password', { code: 422, error_code: 'weak_password' }, 422, 'weak'],
    ['signup_disabled', { code: 422, error_code: 'signup_disabled' }, 422, 'switched_off'],
    ['email_address_invalid', { code: 400, error_code: 'email_address_invalid' }, 400, 'unfit'],
  ] as const)('of %s is a refusal with its reason', async (_, body, status, reason) => {
    expect(await asking(json(body, status)).signIn(person)).toEqual({ status: 'refused', reason })
  })

  test('of too many says when', async () => {
    const body = { code: 429, error_code: 'over_request_rate_limit' }
    expect(await asking(json(body, 429, { 'Retry-After': '7' })).signIn(person)).toEqual({ status: 'limited', retryAfterSeconds: 7 }) // prettier-ignore
    expect(await asking(json(body, 429)).signIn(person)).toEqual({ status: 'limited', retryAfterSeconds: 60 })
    expect(await asking(json(body, 429)).refresh('r')).toEqual({ status: 'unavailable' })
  })

  test.each([
    ['no answer', 'no answer', () => Promise.reject(new TypeError('fetch failed'))],
    ['a page of HTML', '200', async () => new Response('<html>', { status: 200 })],
    ['a gateway', '502', async () => new Response('Bad Gateway', { status: 502 })],
    ['a fault of the project', '500 unexpected_failure', json({ code: 500, error_code: 'unexpected_failure' }, 500)],
    ['a key that the gateway does not take', '401', json({ message: 'Invalid API key' }, 401)],
    ['half a session', '200', json({ access_token: 'a', expires_in: 3600, user: { id: 'x' } })],
    ['null', '200', json(null)],
  ])('that is none (%s) ends nobody’s session', async (_, because, answer) => {
    const project = asking(answer)
    expect(await project.signIn(person)).toEqual({ status: 'unavailable', because })
    expect(await project.refresh('refresh')).toEqual({ status: 'unavailable' })
    await project.end('access')
  })

  test('of a session that is over says so', async () => {
    for (const code of ['refresh_token_not_found', 'refresh_token_already_used', 'session_expired', 'user_banned'])
      expect(await asking(json({ code: 400, error_code: code }, 400)).refresh('r')).toEqual({ status: 'ended' })
  })

  test('is not waited for for ever', async () => {
    const fetch = ((_: string, { signal }: RequestInit) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('late'))))) as never
    const options = { url: 'https://abc.supabase.co', publishableKey: KEY, timeoutSeconds: 0.05, fetch }
    expect(await projectSignIn(options).signIn(person)).toEqual({ status: 'unavailable', because: 'no answer' })
  })
})

test('a secret key has no place here, and neither has another address', () => {
  const url = 'https://abc.supabase.co'
  const secret = `sb_secret_${'sentinel'.repeat(3)}`
  expect(() => projectSignIn({ url, publishableKey: secret })).toThrow(/no public key/)
  expect(() => projectSignIn({ url, publishableKey: secret })).not.toThrow(/sentinel/)
  expect(() => projectSignIn({ url: 'http://abc.example', publishableKey: `sb_publishable_x` })).toThrow(/https/)
})
