import { describe, expect, test } from 'vitest'
import { sendRaw, serve } from '../../test/serve.ts'
import { addressGroup, clientAddress, parseTrustedProxies } from './addresses.ts'

describe('whose address counts', () => {
  const client = (trust: string | null, peer: string | null, forwardedFor?: string) =>
    clientAddress(peer, forwardedFor, trust === null ? null : parseTrustedProxies(trust))

  test.each<[string, string | null, string | null, string | undefined, string | null]>([
    ['the peer, where nobody is trusted', null, '198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['nobody, where there is no peer', null, null, '203.0.113.9', null],
    ['the peer, where it is not one of the trusted', 'loopback', '198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['the client, where the peer is trusted', 'loopback', '127.0.0.1', '203.0.113.9', '203.0.113.9'],
    [
      'the nearest untrusted, not what was written before it',
      'loopback',
      '127.0.0.1',
      '1.1.1.1, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'the first behind a chain of trusted ones',
      '10.0.0.0/8',
      '10.0.0.1',
      '6.6.6.6, 203.0.113.9, 10.9.9.9',
      '203.0.113.9',
    ],
    ['the farthest, where all are trusted', 'private', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the last good one, where there is junk', 'private', '10.0.0.1', '203.0.113.9, junk, 10.0.0.2', '10.0.0.2'],
    ['the proxy itself, where it says nothing', 'private', '10.0.0.1', undefined, '10.0.0.1'],
    ['the client of an IPv4 proxy seen as IPv6', '10.0.0.1', '::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['without its port', 'loopback', '::1', '203.0.113.9:4711', '203.0.113.9'],
    ['without brackets, port and zone', 'loopback', '::1', '[2001:db8::1%eth0]:443', '2001:db8:0:0:0:0:0:1'],
    ['one hop', '1', '10.0.0.1', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['two hops', '2', '10.0.0.1', '6.6.6.6, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['more hops than there were', '3', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
  ])('%s', (_what, trust, peer, forwardedFor, expected) => {
    expect(client(trust, peer, forwardedFor)).toBe(expected)
  })

  test('one /64 is one customer, and an IPv4 address is itself', () => {
    const a = clientAddress('2001:db8:1:2:3:4:5:6', undefined, null)!
    const b = clientAddress('2001:db8:1:2::9', undefined, null)!
    const c = clientAddress('2001:db8:1:3::9', undefined, null)!
    expect(addressGroup(a)).toBe('2001:db8:1:2::/64')
    expect(addressGroup(b)).toBe(addressGroup(a))
    expect(addressGroup(c)).not.toBe(addressGroup(a))
    expect(addressGroup(clientAddress('::ffff:192.0.2.1', undefined, null)!)).toBe('192.0.2.1')
  })

  test.each([
    '',
    'everyone',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0',
    '0',
    '17',
    '99',
    '1, 10.0.0.1',
    '10.0.0.1,',
    'constructor',
  ])('%j is no list of proxies', text => expect(parseTrustedProxies(text)).toBeNull())
})

describe('on a server', () => {
  const submit = (port: number, accessToken: string, forwardedFor?: string) =>
    sendRaw(port, {
      method: 'POST',
      path: '/api/jobs',
      headers: {
        Host: 'localhost',
        Authorization: `Bearer ${accessToken}`,
        'Content-Type': 'application/json',
        ...(forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor }),
      },
      body: '{"model":"picture","input":{"prompt":"a"}}',
    })

  test('a forwarding header that nobody is trusted for takes the address limit away, with one warning', async () => {
    await using server = await serve()
    const me = await server.signIn()
    for (let times = 0; times < 3; times++) {
      const { headers } = await submit(server.port, me.accessToken, '203.0.113.9')
      expect(headers.get('RateLimit-Policy')).toBe('"user";q=10;w=60')
    }
    const warnings = server.log.filter(({ level }) => level === 'warn')
    expect(warnings.map(({ event }) => event)).toEqual(['a forwarding header arrived'])
  })

  test('behind a trusted proxy clients are counted apart, and a /64 together', async () => {
    await using server = await serve({
      options: { trustedProxies: 'loopback' },
      settings: { limits: { userPerMinute: 1000, ipPerMinute: 2, windowSeconds: 60 } },
    })
    const me = await server.signIn()
    const from = async (address: string) => (await submit(server.port, me.accessToken, address)).status
    expect([await from('203.0.113.1'), await from('203.0.113.1'), await from('203.0.113.1')]).toEqual([202, 202, 429])
    expect(await from('6.6.6.6, 203.0.113.1')).toBe(429)
    expect(await from('203.0.113.2')).toBe(202)
    expect([await from('2001:db8::1'), await from('2001:db8::2'), await from('2001:db8::3')]).toEqual([202, 202, 429])
  })
})
