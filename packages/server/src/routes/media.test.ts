import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { png } from '../../test/stage.ts'
import { sendRaw, serve, type Client, type Loose, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

async function makePicture(client: Client, prompt = 'a pixel'): Promise<Loose> {
  const { body } = await client.submit(prompt)
  const job = await client.ended(body.job.id)
  return job.media[0]
}
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe('content', () => {
  let me: Client
  let url: string
  beforeAll(async () => {
    me = await server.signIn()
    url = (await makePicture(me)).url
  })

  test('is the bytes, and says what a browser may do with them', async () => {
    const response = await me.fetch(url)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '70',
      'content-disposition': expect.stringMatching(/^inline; filename="image-[\da-f]{12}\.png"$/),
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'private, no-cache',
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[\da-f]{64}"$/),
    })
    expect(await bytesOf(response)).toEqual(png)
  })

  test('can be taken along', async () => {
    const { headers } = await me.fetch(`${url}?download=1`)
    expect(headers.get('Content-Disposition')).toMatch(/^attachment; filename="image-[\da-f]{12}\.png"$/)
    expect((await me.get(`${url}?download=yes`)).status).toBe(400)
  })

  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-9', 0, 9],
    ['bytes=60-', 60, 69],
    ['bytes=60-1000', 60, 69],
    ['bytes=-10', 60, 69],
    ['bytes=-1000', 0, 69],
    ['bytes=0-69', 0, 69],
  ])('%s is 206', async (Range, start, end) => {
    const response = await me.fetch(url, { headers: { Range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('Content-Range')).toBe(`bytes ${start}-${end}/70`)
    expect(response.headers.get('Content-Length')).toBe(String(end - start + 1))
    expect(await bytesOf(response)).toEqual(png.slice(start, end + 1))
  })

  test.each(['bytes=70-', 'bytes=70-80', 'bytes=-0', 'bytes=99999999999-'])('%s is 416', async Range => {
    const { status, headers, body } = await me.get(url, { Range })
    expect([status, headers.get('Content-Range'), body.code]).toEqual([416, 'bytes */70', 'invalid_input'])
  })

  test.each([
    'bytes=5-2',
    'bytes=-',
    'bytes=a-b',
    'lines=0-1',
    'bytes=0-1,3-4',
    'bytes=0-0x1',
    `bytes=${'9'.repeat(400)}-`,
  ])('Range %s is as good as none', async Range => {
    const response = await me.fetch(url, { headers: { Range } })
    expect(response.status).toBe(200)
    expect(await bytesOf(response)).toEqual(png)
  })

  test('that the reader has already is 304, and a range of another version is all of this one', async () => {
    const etag = (await me.fetch(url)).headers.get('ETag')!
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await me.fetch(url, { headers: { 'If-None-Match': tag } })
      expect([response.status, response.headers.get('ETag'), await response.text()]).toEqual([304, etag, ''])
    }
    expect((await me.fetch(url, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
    expect((await me.fetch(url, { headers: { Range: 'bytes=0-0', 'If-Range': etag } })).status).toBe(206)
    expect((await me.fetch(url, { headers: { Range: 'bytes=0-0', 'If-Range': '"other"' } })).status).toBe(200)
  })

  test('has a HEAD', async () => {
    const response = await me.fetch(url, { method: 'HEAD' })
    expect([response.status, response.headers.get('Content-Length'), await response.text()]).toEqual([200, '70', ''])
  })

  test('is for its owner', async () => {
    expect((await server.nobody.get(url)).status).toBe(401)
    const other = await server.signIn()
    const nothing = (await other.get(`/api/media/${crypto.randomUUID()}/content`)).body
    const { status, body } = await other.get(url, { Range: 'bytes=0-0' })
    expect([status, body]).toEqual([404, { ...nothing, requestId: expect.any(String) }])
    const etag = (await me.fetch(url)).headers.get('ETag')!
    expect((await other.fetch(url, { headers: { 'If-None-Match': etag } })).status).toBe(404)
  })

  test('whose bytes are lost is gone, and somebody is told', async () => {
    const { url: lost, id } = await makePicture(me)
    const record = (await server.database.library.find(id))!
    await server.studio.media.delete(record.key)
    const { status, body } = await me.get(lost)
    expect([status, body.code]).toEqual([410, 'gone'])
    expect(server.log.some(({ level, fields }) => level === 'error' && fields['media'] === id)).toBe(true)
  })

  test('of a type that nobody may run is an attachment without a type', async () => {
    const file = {
      key: 'x',
      contentType: 'text/html',
      bytes: 3,
      width: null,
      height: null,
      durationSeconds: null,
      hash: 'ab',
    }
    const id = crypto.randomUUID()
    await server.database.library.add({
      id,
      userId: me.userId,
      kind: 'upload',
      jobId: null,
      index: 0,
      file,
      expiresAt: null,
    })
    const { headers } = await me.fetch(`/api/media/${id}/content`, { method: 'HEAD' })
    expect(headers.get('Content-Type')).toBe('application/octet-stream')
    expect(headers.get('Content-Disposition')).toMatch(/^attachment; filename="upload-[\da-f]{12}\.bin"$/)
  })
})

describe('the gallery', () => {
  test('is listed newest first, filtered and searched', async () => {
    const me = await server.signIn()
    const fox = await makePicture(me, 'a red fox')
    const owl = await makePicture(me, 'a grey owl')
    const ids = async (query: string) => (await me.get(`/api/media?${query}`)).body.items.map(({ id }: Loose) => id)
    expect(await ids('')).toEqual([owl.id, fox.id])
    expect(await ids('kind=image&saved=false')).toEqual([owl.id, fox.id])
    expect(await ids('kind=upload')).toEqual([])
    expect(await ids('query=FOX')).toEqual([fox.id])
    expect(await ids('query=%25')).toEqual([])
    await me.fetch(`/api/media/${fox.id}/star`, { method: 'PUT' })
    expect(await ids('starred=true')).toEqual([fox.id])
    const { nextCursor } = (await me.get('/api/media?limit=1')).body
    expect(await ids(`limit=1&cursor=${nextCursor}`)).toEqual([fox.id])
    for (const query of ['saved=1', 'kind=sound', `query=${'x'.repeat(201)}`, 'query=%00', 'limit=x']) {
      expect((await me.get(`/api/media?${query}`)).status).toBe(400)
    }
  })

  test('saving takes the expiry away', async () => {
    const me = await server.signIn()
    const { id, expiresAt } = await makePicture(me)
    expect(expiresAt).toEqual(expect.any(String))
    const { status, body } = await me.post(`/api/media/${id}/save`)
    expect([status, body.media.saved, body.media.expiresAt]).toEqual([200, true, null])
    expect((await me.get(`/api/media/${id}`)).body).toEqual(body)
  })

  test('a star comes and goes', async () => {
    const me = await server.signIn()
    const { id } = await makePicture(me)
    const star = async (body?: string) => {
      const sent = body === undefined ? {} : { body, headers: { 'Content-Type': 'application/json' } }
      const response = await me.fetch(`/api/media/${id}/star`, { method: 'PUT', ...sent })
      return response.ok ? (await response.json()).media.starred : response.status
    }
    expect(await star()).toBe(true)
    expect(await star('{"starred":false}')).toBe(false)
    expect(await star('{"starred":true}')).toBe(true)
    expect(await star('{"starred":"no"}')).toBe(400)
    expect(await star('{"stars":5}')).toBe(400)
  })

  test('what is deleted is gone from everywhere, and can come back for seven days', async () => {
    const me = await server.signIn()
    const { id, url, jobId } = await makePicture(me)
    const remove = () => me.fetch(`/api/media/${id}`, { method: 'DELETE' })
    expect((await remove()).status).toBe(204)
    expect((await remove()).status).toBe(204)
    expect((await me.get(`/api/media/${id}`)).status).toBe(404)
    expect((await me.get(url)).status).toBe(404)
    expect((await me.post(`/api/media/${id}/save`)).status).toBe(404)
    expect((await me.get('/api/media')).body.items).toEqual([])
    expect((await me.get(`/api/jobs/${jobId}`)).body.job.media).toEqual([])
    const restored = await me.post(`/api/media/${id}/restore`)
    expect([restored.status, restored.body.media.id]).toEqual([200, id])
    expect((await me.fetch(url)).status).toBe(200)
  })

  test('after that, and after archiving, it is 410', async () => {
    const day = 86_400_000
    const aged = (change: object) =>
      serve({
        database: database => ({
          ...database,
          library: {
            ...database.library,
            find: async id => {
              const record = await database.library.find(id)
              return record && { ...record, ...change }
            },
          },
        }),
      })
    await using deleted = await aged({ deletedAt: Date.now() - 7 * day - 1000 })
    const me = await deleted.signIn()
    const { id } = await makePicture(me)
    expect((await me.post(`/api/media/${id}/restore`)).body.code).toBe('gone')
    await using archived = await aged({ archivedAt: Date.now() - day })
    const late = await archived.signIn()
    const old = await makePicture(late)
    expect((await late.get(old.url)).body.code).toBe('gone')
    expect((await late.post(`/api/media/${old.id}/save`)).status).toBe(410)
    expect((await late.get(`/api/media/${old.id}`)).status).toBe(200)
  })

  test('nobody touches what is somebody else’s', async () => {
    const [me, other] = [await server.signIn(), await server.signIn()]
    const { id } = await makePicture(me)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/save'],
      ['POST', '/restore'],
      ['PUT', '/star'],
    ] as const) {
      expect((await other.fetch(`/api/media/${id}${path}`, { method })).status).toBe(404)
    }
    expect((await other.get('/api/media')).body.items).toEqual([])
    expect((await me.get(`/api/media/${id}`)).body.media).toMatchObject({ saved: false, starred: false })
    const edit = { model: 'retouch', input: { prompt: 'a', images: [id] } }
    expect((await other.post('/api/jobs', edit)).body.code).toBe('invalid_input')
  })
})

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
