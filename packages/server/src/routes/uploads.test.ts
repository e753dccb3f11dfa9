import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { png } from '../../test/stage.ts'
import { sendRaw, serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe('uploads', () => {
  const form = (bytes: Uint8Array<ArrayBuffer>, name = 'file') => {
    const data = new FormData()
    data.append(name, new Blob([bytes], { type: 'text/html' }), '../../evil.html')
    return data
  }
  const upload = async (client: Client, body: FormData) => {
    const response = await client.fetch('/api/uploads', { method: 'POST', body })
    return { status: response.status, body: await response.json(), headers: response.headers }
  }

  test('are stored as what they are, whatever they call themselves, and can be worked with', async () => {
    const me = await server.signIn()
    const { status, body, headers } = await upload(me, form(png))
    expect(status).toBe(201)
    expect(body.media).toMatchObject({
      kind: 'upload',
      contentType: 'image/png',
      bytes: 70,
      jobId: null,
      index: 0,
      expiresAt: expect.any(String),
    })
    expect(headers.get('Location')).toBe(`/api/media/${body.media.id}`)
    expect(await bytesOf(await me.fetch(body.media.url))).toEqual(png)
    expect((await me.get('/api/media?kind=upload')).body.items).toEqual([body.media])
    const edit = await me.post('/api/jobs', { model: 'retouch', input: { prompt: 'night', images: [body.media.id] } })
    expect(edit.status).toBe(202)
    expect(edit.body.job.input.images).toEqual([body.media.id])
  })

  test.each([
    ['text', new TextEncoder().encode('just text')],
    ['a page', new TextEncoder().encode('<html><script>alert(1)</script></html>')],
    ['a drawing that can run scripts', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a GIF, which no model takes', new TextEncoder().encode('GIF89a\x01\x00\x01\x00\x00\x00\x00;')],
    ['nothing', new Uint8Array()],
  ])('%s is 415', async (_what, bytes) => {
    const { status, body } = await upload(await server.signIn(), form(bytes))
    expect([status, body.code]).toEqual([415, 'unsupported_media'])
  })

  test('too large is 413, with a length and without', async () => {
    const me = await server.signIn()
    const large = new Uint8Array(11 * 1024 * 1024)
    large.set(png)
    expect((await upload(me, form(large))).body).toMatchObject({ status: 413, code: 'too_large' })
    const { body, headers } = new Response(form(large))
    const chunked = await me.fetch('/api/uploads', {
      method: 'POST',
      headers: { 'Content-Type': headers.get('Content-Type')! },
      body,
      duplex: 'half',
    } as RequestInit)
    expect(chunked.status).toBe(413)
    expect((await me.get('/api/media')).body.items).toEqual([])
  })

  test('that are no form, or another one, are refused, and nothing is kept', async () => {
    const me = await server.signIn()
    const send = async (type: string, body: string) => {
      const headers = { Authorization: `Bearer ${me.accessToken}`, 'Content-Type': type }
      const answer = await sendRaw(server.port, { method: 'POST', path: '/api/uploads', headers, body })
      return [answer.status, answer.body.code]
    }
    const image = Buffer.from(png).toString('latin1')
    const part = (name: string, content: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"; filename="a.png"\r\n\r\n${content}\r\n`
    const multipart = 'multipart/form-data; boundary=b'
    expect(await send('application/json', '{}')).toEqual([415, 'unsupported_media'])
    expect(await send('multipart/form-data', 'x')).toEqual([415, 'unsupported_media'])
    expect(await send(multipart, '--b--\r\n')).toEqual([400, 'invalid_input'])
    expect(await send(multipart, '')).toEqual([400, 'invalid_input'])
    expect(await send(multipart, 'nonsense '.repeat(1000))).toEqual([400, 'invalid_input'])
    expect(await send(multipart, `${part('picture', image)}--b--\r\n`)).toEqual([400, 'invalid_input'])
    expect(await send(multipart, `${part('file', image)}${part('file', image)}--b--\r\n`)).toEqual([
      400,
      'invalid_input',
    ])
    expect(await send(multipart, `${part('file', image)}${part('owner', 'x')}--b--\r\n`)).toEqual([
      400,
      'invalid_input',
    ])
    expect(await send(multipart, part('file', image))).toEqual([400, 'invalid_input'])
    expect(await send(multipart, `--b\r\n${'X: y\r\n'.repeat(5000)}\r\nz\r\n--b--`)).toEqual([400, 'invalid_input'])
    expect((await me.get('/api/media')).body.items).toEqual([])
  })

  test('need somebody signed in', async () => {
    expect((await upload(server.nobody, form(png))).status).toBe(401)
  })

  /** A server with one upload at a time, and an upload that has begun there. */
  async function beginUpload() {
    const arrived = Promise.withResolvers<void>()
    const one = await serve({
      options: {
        limits: { uploadsPerUser: 1 },
        async authenticate({ headers }) {
          if (headers.get('Content-Type')?.endsWith('boundary=slow')) arrived.resolve()
          return { id: headers.get('Authorization')!.slice('Bearer '.length) }
        },
      },
    })
    const as = (id: string): Client => {
      const Authorization = `Bearer ${id}`
      const send: Client['fetch'] = (path, init = {}) =>
        one.nobody.fetch(path, { ...init, headers: { ...init.headers, Authorization } })
      return { ...one.nobody, fetch: send }
    }
    const me = as(crypto.randomUUID())
    const leaving = new AbortController()
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const answer = me.fetch('/api/uploads', {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/form-data; boundary=slow' },
      body: readable,
      signal: leaving.signal,
      duplex: 'half',
    } as RequestInit)
    const write = (bytes: string | Uint8Array) =>
      writer.write(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes)
    await write('--slow\r\nContent-Disposition: form-data; name="file"\r\n\r\n')
    await write(png)
    await arrived.promise
    return { one, me, as, answer, write, writer, leave: () => leaving.abort() }
  }

  test('go on so many at once for each user', async () => {
    const { one, me, as, answer, write, writer } = await beginUpload()
    await using _ = one
    const refused = await upload(me, form(png))
    expect([refused.status, refused.body.code, refused.headers.get('Retry-After')]).toEqual([429, 'rate_limited', '5'])
    expect((await upload(as(crypto.randomUUID()), form(png))).status).toBe(201)
    await write('\r\n--slow--\r\n')
    await writer.close()
    expect((await answer).status).toBe(201)
    expect((await upload(me, form(png))).status).toBe(201)
  })

  test('whose sender leaves are as if they had never begun', async () => {
    const { one, me, answer, leave } = await beginUpload()
    await using _ = one
    leave()
    await expect(answer).rejects.toThrow()
    await expect.poll(async () => (await upload(me, form(png))).status).toBe(201)
    const response = await me.fetch('/api/media')
    expect((await response.json()).items.length).toBe(1)
    expect(one.log.filter(({ level }) => level === 'error')).toEqual([])
  })
})
