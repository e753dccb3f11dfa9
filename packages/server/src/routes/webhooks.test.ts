import { describe, expect, onTestFinished, test } from 'vitest'
import { callerToken, createCaller, signed, type CallerWorld } from '../../test/caller.ts'
import { sendRaw, SECRET, serve, type Client, type TestServer } from '../../test/serve.ts'
import { createReferences } from '../http/references.ts'

const PUBLIC_URL = 'https://pictures.example'
const ACCEPTED = JSON.stringify({ id: 'work-1', status: 'succeeded', credits: 1_000_000 })
const references = createReferences([SECRET])

interface Scene {
  server: TestServer
  me: Client
  caller: CallerWorld
  jobId: string
  /** Where the vendor was told to call. */
  path: string
  reference: string
}

/** A job whose submit was taken and whose answer was lost. */
async function lostSubmit(): Promise<Scene> {
  const caller = createCaller()
  const server = await serve({
    options: { publicUrl: PUBLIC_URL },
    studio: {
      provider: caller.provider,
      tokens: [callerToken],
      webhookUrl: ({ provider, ...referent }) => `${PUBLIC_URL}/webhooks/${provider}/${references.seal(referent)}`,
    },
  })
  onTestFinished(() => server.close())
  const me = await server.signIn()
  const { body } = await me.post('/api/jobs', { model: 'postcard', input: { prompt: 'a fox' } })
  const path = new URL(await caller.taken).pathname
  return { server, me, caller, jobId: body.job.id, path, reference: path.split('/').at(-1)! }
}

const deliver = ({ me }: Scene, path: string, init: RequestInit) => fetch(me.base + path, init)
const stateOf = async ({ me, jobId }: Scene): Promise<string> => (await me.get(`/api/jobs/${jobId}`)).body.job.state

test('a lost submit is adopted by its delivery: one paid job, and its picture', async () => {
  const scene = await lostSubmit()
  const response = await deliver(scene, scene.path, signed(ACCEPTED))
  expect(response.status).toBe(204)
  expect(await response.text()).toBe('')
  expect(await scene.me.ended(scene.jobId)).toMatchObject({ state: 'succeeded', media: [{ contentType: 'image/png' }] })
  expect(scene.caller.accepted).toHaveLength(1)
  expect((await scene.me.get('/api/account')).body.balance).toBe(2500)
})

test('a delivery again, or after the end, changes nothing', async () => {
  const scene = await lostSubmit()
  const delivery = signed(ACCEPTED)
  const together = await Promise.all([1, 2, 3].map(() => deliver(scene, scene.path, delivery)))
  expect(together.map(({ status }) => status)).toEqual([204, 204, 204])
  const ended = await scene.me.ended(scene.jobId)
  expect((await deliver(scene, scene.path, delivery)).status).toBe(204)
  expect((await deliver(scene, scene.path, signed(ACCEPTED, { delivery: 'another' }))).status).toBe(204)
  expect((await scene.me.get(`/api/jobs/${scene.jobId}`)).body.job).toEqual(ended)
  expect((await scene.me.get('/api/account')).body.balance).toBe(2500)
})

describe('changes nothing', () => {
  const forgeries: [string, () => RequestInit][] = [
    ['without a signature', () => ({ method: 'POST', body: ACCEPTED })],
    ['with another body than was signed', () => ({ ...signed(ACCEPTED), body: ACCEPTED.replace('work-1', 'work-2') })],
    ['that is too old', () => signed(ACCEPTED, { ageSeconds: 301 })],
    ['from the future', () => signed(ACCEPTED, { ageSeconds: -301 })],
    ['without a body', () => ({ method: 'POST', headers: signed(ACCEPTED).headers! })],
  ]
  test.each(forgeries)('a delivery %s', async (_what, forged) => {
    const scene = await lostSubmit()
    const response = await deliver(scene, scene.path, forged())
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'bad_signature', status: 401 })
    expect(await stateOf(scene)).toBe('queued')
    // What was refused is not remembered: the true one still counts.
    expect((await deliver(scene, scene.path, signed(ACCEPTED))).status).toBe(204)
    expect(await scene.me.ended(scene.jobId)).toMatchObject({ state: 'succeeded' })
  })

  test('an address that is not exactly the one given, always in the same words', async () => {
    const scene = await lostSubmit()
    const { reference, jobId } = scene
    const attemptId = references.open(reference)!.attemptId
    const elsewhere = { jobId: crypto.randomUUID(), attemptId: crypto.randomUUID() }
    const paths = [
      `/webhooks/stage/${reference}`,
      `/webhooks/nobody/${reference}`,
      `/webhooks/__proto__/${reference}`,
      `/webhooks/caller/${reference.slice(0, -1)}${reference.endsWith('A') ? 'B' : 'A'}`,
      `/webhooks/caller/${references.seal(elsewhere)}`,
      `/webhooks/caller/${references.seal({ ...elsewhere, jobId })}`,
      `/webhooks/caller/${references.seal({ ...elsewhere, attemptId })}`,
      `/webhooks/caller/${references.seal({ jobId: attemptId, attemptId: jobId })}`,
      `/webhooks/caller/${jobId}`,
      `/webhooks/caller/${encodeURIComponent(`../caller/${reference}`)}`,
      `/webhooks/caller/${scene.me.accessToken}`,
      `/webhooks/caller/${reference}/more`,
      '/webhooks/caller',
    ]
    for (const path of paths) {
      const response = await deliver(scene, path, signed(ACCEPTED))
      const detail = 'There is nothing at this address for this method.'
      expect([path, response.status, await response.json()]).toEqual([path, 404, expect.objectContaining({ detail })])
    }
    expect(await stateOf(scene)).toBe('queued')
  })

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s', async method => {
    const scene = await lostSubmit()
    const response = await deliver(scene, scene.path, { method, headers: { Origin: 'https://evil.example' } })
    expect(response.status).toBe(404)
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
    expect(await stateOf(scene)).toBe('queued')
  })
})

