import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  // Generous limits, so that refusals of other kinds can be seen; what the real ones do has its own server.
  server = await serve({ settings: { limits: { userPerMinute: 1000, ipPerMinute: 10_000, windowSeconds: 60 } } })
})
afterAll(() => server.close())

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const balanceOf = async (client: Client) => (await client.get('/api/account')).body.balance

describe('a job', () => {
  test('is admitted, made, paid for, and looks as promised', async () => {
    const me = await server.signIn()
    const input = { prompt: 'a red fox', size: 'portrait', seed: 7, count: 2 }
    const { status, headers, body } = await me.post('/api/jobs', { model: 'picture', input })
    expect(status).toBe(202)
    expect(headers.get('Location')).toBe(`/api/jobs/${body.job.id}`)
    expect(body.balance).toBe(2000)
    expect(['queued', 'running']).toContain(body.job.state)
    const job = await me.ended(body.job.id)
    expect(job).toEqual({
      id: body.job.id,
      model: 'picture',
      kind: 'image',
      input,
      price: 1000,
      state: 'succeeded',
      progress: { fraction: 1, stage: 'succeeded', queuePosition: null, etaSeconds: null },
      media: [expect.anything()],
      failure: null,
      refundedCredits: 500,
      createdAt: expect.stringMatching(iso),
      finishedAt: expect.stringMatching(iso),
    })
    expect((await me.get(`/api/jobs/${job.id}`)).body).toEqual({ job })
    const { items } = (await me.get('/api/account/ledger')).body
    expect(items.map(({ kind, delta, jobId }: never) => [kind, delta, jobId])).toEqual([
      ['refund', 500, job.id],
      ['charge', -1000, job.id],
      ['grant', 3000, null],
    ])
    expect(items[0]).toMatchObject({
      balanceAfter: 2500,
      createdAt: expect.stringMatching(iso),
      description: expect.any(String),
    })
  })

  test('has the media it made', async () => {
    const me = await server.signIn()
    const { body } = await me.submit('one pixel')
    const { media, id } = await me.ended(body.job.id)
    expect(media).toEqual([
      {
        id: expect.any(String),
        kind: 'image',
        index: 0,
        url: `/api/media/${media[0].id}/content`,
        contentType: 'image/png',
        width: 1,
        height: 1,
        bytes: 70,
        durationSeconds: null,
        saved: false,
        starred: false,
        expiresAt: expect.stringMatching(iso),
        createdAt: expect.stringMatching(iso),
        jobId: id,
      },
    ])
  })

  test('gives large seeds back as they were written, and small ones as numbers', async () => {
    const me = await server.signIn()
    const large = await me.post('/api/jobs', { model: 'picture', input: { prompt: 'a', seed: '9223372036854775807' } })
    expect(large.body.job.input.seed).toBe('9223372036854775807')
    const small = await me.post('/api/jobs', { model: 'picture', input: { prompt: 'a', seed: '12' } })
    expect(small.body.job.input.seed).toBe(12)
    const drawn = await me.submit('a')
    expect(drawn.body.job.input.seed).toEqual(expect.any(Number))
  })

  test('that fails says why, only after the credits are back', async () => {
    const me = await server.signIn()
    server.stage.play('doomed', { status: 'failed', kind: 'content_policy', paid: 'no', message: 'NSFW at upstream-7' })
    const { body } = await me.submit('doomed')
    const job = await me.ended(body.job.id)
    expect(job).toMatchObject({ state: 'failed', failure: { code: 'content_policy' }, refundedCredits: 500, media: [] })
    expect(Object.keys(job.failure)).toEqual(['code', 'message'])
    expect(JSON.stringify(job)).not.toContain('upstream-7')
    expect(await balanceOf(me)).toBe(3000)
  })
})

describe('who is asking', () => {
  test('nobody is 401', async () => {
    const { status, body, headers } = await server.nobody.submit('a')
    expect([status, body.code, headers.get('WWW-Authenticate')]).toEqual([401, 'unauthenticated', 'Bearer'])
  })

  test('somebody else’s job does not exist', async () => {
    const [me, other] = [await server.signIn(), await server.signIn()]
    server.stage.play('mine', { status: 'running', fraction: 0.5 })
    const { id } = (await me.submit('mine')).body.job
    const nothing = (await other.get(`/api/jobs/${crypto.randomUUID()}`)).body
    for (const [method, path] of [
      ['GET', `/api/jobs/${id}`],
      ['GET', `/api/jobs/${id}/events`],
      ['POST', `/api/jobs/${id}/cancel`],
    ] as const) {
      const response = await other.fetch(path, { method })
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({ ...nothing, requestId: expect.any(String) })
    }
    expect((await other.get('/api/jobs')).body.items).toEqual([])
    server.stage.finish('mine')
    expect((await me.ended(id)).state).toBe('succeeded')
  })

  test.each(['abc', '1', "'%20or%201=1", '%00', 'ffffffff-ffff-ffff-ffff-fffffffffffg', '../account'])(
    'job %s is 404',
    async id => {
      const me = await server.signIn()
      expect((await me.get(`/api/jobs/${encodeURIComponent(decodeURIComponent(id))}`)).status).toBe(404)
    },
  )
})

