import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw, serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve({ settings: { limits: { userPerMinute: 1000, ipPerMinute: 10_000, windowSeconds: 60 } } })
})
afterAll(() => server.close())

const balanceOf = async (client: Client) => (await client.get('/api/account')).body.balance

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
