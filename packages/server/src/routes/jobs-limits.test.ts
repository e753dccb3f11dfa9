import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve, type Answer, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve({ settings: { limits: { userPerMinute: 1000, ipPerMinute: 10_000, windowSeconds: 60 } } })
})
afterAll(() => server.close())

const balanceOf = async (client: Client) => (await client.get('/api/account')).body.balance

describe('Idempotency-Key', () => {
  test('twenty at once are one job: one 202, nineteen 200, one charge', async () => {
    const me = await server.signIn()
    const answers = await Promise.all(Array.from({ length: 20 }, () => me.submit('once', { 'Idempotency-Key': 'k1' })))
    expect(answers.filter(({ status }) => status === 202).length).toBe(1)
    expect(answers.filter(({ status }) => status === 200).length).toBe(19)
    expect(new Set(answers.map(({ body }) => body.job.id)).size).toBe(1)
    await me.ended(answers[0]!.body.job.id)
    expect(await balanceOf(me)).toBe(2500)
    expect(answers.every(({ headers }) => headers.has('RateLimit'))).toBe(true)
  })

  test('with another body is 409, and of another user it is another job', async () => {
    const [me, other] = [await server.signIn(), await server.signIn()]
    const first = await me.submit('one', { 'Idempotency-Key': 'shared' })
    const conflict = await me.submit('two', { 'Idempotency-Key': 'shared' })
    expect([conflict.status, conflict.body.code]).toEqual([409, 'idempotency_conflict'])
    const theirs = await other.submit('one', { 'Idempotency-Key': 'shared' })
    expect(theirs.status).toBe(202)
    expect(theirs.body.job.id).not.toBe(first.body.job.id)
  })

  test('a refusal stores nothing: the key may succeed later', async () => {
    const me = await server.signIn()
    const refused = await me.post('/api/jobs', { model: 'picture', input: { prompt: '' } }, { 'Idempotency-Key': 'k' })
    expect(refused.status).toBe(400)
    expect((await me.submit('now', { 'Idempotency-Key': 'k' })).status).toBe(202)
  })
})

describe('credits', () => {
  test('one short is 402, with what there is and what it costs', async () => {
    await using poor = await serve({ settings: { signupBonus: 1499 } })
    const me = await poor.signIn()
    const { status, body } = await me.post('/api/jobs', { model: 'picture', input: { prompt: 'a', count: 3 } })
    expect(status).toBe(402)
    expect(body).toMatchObject({ code: 'insufficient_credits', balance: 1499, price: 1500 })
    expect((await me.post('/api/jobs', { model: 'picture', input: { prompt: 'a', count: 2 } })).status).toBe(202)
  })

  test('the kill switch is 503, and so is a model that is switched off', async () => {
    await using closed = await serve({ settings: { appEnabled: false } })
    const { status, body } = await (await closed.signIn()).submit('a')
    expect([status, body.code]).toEqual([503, 'closed'])
    await using without = await serve({ settings: { disabledModels: ['picture'] } })
    const refused = await (await without.signIn()).submit('a')
    expect([refused.status, refused.body.code]).toEqual([503, 'model_disabled'])
    const { items } = (await without.nobody.get('/api/models')).body
    expect(items.map((model: { lifecycle: object }) => model.lifecycle)).toEqual([
      { status: 'disabled' },
      { status: 'live' },
      { status: 'live' },
    ])
  })
})

describe('rate limits', () => {
  test('sixty at once of a new user are 6 × 202, 4 × 402 and 50 × 429, and each says where the caller stands', async () => {
    await using strict = await serve()
    const me = await strict.signIn()
    const answers = await Promise.all(Array.from({ length: 60 }, () => me.submit('a rush')))
    const having = (status: number) => answers.filter(answer => answer.status === status)
    expect([202, 402, 429].map(status => having(status).length)).toEqual([6, 4, 50])
    for (const { headers } of answers) {
      expect(headers.get('RateLimit-Policy')).toBe('"user";q=10;w=60, "ip";q=20;w=60')
      expect(headers.get('RateLimit')).toMatch(/^"user";r=\d+;t=\d+, "ip";r=\d+;t=\d+$/)
    }
    for (const { headers, body } of having(429)) {
      const seconds = Number(headers.get('Retry-After'))
      expect(seconds).toBeGreaterThanOrEqual(1)
      expect(seconds).toBeLessThanOrEqual(60)
      expect(body).toMatchObject({ code: 'rate_limited', retryAfterSeconds: seconds })
    }
    expect((await me.get('/api/account')).body.limits).toEqual({
      perMinute: 10,
      remaining: 0,
      resetsInSeconds: expect.any(Number),
    })
  })

  test('eleven at once are 6, 4 and 1', async () => {
    await using strict = await serve()
    const me = await strict.signIn()
    const answers = await Promise.all(Array.from({ length: 11 }, () => me.submit('a rush')))
    const statuses = Object.groupBy(answers, ({ status }) => status) as Record<number, Answer[]>
    expect([statuses[202]?.length, statuses[402]?.length, statuses[429]?.length]).toEqual([6, 4, 1])
  })

  test('of one address hold across users', async () => {
    await using strict = await serve()
    const clients = await Promise.all([strict.signIn(), strict.signIn(), strict.signIn()])
    const answers = await Promise.all(clients.flatMap(client => Array.from({ length: 10 }, () => client.submit('a'))))
    expect(answers.filter(({ status }) => status === 429).length).toBe(10)
  })

  test('a replay and a 400 count nothing', async () => {
    await using strict = await serve()
    const me = await strict.signIn()
    await me.submit('a', { 'Idempotency-Key': 'k' })
    for (let again = 0; again < 15; again++) expect((await me.submit('a', { 'Idempotency-Key': 'k' })).status).toBe(200)
    for (let again = 0; again < 15; again++) expect((await me.submit('')).status).toBe(400)
    expect((await me.get('/api/account')).body.limits.remaining).toBe(9)
  })
})
