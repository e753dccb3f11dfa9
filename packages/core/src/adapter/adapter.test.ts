import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Token } from '../contracts.ts'
import {
  base64,
  createApi,
  fromBase64,
  handOver,
  isFresh,
  parseJson,
  readJson,
  retryAfterSeconds,
  verifyStandardWebhook,
  wasNeverSent,
} from './index.ts'

const token: Token = { provider: 'p', label: 'P', secret: 's3cret', account: 'P', draining: false, maxOpen: null }
const authorize = ({ secret }: Token) => ({ authorization: `Bearer ${secret}` })
const callWith = (fetch: typeof globalThis.fetch) => ({ token, fetch, signal: new AbortController().signal })

describe('json', () => {
  test('whole numbers beyond 2^53 keep their digits, everything else is as ever', () => {
    const text =
      '{"seed":15169059293161724000,"id":-9007199254740993,"n":9007199254740991,"x":1.5e3,"s":"12345678901234567890"}'
    expect(parseJson(text)).toEqual({
      seed: '15169059293161724000',
      id: '-9007199254740993',
      n: 9007199254740991,
      x: 1500,
      s: '12345678901234567890',
    })
    expect(() => parseJson('{"a":12345678901234567890')).toThrow(SyntaxError)
    for (const document of ['{"a":', '<html>', '', new Uint8Array([0xff, 0xfe])])
      expect(readJson(document)).toBeUndefined()
    expect(readJson(new TextEncoder().encode('{"a":9007199254740993}'))).toEqual({ a: '9007199254740993' })
  })
})

describe('an api', () => {
  test('takes a base with or without its prefix', () => {
    for (const base of [
      'https://api.x.example',
      'https://api.x.example/',
      'https://api.x.example/v1',
      'https://api.x.example/v1/',
    ])
      expect(createApi({ base, prefix: '/v1', authorize }).url('/jobs')).toBe('https://api.x.example/v1/jobs')
    expect(createApi({ base: 'http://127.0.0.1:9/proxy', prefix: '/v1', authorize }).url('/a')).toBe(
      'http://127.0.0.1:9/proxy/v1/a',
    )
  })

  test('gives its key to nobody else', async () => {
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = async url => {
      asked.push(url as string)
      return Response.json({})
    }
    const api = createApi({
      base: 'https://api.x.example',
      authorize,
      alsoOwns: ({ hostname }) => hostname.endsWith('.x.example'),
    })
    for (const path of [
      'https://evil.example/',
      'http://api.x.example/',
      'https://api.x.example.evil.example/',
      'https://user:pass@api.x.example/',
      'https://api.x.example:444/',
      'http://eu.x.example/',
      'nonsense',
    ])
      await expect(api.request(callWith(fetch), { path })).rejects.toThrow('not the provider’s')
    expect(asked).toEqual([])
    await api.request(callWith(fetch), { path: 'https://eu.x.example/jobs' })
    expect(asked).toEqual(['https://eu.x.example/jobs'])
    // What begins with a slash stays behind the base, whatever comes after.
    expect(new URL(api.url('//evil.example/')).origin).toBe('https://api.x.example')
  })

  test('reads whole answers only, and none that are too large', async () => {
    const api = createApi({ base: 'https://api.x.example', authorize })
    const answering = (body: BodyInit, headers: Record<string, string> = {}) =>
      callWith(async () => new Response(body, { headers }))
    expect(await api.request(answering('{"a":1}'), { path: '/' })).toMatchObject({ json: { a: 1 }, status: 200 })
    expect(await api.request(answering('<html>'), { path: '/' })).toMatchObject({ json: undefined, text: '<html>' })
    expect((await api.request(answering('{"a":'), { path: '/' })).json).toBeUndefined()
    await expect(api.request(answering('{"a":1}', { 'content-length': '90' }), { path: '/' })).rejects.toThrow('cut')
    await expect(api.request(answering('x'.repeat(11)), { path: '/', maxBytes: 10 })).rejects.toThrow('larger than 10')
  })

  test('a redirect is an answer, not a way', async () => {
    const server = createServer((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const api = createApi({ base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, authorize })
    expect((await api.request(callWith(fetch), { path: '/' })).status).toBe(302)
    server.close()
  })
})

describe('a submit', () => {
  const failing = (code: string) =>
    callWith(() => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) })))
  const api = createApi({ base: 'https://api.x.example', authorize })

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    '%s: it never left',
    async code => {
      const answer = await handOver(api, failing(code), { method: 'POST', path: '/' }, () => ({
        status: 'running',
        operation: 1,
      }))
      expect(answer).toMatchObject({ status: 'refused', kind: 'unreachable', scope: 'provider', paid: 'no' })
    },
  )

  test.each(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'EPIPE', 'ETIMEDOUT'])(
    '%s: nobody knows',
    async code => {
      const answer = handOver(api, failing(code), { method: 'POST', path: '/' }, () => ({
        status: 'running',
        operation: 1,
      }))
      await expect(answer).rejects.toThrow('fetch failed')
    },
  )

  test('of several addresses all must have been refused', () => {
    const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })
    const reset = Object.assign(new Error('x'), { code: 'ECONNRESET' })
    expect(wasNeverSent(new TypeError('f', { cause: new AggregateError([refused, refused]) }))).toBe(true)
    expect(wasNeverSent(new TypeError('f', { cause: new AggregateError([refused, reset]) }))).toBe(false)
    expect(wasNeverSent('nonsense')).toBe(false)
  })
})

