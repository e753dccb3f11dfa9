import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makePicture } from '../../test/pictures.ts'
import { serve, type Loose, type TestServer } from '../../test/serve.ts'

let server: TestServer
beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.close())

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