describe('cancel', () => {
  test('an open job ends canceled with its credits back; again is 202', async () => {
    const me = await server.signIn()
    server.stage.play('endless', { status: 'running', fraction: 0.1 })
    const { id } = (await me.submit('endless')).body.job
    const { status, body } = await me.post(`/api/jobs/${id}/cancel`)
    expect(status).toBe(202)
    expect(['running', 'canceled']).toContain(body.job.state)
    const job = await me.ended(id)
    expect(job).toMatchObject({ state: 'canceled', refundedCredits: 500 })
    expect((await me.post(`/api/jobs/${id}/cancel`)).status).toBe(202)
    expect(await balanceOf(me)).toBe(3000)
  })

  test('a finished job is 409 already_finished', async () => {
    const me = await server.signIn()
    const { id } = (await me.submit('quick')).body.job
    await me.ended(id)
    const { status, body } = await me.post(`/api/jobs/${id}/cancel`)
    expect([status, body.code]).toEqual([409, 'already_finished'])
  })

  test('twenty cancels at once refund once', async () => {
    const me = await server.signIn()
    server.stage.play('stormy', { status: 'running' })
    const { id } = (await me.submit('stormy')).body.job
    await Promise.all(Array.from({ length: 20 }, () => me.post(`/api/jobs/${id}/cancel`)))
    await me.ended(id)
    expect(await balanceOf(me)).toBe(3000)
  })
})

describe('lists', () => {
  test('are newest first, page by page, and filtered', async () => {
    const me = await server.signIn()
    const ids: string[] = []
    for (const prompt of ['one', 'two', 'three']) {
      const { body } = await me.submit(prompt)
      ids.unshift(body.job.id)
      await me.ended(body.job.id)
    }
    const first = (await me.get('/api/jobs?limit=2')).body
    expect(first.items.map((job: { id: string }) => job.id)).toEqual(ids.slice(0, 2))
    const second = (await me.get(`/api/jobs?limit=2&cursor=${first.nextCursor}`)).body
    expect(second).toMatchObject({ items: [{ id: ids[2] }], nextCursor: null })
    expect((await me.get('/api/jobs?state=succeeded&kind=image')).body.items.length).toBe(3)
    expect((await me.get('/api/jobs?state=failed')).body).toEqual({ items: [], nextCursor: null })
    expect((await me.get('/api/jobs?kind=video')).body.items).toEqual([])
    const ledger = (await me.get('/api/account/ledger?limit=1')).body
    const rest = (await me.get(`/api/account/ledger?cursor=${ledger.nextCursor}`)).body
    expect(rest.items.length).toBe(3)
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1e1',
    'limit=-1',
    'limit=1&limit=2',
    'state=charged',
    'kind=upload',
    'cursor=x',
    'cursor=',
  ])('?%s is 400', async query => {
    const me = await server.signIn()
    const { status, body } = await me.get(`/api/jobs?${query}`)
    expect([status, body.code]).toEqual([400, 'invalid_input'])
  })

  test('a cursor serves nobody else, no other list, and no change', async () => {
    const [me, other] = [await server.signIn(), await server.signIn()]
    await me.submit('one')
    await me.submit('two')
    const { nextCursor } = (await me.get('/api/jobs?limit=1')).body
    const flipped = nextCursor.replace(/^./, (letter: string) => (letter === 'a' ? 'b' : 'a'))
    expect((await me.get(`/api/jobs?cursor=${nextCursor}`)).status).toBe(200)
    expect((await other.get(`/api/jobs?cursor=${nextCursor}`)).status).toBe(400)
    expect((await me.get(`/api/account/ledger?cursor=${nextCursor}`)).status).toBe(400)
    expect((await me.get(`/api/jobs?cursor=${flipped}`)).body.code).toBe('invalid_input')
    expect((await me.get(`/api/jobs?cursor=${nextCursor}x`)).status).toBe(400)
  })
})
