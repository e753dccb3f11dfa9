/** Providers as the environment turns them on, through the whole app, with simulators in their place. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from '@safelight/media'
import { beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../dev/free-port.ts'
import { hasEnded, signIn, type Person } from './person.ts'
import { emptyFolder, folderWithDatabase, safelight, startServer } from './processes.ts'
import { startSimulators, type Simulated } from './simulated.ts'

let simulated: Simulated
beforeAll(async () => {
  simulated = await startSimulators()
})

interface Model {
  id: string
  kind: string
  sizes: { id: string; width: number; height: number }[]
  durations?: number[]
  prices: { credits: number }[]
  images?: { required: boolean; maxCount: number }
  lifecycle: { status: string }
}

/** A server with these of the simulated providers. */
async function serverWith(prefixes: readonly string[], more: NodeJS.ProcessEnv = {}, cwd?: string) {
  const env = Object.entries(simulated.env).filter(([name]) => prefixes.some(prefix => name.startsWith(prefix)))
  return startServer({ ...(cwd === undefined ? {} : { cwd }), env: { ...Object.fromEntries(env), ...more } })
}
const modelsAt = async (person: Person): Promise<Map<string, Model>> => {
  const { items } = await person.get<{ items: Model[] }>('/api/models')
  return new Map(items.map(model => [model.id, model]))
}
async function upload(person: Person, url: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const form = new FormData()
  form.set('file', new Blob([bytes], { type: 'image/png' }), 'fox.png')
  const { accessToken } = (await (await fetch(`${url}/auth/local`, { method: 'POST' })).json()) as {
    accessToken: string
  }
  const headers = { Authorization: `Bearer ${accessToken}` }
  const answer = await fetch(`${url}/api/uploads`, { method: 'POST', body: form, headers })
  return ((await answer.json()) as { media: { id: string } }).media.id
}

