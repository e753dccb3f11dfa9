import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw, serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

const json = { 'Content-Type': 'application/json' }
const signInRaw = (headers: Record<string, string>, body = '{}', port = server.port) =>
  sendRaw(port, { method: 'POST', path: '/auth/local', headers: { ...json, ...headers }, body })

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
