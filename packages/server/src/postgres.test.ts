/** The same API over a real database: what the parts in memory would forgive. */
import { migrate, postgres } from '@safelight/postgres'
import { pglite } from '@safelight/postgres/pglite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serve, type Loose, type TestServer } from '../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  const driver = await pglite()
  await migrate(driver)
  server = await serve({ database: () => postgres(driver) })
})
afterAll(() => server.close())

test('sixty at once of a new user are 6 × 202, 4 × 402 and 50 × 429', async () => {
  const me = await server.signIn()
  const answers = await Promise.all(Array.from({ length: 60 }, () => me.submit('a rush')))
  const count = (status: number) => answers.filter(answer => answer.status === status).length
  expect([202, 402, 429].map(count)).toEqual([6, 4, 50])
  const refused = answers.find(({ status }) => status === 429)!
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1)
  for (const { headers } of answers) {
    expect(headers.get('RateLimit')).toMatch(/^"user";r=\d+;t=\d+, "ip";r=\d+;t=\d+$/)
    expect(headers.get('RateLimit-Policy')).toBe('"user";q=10;w=60, "ip";q=20;w=60')
  }
  const { balance } = (await me.get('/api/account')).body
  const { items } = (await me.get('/api/account/ledger?limit=100')).body
  expect(items.reduce((sum: number, { delta }: Loose) => sum + delta, 0)).toBe(balance)
})

test('twenty with one key are one job; lists, media and search hold', async () => {
  await using fresh = await serveFresh()
  const [me, other] = [await fresh.signIn(), await fresh.signIn()]
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => me.submit('a red fox', { 'Idempotency-Key': 'k' })),
  )
  expect(answers.filter(({ status }) => status === 202).length).toBe(1)
  expect(answers.filter(({ status }) => status === 200).length).toBe(19)
  const job = await me.ended(answers[0]!.body.job.id)
  expect(job).toMatchObject({ state: 'succeeded', media: [{ contentType: 'image/png' }] })
  const [media] = job.media
  expect((await other.get(media.url)).status).toBe(404)
  expect((await other.get(`/api/jobs/${job.id}`)).status).toBe(404)
  const second = await me.submit('a grey owl')
  await me.ended(second.body.job.id)
  const page = (await me.get('/api/media?limit=1')).body
  const next = (await me.get(`/api/media?limit=1&cursor=${page.nextCursor}`)).body
  expect([page, next].map(({ items }) => items.length)).toEqual([1, 1])
  expect(next.items[0].id).toBe(media.id)
  expect((await me.get('/api/media?query=fox')).body.items.map(({ id }: Loose) => id)).toEqual([media.id])
  expect((await me.get('/api/media?query=%25%5F')).body.items).toEqual([])
  await me.fetch(`/api/media/${media.id}`, { method: 'DELETE' })
  expect((await me.post(`/api/media/${media.id}/restore`)).status).toBe(200)
  expect((await me.fetch(media.url)).status).toBe(200)
  const jobs = (await me.get('/api/jobs?limit=1')).body
  expect((await me.get(`/api/jobs?cursor=${jobs.nextCursor}`)).body.items.map(({ id }: Loose) => id)).toEqual([job.id])
})

/** Without the limits of the address that the rush used up. */
async function serveFresh(): Promise<TestServer> {
  const driver = await pglite()
  await migrate(driver)
  return serve({ database: () => postgres(driver) })
}

test('text that Postgres cannot hold never reaches it', async () => {
  const me = await server.signIn()
  for (const prompt of ['a\0b', '\uD800']) expect((await me.submit(prompt)).status).toBe(400)
  expect((await server.nobody.post('/auth/local', { email: 'a\0@b.example' })).status).toBe(400)
  expect((await server.nobody.post('/auth/local', '{"email":"\\ud800@b.example"}')).status).toBe(400)
  const odd = `'; drop table profiles; --${crypto.randomUUID()}@example.com`
  expect((await server.nobody.post('/auth/local', { email: odd.replaceAll(' ', '') })).status).toBe(200)
  for (const path of ["/api/jobs/'", '/api/media/%00', '/api/jobs/00000000-0000-0000-0000-000000000000']) {
    expect((await me.get(path)).status).toBe(404)
  }
})
