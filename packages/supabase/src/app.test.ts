/** The whole app on a Supabase project: the real process, a real PostgREST and a real sign-in, requests over HTTP. */
import { randomUUID, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { importJWK, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { emptyFolder, safelight, startServer, type Ended, type Server } from '../../cli/test/processes.ts'
import { hasEnded, personWith, type Person } from '../../cli/test/person.ts'
import { recordingProxy, type Proxy } from '../test/recording-proxy.ts'

const SECRET = 'a-secret-of-at-least-32-characters-'
/** What a dead server was doing is left alone until its lease is over: half a minute, three times at most. */
const KILLED_SECONDS = 150

describe.skipIf(CANNOT_RUN)(`safelight start on a Supabase project${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`, () => {
  let stack: Stack
  let proxy: Proxy
  let onEmptyProject: Ended
  let server: Server
  // Servers of one database make each other's jobs, so they need their pictures in one place.
  let dataDirectory: string
  const servers: Server[] = []

  const variables = () => ({
    SUPABASE_URL: proxy.url,
    SUPABASE_PUBLISHABLE_KEY: stack.project.publishableKey,
    SUPABASE_SECRET_KEY: stack.project.secretKey,
    SAFELIGHT_SECRET: SECRET,
    SAFELIGHT_DATA_DIR: dataDirectory,
  })
  const start = async (options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Server> => {
    const { cwd = await emptyFolder(), env = {} } = options
    const started = await startServer({ cwd, env: { ...variables(), ...env } })
    servers.push(started)
    return started
  }
  const refused = async (env: Record<string, string>): Promise<Ended> =>
    safelight(['start', '--no-page'], { cwd: await emptyFolder(), env: { PORT: '0', ...env } }).ended

  type Change = (token: SignJWT) => SignJWT
  const issuer = () => `${proxy.url}/auth/v1`
  const token = (userId: string, change: Change = same => same, claims: object = {}, header: object = {}) =>
    change(
      new SignJWT({ role: 'authenticated', email: 'x@example.test', ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: stack.project.signingKey.kid, ...header })
        .setSubject(userId)
        .setIssuer(issuer())
        .setAudience('authenticated')
        .setIssuedAt()
        .setExpirationTime('1h'),
    )
  const signingKey = () => importJWK(stack.project.signingKey, 'ES256')
  /** Signs up in the project; the token is as its signing key makes them. */
  const signUp = async (): Promise<{ id: string; accessToken: string }> => {
    const { user } = await stack.signIn(`${randomUUID()}@example.test`)
    return { id: user.id, accessToken: await token(user.id).sign(await signingKey()) }
  }
  const someone = async (url = server.url): Promise<Person> => personWith(url, (await signUp()).accessToken)
  const account = async (accessToken: string) => {
    const answer = await fetch(`${server.url}/api/account`, { headers: { Authorization: `Bearer ${accessToken}` } })
    const body = (await answer.json()) as { code?: string; detail?: string }
    return { status: answer.status, code: body.code, detail: body.detail, headers: answer.headers }
  }

  beforeAll(async () => {
    dataDirectory = await emptyFolder()
    stack = await startStack()
    proxy = await recordingProxy(stack.project.url)
    onEmptyProject = await refused(variables())
    const migrated = await safelight(['migrate'], {
      cwd: await emptyFolder(),
      env: { ...variables(), DATABASE_URL: stack.databaseUrl },
    }).ended
    expect(migrated).toMatchObject({ code: 0, stderr: '' })
    await stack.reload()
    server = await start()
  })
  afterAll(async () => {
    await proxy.close()
    await stack.close()
  })

  it('says what to do where the schema is missing, or behind', async () => {
    const how =
      'Run: safelight migrate with DATABASE_URL naming the project’s own database, or paste what safelight migrate --print ' +
      'writes into its SQL editor (docs/operations/supabase.md).\n'
    expect(onEmptyProject).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `safelight: The database has no safelight schema yet. ${how}`,
    })
    const last = `(select max(version) from public.safelight_migrations)`
    const [row] = await stack.database.query(
      `delete from public.safelight_migrations where version = ${last} returning *`,
    )
    const behind = await refused(variables())
    await stack.database.query(
      `insert into public.safelight_migrations (version, name, checksum) values (${String(row?.['version'])}, '${String(row?.['name'])}', '${String(row?.['checksum'])}')`,
    )
    expect(behind.stderr).toBe(`safelight: The database schema is behind: ${String(row?.['name'])} is missing. ${how}`)
  })

  it('cannot be migrated over its API, and says how it can be', async () => {
    const ended = await safelight(['migrate'], { cwd: await emptyFolder(), env: variables() }).ended
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^safelight: The API of a Supabase project runs no migrations: set DATABASE_URL .*\n$/)
  })

  it('may be the sign-in alone, with its database reached directly, but not the database alone', async () => {
    const DATABASE_URL = stack.databaseUrl
    const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SAFELIGHT_SECRET, SAFELIGHT_DATA_DIR } = variables()
    const alone = await refused({ DATABASE_URL, SAFELIGHT_SECRET })
    expect(alone).toMatchObject({ code: 1, stdout: '' })
    expect(alone.stderr).toMatch(/^safelight: DATABASE_URL names a database with a sign-in of its own, .*\n$/)
    const env = { DATABASE_URL, SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, SAFELIGHT_SECRET, SAFELIGHT_DATA_DIR }
    const direct = await startServer({ cwd: await emptyFolder(), env })
    servers.push(direct)
    proxy.asked = []
    expect(await (await someone(direct.url)).balance()).toBe(3000)
    // Beside what the other server does of itself.
    const asked = proxy.asked.filter(each => /\/auth\/|find_user|balance/.test(each))
    expect(asked).toEqual(['GET /auth/v1/.well-known/jwks.json'])
  })

  it('says so where the project does not answer or takes no such key', async () => {
    const { host } = new URL(proxy.url)
    const wrong = await refused({ ...variables(), SUPABASE_SECRET_KEY: `sb_secret_${'wrong'.repeat(5)}` })
    expect(wrong).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `safelight: The Supabase project at ${host} does not take this secret key.\n`,
    })
    const nobody = await refused({ ...variables(), SUPABASE_URL: 'http://127.0.0.1:9' })
    expect(nobody).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'safelight: No Supabase project answers at 127.0.0.1:9.\n',
    })
  })

  it('gives who signed up in the project 3000 credits, and makes a picture for 500', async () => {
    const person = await someone()
    expect(await person.balance()).toBe(3000)
    const { id } = await person.order('demo-image', { prompt: 'a red fox in snow' })
    const done = await person.follow(id, hasEnded)
    expect(done).toMatchObject({ state: 'succeeded', media: [{ contentType: 'image/png' }] })
    expect((await person.bytes(done.media[0]!.url)).length).toBeGreaterThan(1000)
    expect((await person.ledger()).map(({ kind, delta }) => [kind, delta])).toEqual([
      ['charge', -500],
      ['grant', 3000],
    ])
    const other = (await signUp()).accessToken
    for (const path of [`/api/jobs/${id}`, `/api/jobs/${id}/events`, done.media[0]!.url]) {
      const answer = await fetch(server.url + path, { headers: { Authorization: `Bearer ${other}` } })
      expect([path, answer.status]).toEqual([path, 404])
    }
  })

  it('takes the tokens that the project itself gives out, where its shared secret is named', async () => {
    const { accessToken } = await stack.signIn('shared@example.test')
    expect(await account(accessToken)).toMatchObject({ status: 401, code: 'unauthenticated' })
    await server.until(/SUPABASE_JWT_SECRET is not set/)
    // The sign-in names itself as the issuer, whatever address it was reached at.
    const direct = await start({
      env: { SUPABASE_URL: stack.project.url, SUPABASE_JWT_SECRET: stack.project.jwtSecret },
    })
    expect(await personWith(direct.url, accessToken).balance()).toBe(3000)
  })

  it('takes no other token, and asks nobody about it', async () => {
    const { id, accessToken } = await signUp()
    expect(await account(accessToken)).toMatchObject({ status: 200 })
    const key = await signingKey()
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const shared = (text: string) => createSecretKey(Buffer.from(text))
    const [head, payload, signature] = accessToken.split('.')
    const forged = Buffer.from(JSON.stringify({ role: 'authenticated', sub: randomUUID(), exp: 9e9 })).toString(
      'base64url',
    )
    const others = {
      'another issuer': await token(id, jwt => jwt.setIssuer(`${stack.project.url}/auth/v1`)).sign(key),
      'another audience': await token(id, jwt => jwt.setAudience('anon')).sign(key),
      'not valid yet': await token(id, jwt => jwt.setNotBefore('1h')).sign(key),
      'no longer valid': await token(id, jwt => jwt.setExpirationTime('-1 minute')).sign(key),
      'the role anon': await token(id, undefined, { role: 'anon' }).sign(key),
      'the role service_role': await token(id, undefined, { role: 'service_role' }).sign(key),
      'another key under the same id': await token(id).sign(privateKey),
      'an unknown key': await token(id, undefined, {}, { kid: 'unknown' }).sign(privateKey),
      'the public key as a shared secret': await token(id, undefined, {}, { alg: 'HS256' }).sign(
        shared(JSON.stringify({ ...stack.project.signingKey, d: undefined })),
      ),
      'the shared secret, where none was named': await token(id, undefined, {}, { alg: 'HS256' }).sign(
        shared(stack.project.jwtSecret),
      ),
      'another payload': `${head}.${forged}.${signature}`,
      'no signature': `${head}.${payload}.`,
      'no algorithm': new UnsecuredJWT({ role: 'authenticated' }).setSubject(id).setIssuer(issuer()).setAudience('authenticated').encode(), // prettier-ignore
      'the anon key': stack.project.anonKey,
      'the service_role key': stack.project.serviceRoleKey,
      'the secret key': stack.project.secretKey,
      'the publishable key': stack.project.publishableKey,
    }
    proxy.asked = []
    for (const [what, other] of Object.entries(others)) {
      const { status, code, detail } = await account(other)
      const isExpired = what === 'no longer valid'
      expect([what, status, code, detail]).toEqual([
        what,
        401,
        'unauthenticated',
        isExpired ? 'The session has expired; sign in again.' : 'The access token is not valid; sign in again.',
      ])
    }
    expect(proxy.asked.filter(each => each.includes('/auth/') && !each.endsWith('/jwks.json'))).toEqual([])
    expect(proxy.asked.filter(each => each.includes('find_user'))).toEqual([])
  })

  it('takes no token of somebody who is gone', async () => {
    const { id, accessToken } = await signUp()
    await stack.database.query(`delete from auth.users where id = '${id}'`)
    expect(await account(accessToken)).toMatchObject({ status: 401, code: 'unauthenticated' })
  })

  it('does not call a token forged because nobody says what the keys are', async () => {
    proxy.down = /jwks/
    const fresh = await start()
    const { accessToken } = await signUp()
    const ask = () => fetch(`${fresh.url}/api/account`, { headers: { Authorization: `Bearer ${accessToken}` } })
    const answer = await ask()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(await answer.json()).toMatchObject({ code: 'no_capacity', retryAfterSeconds: 5 })
    proxy.down = null
    expect((await ask()).status).toBe(200)
  })

  it('has no local accounts, and says how people come in', async () => {
    const local = await fetch(`${server.url}/auth/local`, { method: 'POST' })
    expect([local.status, ((await local.json()) as { code: string }).code]).toEqual([404, 'not_found'])
    const session = await fetch(`${server.url}/api/session`)
    expect(await session.json()).toEqual({ user: null, methods: ['email'] })
  })

  it('lets people in with e-mail and password, and keeps what the project gave it to itself', async () => {
    const credentials = { email: `${randomUUID()}@example.test`, password: 'correct horse battery' }
    const headers = { Origin: server.url, 'Content-Type': 'application/json' }
    const post = (path: string, body: unknown, more = {}) =>
      fetch(server.url + path, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) })
    const up = await post('/auth/email/sign-up', credentials)
    expect(up.status).toBe(200)
    const { user } = (await up.json()) as { user: { id: string; email: string } }
    expect(user.email).toBe(credentials.email)
    expect((await post('/auth/email/sign-up', credentials)).status).toBe(400)
    expect((await post('/auth/email/sign-in', { ...credentials, password: 'wrong' })).status).toBe(401)
    const signedIn = await post('/auth/email/sign-in', credentials)
    const [Cookie = ''] = signedIn.headers.get('Set-Cookie')?.split(';') ?? []
    expect(await signedIn.json()).toEqual({ user })
    const session = await fetch(`${server.url}/api/session`, { headers: { Cookie } })
    expect(await session.json()).toEqual({ user, methods: ['email'] })
    const job = { model: 'demo-image', input: { prompt: 'a fox' } }
    expect((await post('/api/jobs', job, { Cookie })).status).toBe(202)
    expect((await post('/api/jobs', job, { Cookie, Origin: 'https://elsewhere.example' })).status).toBe(403)
    proxy.asked = []
    const out = await post('/auth/sign-out', {}, { Cookie })
    expect([out.status, out.headers.get('Set-Cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
    expect(proxy.asked.filter(each => each.includes('/auth/'))).toEqual([
      'POST /auth/v1/token?grant_type=refresh_token',
      'POST /auth/v1/logout?scope=local',
    ])
  })

  it('counts the limits of a person over two servers', async () => {
    const { url } = await start()
    const { accessToken } = await signUp()
    const statuses = await Promise.all(
      Array.from({ length: 11 }, async (_, index) => {
        const person = personWith(index % 2 ? url : server.url, accessToken)
        return (await person.post('/api/jobs', { model: 'demo-image', input: { prompt: 'a fox' } })).status
      }),
    )
    expect(statuses.toSorted((a, b) => a - b)).toEqual([202, 202, 202, 202, 202, 202, 402, 402, 402, 402, 429])
    expect(await personWith(url, accessToken).balance()).toBe(0)
  })

  it('goes on with an open job after kill -9', { timeout: KILLED_SECONDS * 1000 }, async () => {
    const cwd = await emptyFolder()
    const first = await start({ cwd })
    const { accessToken } = await signUp()
    const { id } = await personWith(first.url, accessToken).order('demo-image', { prompt: 'a fox #seconds=3' })
    await personWith(first.url, accessToken).follow(id, ({ state }) => state === 'running')
    first.child.kill('SIGKILL')
    await first.ended
    const second = await start({ cwd })
    const person = personWith(second.url, accessToken)
    expect(await person.follow(id, hasEnded)).toMatchObject({ state: 'succeeded', refundedCredits: 0 })
    expect((await person.ledger()).map(({ delta }) => delta)).toEqual([-500, 3000])
    expect(await person.balance()).toBe(2500)
  })

  it('has said no key and no token, in all of this', () => {
    const said = servers.map(each => each.said()).join('\n')
    expect(said).toContain('safelight is ready')
    const { secretKey, serviceRoleKey, anonKey, jwtSecret, publishableKey } = stack.project
    for (const key of [secretKey, serviceRoleKey, anonKey, jwtSecret, publishableKey, SECRET, 'eyJ'])
      expect(said).not.toContain(key)
  })
})
