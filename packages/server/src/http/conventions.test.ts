import type { Token } from '@safelight/core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { callerToken, createCaller } from '../../test/caller.ts'
import { sendBytes, sendRaw, serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
let me: Client
beforeAll(async () => {
  server = await serve()
  me = await server.signIn()
})
afterAll(() => server.close())

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

describe('problems', () => {
  test.each([
    ['GET', '/api/nothing'],
    ['DELETE', '/api/models'],
    ['PATCH', '/api/jobs'],
    ['GET', '/auth/local'],
    ['GET', '/'],
    ['GET', '/api/jobs/'],
    ['GET', '/webhooks/x/y'],
    ['OPTIONS', '/api/jobs'],
  ])('%s %s is nothing we have', async (method, path) => {
    const response = await me.fetch(path, { method })
    expect(response.status).toBe(404)
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    const requestId = response.headers.get('X-Request-Id')
    expect(await response.json()).toEqual({
      type: '/docs/errors#not_found',
      title: 'Not found',
      status: 404,
      code: 'not_found',
      detail: expect.stringMatching(/^There is nothing/),
      requestId,
    })
  })

  test('what nobody expected stays inside, and its line in the log can be found again', async () => {
    await using broken = await serve({
      database: database => ({
        ...database,
        ledger: {
          ...database.ledger,
          balance: async () => {
            throw new Error('select * from credit_accounts where password = hunter2')
          },
        },
      }),
    })
    const client = await broken.signIn()
    const { status, body, headers } = await client.get('/api/account')
    expect(status).toBe(500)
    expect(body.code).toBe('internal')
    expect(JSON.stringify(body)).not.toMatch(/select|hunter2|\.ts|stack/)
    const line = broken.log.find(({ event }) => event === 'unexpected error')
    expect(line?.fields['requestId']).toBe(headers.get('X-Request-Id'))
    expect(line?.fields['error']).toContain('hunter2')
  })
})

describe('request ids', () => {
  test("a sane one is the client's own, also in the log and on the job", async () => {
    const { headers, body } = await me.submit('with an id', { 'X-Request-Id': 'trace-1.2:3' })
    expect(headers.get('X-Request-Id')).toBe('trace-1.2:3')
    expect((await server.database.jobs.find(body.job.id))?.requestId).toBe('trace-1.2:3')
    expect(server.log.some(({ fields }) => fields['requestId'] === 'trace-1.2:3')).toBe(true)
  })

  test.each(['', 'a b', 'x'.repeat(101), 'ümlaut', '<script>', '"quoted"'])('%j is replaced', async id => {
    const { headers } = await sendRaw(server.port, {
      path: '/healthz',
      headers: { 'X-Request-Id': Buffer.from(id).toString('latin1') },
    })
    expect(headers.get('X-Request-Id')).toMatch(uuid)
  })
})

describe('the log', () => {
  test('has the path as declared, and neither prompt nor token', async () => {
    await me.submit('a very private wish')
    await me.get('/api/media?query=very+private+wish')
    const { body } = await me.get('/api/jobs')
    await me.get(`/api/jobs/${body.items[0].id}`)
    const text = JSON.stringify(server.log)
    expect(text).toContain('"/api/jobs/:id"')
    expect(text).not.toContain('private wish')
    expect(text).not.toContain(me.accessToken)
    expect(text).not.toContain(body.items[0].id)
  })
})

describe('headers for browsers', () => {
  test('are on answers of every kind', async () => {
    for (const path of ['/api/models', '/api/nothing', '/api/account', '/healthz']) {
      const { headers } = await server.nobody.get(path)
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
      expect(headers.get('Cache-Control')).toBe('no-store')
      expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    }
  })

  test('other origins may read only where they are named, and never with the cookie', async () => {
    const { headers } = await me.get('/api/models', { Origin: 'https://elsewhere.example' })
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
    await using open = await serve({ options: { corsOrigins: ['https://app.example'] } })
    const named = await open.nobody.get('/api/models', { Origin: 'https://app.example' })
    expect(named.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example')
    expect(named.headers.get('Access-Control-Allow-Credentials')).toBeNull()
    expect(named.headers.get('Access-Control-Expose-Headers')).toContain('RateLimit')
    const other = await open.nobody.get('/api/models', { Origin: 'https://app.example.evil.example' })
    expect(other.headers.get('Access-Control-Allow-Origin')).toBeNull()
  })
})

describe('requests that are none', () => {
  test('a broken request line', async () => {
    expect(await sendBytes(server.port, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"invalid_input"/s)
  })

  test('a header with a line break in it', async () => {
    const answer = await sendBytes(
      server.port,
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\rb: c\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('more headers than anybody needs', async () => {
    const answer = await sendBytes(
      server.port,
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 431 .*"code":"too_large"/s)
  })

  test.each(['/%', '/%ff', '/api/jobs/%00', '/api/media/%E0%A4%A', '/..%2f..%2fetc%2fpasswd', '//evil.example/'])(
    '%s is answered, not crashed on',
    async path => {
      const { status } = await sendRaw(server.port, { path, headers: { Authorization: `Bearer ${me.accessToken}` } })
      expect([400, 404, 421]).toContain(status)
    },
  )

  test('both ways of saying how long the body is', async () => {
    const answer = await sendBytes(
      server.port,
      'POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).not.toContain('There is nothing')
  })
})

describe('the OpenAPI document', () => {
  test('names every endpoint, from the schemas that check them', async () => {
    const { status, body } = await server.nobody.get('/openapi.json')
    expect(status).toBe(200)
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths).toSorted()).toEqual([
      '/api/account',
      '/api/account/ledger',
      '/api/events',
      '/api/jobs',
      '/api/jobs/{id}',
      '/api/jobs/{id}/cancel',
      '/api/jobs/{id}/events',
      '/api/media',
      '/api/media/{id}',
      '/api/media/{id}/content',
      '/api/media/{id}/restore',
      '/api/media/{id}/save',
      '/api/media/{id}/star',
      '/api/models',
      '/api/session',
      '/api/uploads',
      '/auth/local',
      '/auth/sign-out',
      '/healthz',
      '/internal/sweep',
      '/readyz',
      '/webhooks/{provider}/{reference}',
    ])
    const { post } = body.paths['/api/jobs']
    expect(post.requestBody.content['application/json'].schema.$ref).toBe('#/components/schemas/JobRequest')
    expect(post.responses['202'].content['application/json'].schema.properties.job.$ref).toBe(
      '#/components/schemas/Job',
    )
    expect(body.components.schemas.JobRequest.additionalProperties).toBe(false)
  })
})

describe('health', () => {
  test('alive, and ready with every part', async () => {
    expect((await server.nobody.get('/healthz')).body).toEqual({ status: 'ok' })
    const { status, body } = await server.nobody.get('/readyz')
    expect(status).toBe(200)
    expect(body).toEqual({ ready: true, stopping: false, parts: { database: 'ok', storage: 'ok', tokens: 'ok' } })
  })

  test('not ready, and which part, but not why', async () => {
    const check = async () => {
      throw new Error('password authentication failed for user "safelight"')
    }
    await using broken = await serve({ database: database => ({ ...database, check }) })
    const { status, body } = await broken.nobody.get('/readyz')
    expect(status).toBe(503)
    expect(body).toEqual({ ready: false, stopping: false, parts: { database: 'failing', storage: 'ok', tokens: 'ok' } })
  })
})

describe('an open job whose token is gone', () => {
  /** Servers one after the other over the same database, each with these tokens. */
  async function withJob() {
    const caller = createCaller()
    const first = await serve({ studio: { provider: caller.provider, tokens: [callerToken] } })
    onTestFinished(() => first.close())
    const client = await first.signIn()
    await client.post('/api/jobs', { model: 'postcard', input: { prompt: 'a fox' } })
    await client.submit('a picture of a provider without keys')
    await caller.taken
    return (tokens?: readonly Token[]) =>
      serve({
        database: () => first.database,
        studio: { provider: caller.provider, tokens: tokens ?? [] },
        options: tokens ? { tokens } : {},
        worker: false,
      })
  }

  test('makes the server unready, and the log names the token', async () => {
    const serveWith = await withJob()
    await using lost = await serveWith([{ ...callerToken, label: 'ANOTHER_KEY' }])
    const { status, body } = await lost.nobody.get('/readyz')
    expect(status).toBe(503)
    expect(body).toEqual({ ready: false, stopping: false, parts: { database: 'ok', storage: 'ok', tokens: 'failing' } })
    expect(lost.log).toContainEqual(expect.objectContaining({ level: 'error', fields: { token: 'CALLER_KEY' } }))
    expect(JSON.stringify(lost.log)).not.toContain('sentinel')
  })

  test('is fine while the token is there, draining or not, or nobody says which there are', async () => {
    const serveWith = await withJob()
    for (const tokens of [[callerToken], [{ ...callerToken, draining: true }], undefined]) {
      await using kept = await serveWith(tokens)
      expect((await kept.nobody.get('/readyz')).status).toBe(200)
    }
  })
})

describe('the sweep', () => {
  const sweepSecret = 'sweep-secret-of-a-test'

  test('does not exist without a secret', async () => {
    expect((await server.nobody.post('/internal/sweep')).status).toBe(404)
  })

  test('advances jobs for whoever knows the secret, by GET and POST', async () => {
    await using swept = await serve({ options: { sweepSecret }, worker: false })
    const header = { Authorization: `Bearer ${sweepSecret}` }
    expect((await swept.nobody.get('/internal/sweep')).body.code).toBe('unauthenticated')
    expect((await swept.nobody.get('/internal/sweep', { Authorization: 'Bearer wrong' })).status).toBe(401)
    for (const method of ['GET', 'POST']) {
      const response = await swept.nobody.fetch('/internal/sweep', { method, headers: header })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ advanced: 0 })
    }
  })
})