test('when to come back: seconds, a date, milliseconds, or no answer', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  const of = (headers: Record<string, string>) => retryAfterSeconds(new Headers(headers), now)
  expect(of({ 'retry-after': '7' })).toBe(7)
  expect(of({ 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT' })).toBe(30)
  expect(of({ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' })).toBe(0)
  expect(of({ 'retry-after-ms': '1500', 'retry-after': '9' })).toBe(1.5)
  expect(of({ 'retry-after': '999999' })).toBe(3600)
  expect([of({ 'retry-after': 'soon' }), of({ 'retry-after': '' }), of({})]).toEqual([undefined, undefined, undefined])
})

test('base64 there and back, also with a data prefix', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_001))
  expect(fromBase64(base64(bytes))).toEqual(bytes)
  expect(fromBase64('data:image/png;base64,AAEC')).toEqual(new Uint8Array([0, 1, 2]))
})

describe('Standard Webhooks', () => {
  // A vector of our own with a throw-away key; the verifiers of the official replicate and openai clients accept it.
  const secret = 'whsec_cG9vbC1zaW0tc3RhbmRhcmQtd2ViaG9va3Mta2V5LTMyYiE='
  const body = '{"id":"pred_1","status":"succeeded","output":["https://sim.invalid/a.png"]}'
  const headers = {
    'webhook-id': 'msg_0001',
    'webhook-timestamp': '1763900000',
    'webhook-signature': 'v1,clu7OlU93gy2sZ1FbHLVTwqkDKASTIfFs0Ao9LMdaeY=',
  }
  const verify = (change: { body?: string; headers?: Record<string, string>; seconds?: number } = {}) =>
    verifyStandardWebhook(
      {
        body: new TextEncoder().encode(change.body ?? body),
        headers: new Headers({ ...headers, ...change.headers }),
        now: (1_763_900_000 + (change.seconds ?? 0)) * 1000,
      },
      secret,
    )

  test('a good one, also among others', async () => {
    expect(await verify()).toBe(true)
    expect(await verify({ headers: { 'webhook-signature': `v1,AAAA v2,x ${headers['webhook-signature']}` } })).toBe(
      true,
    )
  })

  test.each([
    [{ body: `${body} ` }],
    [{ seconds: 301 }],
    [{ seconds: -301 }],
    [{ headers: { 'webhook-id': 'msg_0002' } }],
    [{ headers: { 'webhook-timestamp': '1763900001' } }],
    [{ headers: { 'webhook-timestamp': 'now' } }],
    [{ headers: { 'webhook-signature': 'v1,' } }],
    [{ headers: { 'webhook-signature': 'v1,%%%' } }],
    [{ headers: { 'webhook-signature': '' } }],
  ])('not %j', async change => {
    expect(await verify(change)).toBe(false)
  })

  test('freshness has two sides', () => {
    expect([isFresh('100', 400_000), isFresh('100', 401_000), isFresh(null, 0), isFresh('-1', 0)]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})
