/** Where the descriptions of fal's endpoints are asked for. */
import { expect, it } from 'vitest'
import { askVendors } from './registry-documents.ts'

const key = { provider: 'fal', label: 'key', secret: 'sentinel', account: 'a', draining: false, maxOpen: null }
const use = { provider: 'fal', endpoint: 'acme/paint', models: [], bodies: [] }

it.each<[string, Record<string, string>, string[]]>([
  ['nothing is said', {}, ['https://api.fal.ai', 'https://fal.ai']],
  [
    'fal’s own addresses are written out',
    { FAL_BASE_URL: 'https://queue.fal.run', FAL_REST_URL: 'https://rest.fal.ai' },
    ['https://api.fal.ai', 'https://fal.ai'],
  ],
  ['the queue is elsewhere', { FAL_BASE_URL: 'http://127.0.0.1:1' }, ['http://127.0.0.1:1']],
  [
    'both are elsewhere',
    { FAL_BASE_URL: 'http://127.0.0.1:1', FAL_REST_URL: 'http://127.0.0.1:2' },
    ['http://127.0.0.1:2'],
  ],
  [
    'only the queue is',
    { FAL_BASE_URL: 'http://127.0.0.1:1', FAL_REST_URL: 'https://rest.fal.ai' },
    ['http://127.0.0.1:1'],
  ],
  ['a host only looks like fal’s', { FAL_BASE_URL: 'https://notfal.ai' }, ['https://notfal.ai']],
])('%s', async (_, baseUrls, expected) => {
  const asked = new Map<string, string | null>()
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const { origin, pathname } = new URL(new Request(url).url)
    asked.set(`${origin}${pathname}`, new Headers(init?.headers).get('authorization'))
    return Response.json({ detail: 'Not Found' }, { status: 404 })
  }
  await askVendors([use], { tokens: [key], baseUrls, fetch })
  expect([...new Set([...asked.keys()].map(url => new URL(url).origin))].toSorted()).toEqual(expected)
  for (const [url, authorization] of asked)
    expect(authorization).toBe(url.includes('/v1/models/pricing') ? 'Key sentinel' : null)
})
