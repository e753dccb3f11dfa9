import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makePicture } from '../../test/pictures.ts'
import { png } from '../../test/stage.ts'
import { serve, type Client, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

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
