import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendBytes, sendRaw, serve, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

const json = { 'Content-Type': 'application/json' }
const signInRaw = (headers: Record<string, string>, body = '{}', port = server.port) =>
  sendRaw(port, { method: 'POST', path: '/auth/local', headers: { ...json, ...headers }, body })

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
