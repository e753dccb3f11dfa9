import { SafelightError } from '@safelight/core'
import { postgres } from '@safelight/postgres'
import { createClient } from '@supabase/supabase-js'
import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { overSupabase, SupabaseCallFailed } from './driver.ts'
import { supabase } from './supabase.ts'

const KEY = `sb_secret_${'k'.repeat(20)}`

/** A project that answers as the listener says, and what it was asked. */
async function project(listener: RequestListener) {
  const requests: { url: string | undefined; headers: NodeJS.Dict<string | string[]>; body: string }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      requests.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() })
      listener(request, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const answering =
  (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

const raised = (code: string, message = 'raised') => ({ code, message, details: null, hint: null })

describe('a call', () => {
  test('is one request with every argument by its name, absent ones as null', async () => {
    const { url, requests } = await project(answering(200, { outcome: 'x' }))
    const driver = overSupabase(createClient(url, KEY))
    const answer = await driver.call('list_media', { user_id: 'u', saved: undefined, search: null, ids: ['a'], n: 2 })
    expect(answer).toEqual({ outcome: 'x' })
    expect(requests).toMatchObject([{ url: '/rest/v1/rpc/list_media', headers: { apikey: KEY } }])
    expect(JSON.parse(requests[0]!.body)).toEqual({
      p_user_id: 'u',
      p_saved: null,
      p_search: null,
      p_ids: ['a'],
      p_n: 2,
    })
  })

  test('answers null and 0 as they are', async () => {
    for (const body of ['null', '0', 'false', '[]']) {
      const { url } = await project(answering(200, body))
      expect(await overSupabase(createClient(url, KEY)).call('f', {})).toEqual(JSON.parse(body))
    }
  })

  test('that was refused throws with the code of the database, and never with the key', async () => {
    const { url } = await project(answering(403, raised('42501', 'permission denied for function f')))
    const error = await overSupabase(createClient(url, KEY))
      .call('f', {})
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SupabaseCallFailed)
    expect(error).toMatchObject({ code: '42501', status: 403 })
    expect(String((error as Error).stack) + JSON.stringify(error)).not.toContain(KEY)
  })

  test.each([
    ['a page of HTML', 502, '<html>Bad gateway</html>'],
    ['an empty answer', 503, ''],
    ['the gateway’s own JSON', 401, { message: 'Invalid API key' }],
    ['a list', 500, [1]],
  ])('that ends with %s throws', async (_, status, body) => {
    const { url } = await project(answering(status, body))
    await expect(supabase({ url, secretKey: KEY }).check()).rejects.toThrow(SupabaseCallFailed)
  })

  test('that is cut throws, and is not made again: it may have run', async () => {
    const { url, requests } = await project((request, response) => void response.socket?.destroy())
    const { ledger } = supabase({ url, secretKey: KEY })
    const charge = {
      userId: randomUUID(),
      amount: 1,
      reference: randomUUID(),
      description: 'x',
      kind: 'image',
    } as const
    await expect(ledger.charge(charge)).rejects.toThrow(SupabaseCallFailed)
    expect(requests).toHaveLength(1)
  })

  test('that only reads is made again when its answer was cut, or when a gateway spoke for the database', async () => {
    const breaks: RequestListener[] = [
      (request, response) => void response.socket?.destroy(),
      answering(502, '<html>Bad gateway</html>'),
      answering(200, 7),
    ]
    const { url, requests } = await project((request, response) => breaks.shift()!(request, response))
    expect(await supabase({ url, secretKey: KEY }).ledger.balance(randomUUID())).toBe(7)
    expect(requests).toHaveLength(3)
  })

  test('that only reads is given up after three broken answers, and at once after one that the database gave', async () => {
    const broken = await project((request, response) => void response.socket?.destroy())
    await expect(supabase({ url: broken.url, secretKey: KEY }).ledger.balance(randomUUID())).rejects.toThrow(
      SupabaseCallFailed,
    )
    expect(broken.requests).toHaveLength(3)
    const refusing = await project(answering(500, raised('XX000')))
    await expect(supabase({ url: refusing.url, secretKey: KEY }).ledger.balance(randomUUID())).rejects.toThrow('XX000')
    expect(refusing.requests).toHaveLength(1)
  })

  test('that nobody answers is given up', async () => {
    const { url, requests } = await project(() => undefined)
    await expect(supabase({ url, secretKey: KEY, timeoutSeconds: 0.05 }).check()).rejects.toThrow(
      /read_migrations failed/,
    )
    expect(requests).toHaveLength(1)
  })

  test('that leads elsewhere does not take the key along', async () => {
    const elsewhere = await project(answering(200, []))
    const { url } = await project(answering(307, '', { location: `${elsewhere.url}/rest/v1/rpc/read_migrations` }))
    await expect(supabase({ url, secretKey: KEY }).check()).rejects.toThrow()
    expect(elsewhere.requests).toEqual([])
  })

  test('that lost a race is made again, whatever status says so', async () => {
    let losses = 2
    const { url, requests } = await project((request, response) => {
      const lost = losses-- > 0
      answering(lost ? 500 : 200, lost ? raised('40001') : 7)(request, response)
    })
    expect(await postgres(overSupabase(createClient(url, KEY))).ledger.balance(randomUUID())).toBe(7)
    expect(requests).toHaveLength(3)
  })

  test('with what no database can store is the caller’s fault', async () => {
    const { url } = await project(answering(400, raised('22P05', 'unsupported Unicode escape sequence')))
    const failure = supabase({ url, secretKey: KEY }).ledger.balance(randomUUID())
    await expect(failure).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(failure).rejects.toBeInstanceOf(SafelightError)
  })

  test('to a project without our schema says what to do', async () => {
    const { url } = await project(answering(404, raised('PGRST202', 'Could not find the function')))
    await expect(supabase({ url, secretKey: KEY }).check()).rejects.toThrow(/no safelight schema yet/)
  })
})

describe('a project is refused', () => {
  const token = (role: string) => `e30.${Buffer.from(JSON.stringify({ role })).toString('base64url')}.x`

  test.each(['http://project.supabase.co', 'project.supabase.co', 'postgres://localhost/x', ''])('at %j', url => {
    expect(() => supabase({ url, secretKey: KEY })).toThrow(/must be an https URL/)
  })

  test.each(['sb_publishable_abc', token('anon')])('with its public key %#', secretKey => {
    expect(() => supabase({ url: 'https://a.supabase.co', secretKey })).toThrow(/This is the public key/)
  })

  test.each(['', 'nonsense', 'sb_secret_', token('authenticated'), 'a.b.c'])(
    'with no key of its own: %#',
    secretKey => {
      expect(() => supabase({ url: 'https://a.supabase.co', secretKey })).toThrow(/This is no secret key/)
    },
  )

  test('and is taken with either kind', () => {
    for (const secretKey of [KEY, token('service_role')])
      expect(supabase({ url: 'https://a.supabase.co', secretKey }).ledger).toBeDefined()
  })
})
