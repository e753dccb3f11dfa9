import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw, serve, type Answer, type Client, type TestServer } from '../../test/serve.ts'

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

describe('bad input', () => {
  let me: Client
  beforeAll(async () => {
    me = await server.signIn()
  })
  const job = (input: object) => ({ model: 'picture', input: { prompt: 'a', ...input } })
  const invalid: [what: string, body: unknown, path: string][] = [
    ['empty prompt', job({ prompt: '' }), 'input.prompt'],
    ['blank prompt', job({ prompt: ' \n ' }), 'input.prompt'],
    ['2,001 characters', job({ prompt: 'x'.repeat(2001) }), 'input.prompt'],
    ['a prompt that is no text', job({ prompt: 7 }), 'input.prompt'],
    ['NUL in the prompt', job({ prompt: 'a\0b' }), 'input.prompt'],
    ['half a character', '{"model":"picture","input":{"prompt":"\\ud83d"}}', 'input.prompt'],
    ['no prompt', { model: 'picture', input: {} }, 'input.prompt'],
    ['unknown size', job({ size: 'huge' }), 'input.size'],
    ['a size the model lacks', job({ size: 'landscape' }), 'input.size'],
    ['a size from the prototype', job({ size: 'constructor' }), 'input.size'],
    ['a field the model lacks', job({ duration: 5 }), 'input.duration'],
    ['a field nobody has', job({ steps: 50 }), 'input.steps'],
    ['__proto__ in the input', '{"model":"picture","input":{"prompt":"a","__proto__":{"price":0}}}', ''],
    ['__proto__ beside it', '{"model":"picture","input":{"prompt":"a"},"__proto__":{"userId":"x"}}', ''],
    ['too many', job({ count: 5 }), 'input.count'],
    ['a huge number', '{"model":"picture","input":{"prompt":"a","count":1e400}}', 'input.count'],
    ['a fraction', job({ count: 1.5 }), 'input.count'],
    ['a seed beyond 2^63', job({ seed: '9223372036854775808' }), 'input.seed'],
    ['a seed JSON cannot hold', '{"model":"picture","input":{"prompt":"a","seed":9007199254740993}}', 'input.seed'],
    ['another field beside', { ...job({}), userId: 'someone' }, 'userId'],
    ['no input', { model: 'picture' }, 'input'],
    ['an input that is a list', { model: 'picture', input: [] }, 'input'],
    ['no model', { input: { prompt: 'a' } }, 'model'],
    ['a model that is a list', { model: ['picture'], input: { prompt: 'a' } }, 'model'],
    ['a list', [], ''],
    ['null', 'null', ''],
    ['text', '"picture"', ''],
    ['nothing', '', ''],
    ['broken JSON', '{"model":', ''],
    ['two objects', '{}{}', ''],
    ['a byte order mark alone', '\uFEFF', ''],
    ['deep JSON', `{"model":"picture","input":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, ''],
    [
      'an image that is nobody’s',
      { model: 'retouch', input: { prompt: 'a', images: [crypto.randomUUID()] } },
      'input.images.0',
    ],
    [
      'an image id that is none',
      { model: 'retouch', input: { prompt: 'a', images: ["'; drop table"] } },
      'input.images.0',
    ],
    ['no image where one is needed', { model: 'retouch', input: { prompt: 'a' } }, 'input.images'],
    ['a duration the model lacks', { model: 'film', input: { prompt: 'a', duration: 4 } }, 'input.duration'],
    ['a style the model lacks', { model: 'film', input: { prompt: 'a', style: 'loud' } }, 'input.style'],
  ]

  test.each(invalid)('%s is 400 invalid_input', async (_what, body, path) => {
    const answer = await me.post('/api/jobs', body)
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input', detail: expect.stringMatching(/\.$/) })
    expect(answer.status).toBe(400)
    if (path) expect(answer.body.fields.map((field: { path: string }) => field.path)).toContain(path)
    expect(JSON.stringify(answer.body)).not.toMatch(/ZodError|at .*\.ts/)
  })

  test('nothing of it was charged, and the answers still say where the limits stand', async () => {
    expect(await balanceOf(me)).toBe(3000)
    const { headers } = await me.post('/api/jobs', job({ prompt: '' }))
    expect(headers.get('RateLimit')).toMatch(/^"user";r=1000;t=\d+, "ip";r=\d+;t=\d+$/)
    expect(headers.get('RateLimit-Policy')).toBe('"user";q=1000;w=60, "ip";q=10000;w=60')
  })

  test('every field that does not fit is named at once', async () => {
    const { body } = await me.post('/api/jobs', job({ size: 'huge', count: 0, colour: 'red' }))
    expect(body.fields.map((field: { path: string }) => field.path).toSorted()).toEqual([
      'input.colour',
      'input.count',
      'input.size',
    ])
  })

  test('a body that is no object is told so in a sentence', async () => {
    expect((await me.post('/api/jobs', [])).body.detail).toBe('The body must be a JSON object.')
  })

  test('2,000 characters are fine, and an emoji is one', async () => {
    expect((await me.submit('🦊'.repeat(2000))).status).toBe(202)
  })

  test('an unknown model is 404 unknown_model', async () => {
    for (const model of ['nothing', '__proto__', 'constructor', '../picture', 'Picture']) {
      const { status, body } = await me.post('/api/jobs', { model, input: { prompt: 'a' } })
      expect([status, body.code]).toEqual([404, 'unknown_model'])
    }
  })

  test.each([
    ['text/plain', '{"model":"picture","input":{"prompt":"a"}}'],
    ['application/x-www-form-urlencoded', 'model=picture'],
    ['application/json-patch+json', '[]'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['', '{"model":"picture","input":{"prompt":"a"}}'],
  ])('Content-Type %j is 415', async (type, body) => {
    const headers = { Authorization: `Bearer ${me.accessToken}`, ...(type ? { 'Content-Type': type } : {}) }
    const answer = await sendRaw(server.port, { method: 'POST', path: '/api/jobs', headers, body })
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media'])
  })

  test('a body over the limit is 413, whether it says its length or not', async () => {
    const long = JSON.stringify(job({ prompt: 'x'.repeat(400_000) }))
    expect((await me.post('/api/jobs', long)).body).toMatchObject({ status: 413, code: 'too_large' })
    const chunked = await me.fetch('/api/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new Blob([long]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect(chunked.status).toBe(413)
  })

  test('bytes that are no UTF-8 are 400', async () => {
    const bytes = Uint8Array.of(
      ...new TextEncoder().encode('{"model":"picture","input":{"prompt":"'),
      0xff,
      0xfe,
      0x22,
      0x7d,
      0x7d,
    )
    const response = await me.fetch('/api/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: bytes,
    })
    expect(response.status).toBe(400)
    expect((await response.json()).detail).toBe('The body is not UTF-8.')
  })

  test.each(['', 'x'.repeat(201), 'tab\there', 'umläut'])('Idempotency-Key %j is 400', async key => {
    const body = JSON.stringify(job({}))
    const headers = {
      Authorization: `Bearer ${me.accessToken}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': Buffer.from(key).toString('latin1'),
    }
    const answer = await sendRaw(server.port, { method: 'POST', path: '/api/jobs', headers, body })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input'])
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