describe('a body', () => {
  test('of a megabyte is taken, and one byte more is not', async () => {
    const scene = await lostSubmit()
    const body = new TextEncoder().encode(JSON.stringify({ id: 'work-1' }).padEnd(1024 * 1024))
    const tooMuch = new Uint8Array(1024 * 1024 + 1).fill(0x20)
    const refused = await deliver(scene, scene.path, signed(tooMuch))
    expect(refused.status).toBe(413)
    expect(await refused.json()).toMatchObject({ code: 'too_large' })
    expect((await deliver(scene, scene.path, signed(body))).status).toBe(204)
    expect(await scene.me.ended(scene.jobId)).toMatchObject({ state: 'succeeded' })
  })

  test('without a declared length is counted as it comes', async () => {
    const scene = await lostSubmit()
    const endless = new ReadableStream<Uint8Array>({ pull: controller => controller.enqueue(new Uint8Array(65_536)) })
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit
    expect((await deliver(scene, scene.path, init)).status).toBe(413)
  })

  test('that is no UTF-8 reaches the provider byte by byte', async () => {
    const scene = await lostSubmit()
    const bytes = Uint8Array.from([0xff, 0xfe, 0x00, 0xc3, 0x28])
    expect((await deliver(scene, scene.path, signed(bytes))).status).toBe(204)
    // Verified, so it woke the job; but it named no work, so nothing was adopted.
    expect(await stateOf(scene)).toBe('queued')
  })
})

describe('from outside', () => {
  const post = ({ server }: Scene, path: string, Host: string, body = ACCEPTED) => {
    const headers = { ...(signed(body).headers as Record<string, string>), Host, 'X-Forwarded-For': '203.0.113.7' }
    return sendRaw(server.port, { method: 'POST', path, body, headers })
  }

  test('the public name is answered to here, and nowhere else', async () => {
    const scene = await lostSubmit()
    for (const path of ['/api/models', '/', '/auth/local', '/webhooksx', '/Webhooks/caller/x'])
      expect((await post(scene, path, 'pictures.example')).status).toBe(421)
    for (const Host of ['evil.example', 'pictures.example.evil.example', 'pictures.example:80', 'x@pictures.example'])
      expect([Host, (await post(scene, scene.path, Host)).status]).toEqual([Host, expect.toSatisfy(isRefusal)])
    expect(await stateOf(scene)).toBe('queued')
    expect((await post(scene, scene.path, 'Pictures.example:443')).status).toBe(204)
    expect(await scene.me.ended(scene.jobId)).toMatchObject({ state: 'succeeded' })
  })

  test('nobody needs to be signed in, and no limit of a user counts it', async () => {
    const scene = await lostSubmit()
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const cookie = {
          Cookie: 'safelight_session=nonsense',
          Authorization: 'nonsense',
          Origin: 'https://evil.example',
        }
        const { headers, ...rest } = signed(ACCEPTED, { delivery: `delivery-${index}` })
        return (await deliver(scene, scene.path, { ...rest, headers: { ...(headers as object), ...cookie } })).status
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([204]))
  })
})

const isRefusal = (status: number) => status === 400 || status === 421

test('the document has it, and the log never has a reference', async () => {
  const scene = await lostSubmit()
  await deliver(scene, scene.path, signed(ACCEPTED))
  await deliver(scene, scene.path, { method: 'POST', body: 'forged' })
  const { body } = await scene.me.get('/openapi.json')
  expect(body.paths['/webhooks/{provider}/{reference}'].post.responses['204']).toBeDefined()
  expect(JSON.stringify(scene.server.log)).not.toContain(scene.reference)
  expect(JSON.stringify(scene.server.log)).toContain('/webhooks/:provider/:reference')
})