describe('a provider with a key', () => {
  it('makes pictures, edits and clips, and calls back', async () => {
    const port = await freePort()
    const { url, said } = await serverWith(['FAL_'], {
      PORT: String(port),
      SAFELIGHT_PUBLIC_URL: `http://localhost:${port}`,
    })
    const me = await signIn(`http://localhost:${port}`)
    expect(url).toMatch(/^http:\/\/localhost:\d+$/)
    const picture = await me.follow((await me.order('flux-dev', { prompt: 'a fox', size: 'landscape' })).id, hasEnded)
    expect(picture).toMatchObject({ state: 'succeeded', media: [{ contentType: expect.stringMatching(/^image\//) }] })
    const bytes = await me.bytes(picture.media[0]!.url)
    expect(await probe(bytes)).toMatchObject({ contentType: picture.media[0]!.contentType })

    const input = await upload(me, `http://localhost:${port}`, new Uint8Array(bytes))
    const edit = { prompt: 'make it night', size: 'square', images: [input] }
    expect(await me.follow((await me.order('flux-kontext-pro', edit)).id, hasEnded)).toMatchObject({
      state: 'succeeded',
    })

    const another = await signIn(`http://localhost:${port}`, 'another@example.com')
    const clip = { prompt: 'waves', size: 'landscape', duration: 3 }
    const film = await another.follow((await another.order('lovely', clip)).id, hasEnded)
    expect(film).toMatchObject({ state: 'succeeded', price: 2000, media: [{ contentType: 'video/mp4' }] })
    expect(said()).toMatch(/"path":"\/webhooks\/:provider\/:reference","status":204/)
    expect(await simulated.accepted('fal')).toMatchObject([1, 2, 3].map(() => ({ outcome: 'succeeded', paid: true })))
  })

  it('shows its models, and its keys by their names alone', async () => {
    const { url, said } = await serverWith(['FAL_', 'WAVESPEED_'], {
      FAL_KEY: 'sentinel-key-1',
      FAL_KEY_2: 'sentinel-key-2',
      FAL_KEY_2_DRAIN: '1',
      WAVESPEED_API_TOKEN: '',
    })
    const person = await signIn(url)
    const models = await modelsAt(person)
    expect(models.get('flux-dev')).toMatchObject({
      kind: 'image',
      prices: [{ credits: 500 }],
      lifecycle: { status: 'live' },
    })
    expect(models.get('flux-dev')?.sizes.map(({ id }) => id)).toEqual(['portrait', 'square', 'landscape'])
    expect(models.get('lovely')).toMatchObject({
      kind: 'video',
      durations: [3, 5],
      images: { required: false, maxCount: 1 },
    })
    expect(models.has('demo-image')).toBe(true)
    for (const model of models.values()) expect(model).not.toHaveProperty('routes')
    expect(said()).toContain('"provider":"fal","tokens":"FAL_KEY, FAL_KEY_2 (draining)"')
    expect(said()).toContain('WAVESPEED_BASE_URL has no effect without WAVESPEED_API_TOKEN.')
    expect(said()).toContain('fal (2 keys), demo')
    expect(said()).not.toContain('sentinel')
    expect(JSON.stringify([...models.values()])).not.toMatch(/sentinel|127\.0\.0\.1|fal-ai/)
  })

  it('steps in where another one with the same model cannot', async () => {
    const { url } = await serverWith(['FAL_', 'WAVESPEED_'], { FAL_KEY: 'without-money' })
    await simulated.script({ provider: 'fal', exhaust: 'without-money' })
    const person = await signIn(url)
    const before = (await simulated.accepted('wavespeed')).length
    const job = await person.follow((await person.order('flux-dev', { prompt: 'a fox' })).id, hasEnded)
    expect(job).toMatchObject({ state: 'succeeded' })
    expect((await simulated.accepted('wavespeed')).slice(before)).toMatchObject([{ outcome: 'succeeded' }])
    expect(await person.balance()).toBe(2500)
  })

  it('is the same for generate', async () => {
    const cwd = await emptyFolder()
    const run = (...args: string[]) => safelight(['generate', 'a fox', ...args], { cwd, env: simulated.env }).ended
    expect(await run('--model', 'flux-schnell', '--out', 'fox.png')).toMatchObject({ code: 0, stdout: 'fox.png\n' })
    expect(await probe(await readFile(join(cwd, 'fox.png')))).toHaveProperty('contentType', 'image/png')
    const unknown = await safelight(['generate', 'a fox', '--model', 'flux-schnell'], { cwd }).ended
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no model "flux-schnell"') as string })
    const bad = await safelight(['generate', 'a fox', '--model', 'flux-schnell'], {
      cwd,
      env: { FAL_KEY: 'two sentinels' },
    }).ended
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/^safelight: FAL_KEY must be /) as string })
    expect(bad.stderr).not.toContain('sentinels')
  })
})

describe('a key that is taken away', () => {
  it('while a job needs it: the server says that it is not ready, and still shows the job', async () => {
    const cwd = await folderWithDatabase()
    const first = await serverWith(['FAL_'], {}, cwd)
    const person = await signIn(first.url)
    const { id } = await person.order('flux-dev', { prompt: 'a fox #sim:seconds=600' })
    await person.follow(id, ({ state }) => state === 'running')
    first.child.kill('SIGTERM')
    await first.ended

    const second = await serverWith([], {}, cwd)
    const ready = await fetch(`${second.url}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ ready: false, parts: { database: 'ok', tokens: 'failing' } })
    const again = await signIn(second.url)
    expect((await again.get<{ items: object[] }>('/api/jobs')).items).toMatchObject([{ id, state: 'running' }])
    expect((await modelsAt(again)).has('flux-dev')).toBe(false)
    expect((await again.post('/api/jobs', { model: 'flux-dev', input: { prompt: 'a fox' } })).status).toBe(404)
    second.child.kill('SIGTERM')
    await second.ended

    // Draining is how a key is taken away without that.
    const third = await serverWith(['FAL_'], { FAL_KEY_DRAIN: '1' }, cwd)
    expect((await fetch(`${third.url}/readyz`)).status).toBe(200)
    const last = await signIn(third.url)
    expect((await last.post('/api/jobs', { model: 'flux-dev', input: { prompt: 'a fox' } })).status).toBe(503)
    expect((await last.post(`/api/jobs/${id}/cancel`, {})).status).toBe(202)
    expect(await last.follow(id, hasEnded)).toMatchObject({ state: 'canceled', refundedCredits: 500 })
  })
})
