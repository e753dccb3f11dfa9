import { expect, test } from 'vitest'
import { createWorld, serveSimulators, simulatedFetch, type Simulator } from './index.ts'

/** A vendor of one endpoint, to try the kit with. */
const tiny: Simulator = {
  provider: 'tiny',
  origins: { TINY_BASE_URL: 'https://api.tiny.example', cdn: 'https://cdn.tiny.example' },
  scenarios: [{ name: 'broken', sheet: 'tiny §1', expect: { at: 'look', kind: 'provider_error', paid: 'no' } }],
  actionOf: ({ origin, method }) => (origin === 'cdn' ? 'media' : method === 'POST' ? 'submit' : 'look'),
  async answer(exchange, desk) {
    if (exchange.origin === 'cdn') return desk.file(exchange.path.slice(1), exchange)
    const key = exchange.headers.get('authorization') ?? ''
    if (exchange.method === 'POST') {
      const { account, status } = desk.account(key)
      if (status !== 'ok') return Response.json({ error: 'key' }, { status: 401 })
      const admitted = desk.admit(account, 'image')
      if (admitted.status !== 'ok') return Response.json({ error: admitted.status }, { status: 429 })
      const { prompt = '', hook = null } = exchange.json as { prompt?: string; hook?: string | null }
      const job = desk.accept({ endpoint: 'one', key, account, plan: desk.plan(prompt), input: prompt, webhook: hook })
      return Response.json({ id: job.id })
    }
    const job = desk.job(exchange.path.slice(1))
    if (!job) return new Response(null, { status: 404 })
    const { phase } = desk.phase(job)
    const files = phase === 'done' ? desk.outputs(job, 1, 'png') : []
    return Response.json({ phase, files: files.map(({ name }) => desk.url('cdn', `/${name}`)) })
  },
  delivery: async job => ({ headers: { 'x-id': job.id }, body: JSON.stringify({ id: job.id }) }),
}

const submit = (fetch: typeof globalThis.fetch, base: string, body: object = {}, key = 'a-key') =>
  fetch(base, { method: 'POST', headers: { authorization: key }, body: JSON.stringify(body) })

test('the same vendor answers on a socket and without one', async () => {
  for (const isServed of [true, false]) {
    const world = createWorld({ simulators: [tiny], seconds: 0.02 })
    const served = isServed ? await serveSimulators(world) : null
    const fetch = served ? globalThis.fetch : simulatedFetch(world)
    const base = served?.baseUrls['TINY_BASE_URL'] ?? 'https://api.tiny.example'
    const { id } = (await (await submit(fetch, base)).json()) as { id: string }
    let news: { phase: string; files: string[] }
    do news = (await (await fetch(`${base}/${id}`)).json()) as typeof news
    while (news.phase !== 'done')
    const file = await fetch(news.files[0] ?? '')
    expect(file.headers.get('content-type')).toBe('image/png')
    const bytes = new Uint8Array(await file.arrayBuffer())
    expect([...bytes.subarray(1, 4)]).toEqual([80, 78, 71])
    const rest = await fetch(news.files[0] ?? '', { headers: { range: 'bytes=10-' } })
    expect([rest.status, (await rest.arrayBuffer()).byteLength]).toEqual([206, bytes.length - 10])
    expect(world.accepted()).toMatchObject([{ id, keyEnd: '-key', outcome: 'succeeded', paid: true }])
    await served?.close()
  }
})

test('faults: lost is accepted, reset is not, and each as often as it was said', async () => {
  const world = createWorld({ simulators: [tiny] })
  const served = await serveSimulators(world)
  const base = served.baseUrls['TINY_BASE_URL'] ?? ''
  world.fault('tiny', { on: 'submit', fault: 'reset' })
  world.fault('tiny', { on: 'submit', fault: 'lost' })
  world.fault('tiny', { on: 'submit', fault: 'status', status: 503, retryAfterSeconds: 2, body: 'html' })
  world.fault('tiny', { on: 'submit', fault: 'malformed' })
  await expect(submit(fetch, base)).rejects.toThrow('fetch failed')
  expect(world.accepted()).toHaveLength(0)
  await expect(submit(fetch, base)).rejects.toThrow('fetch failed')
  expect(world.accepted()).toHaveLength(1)
  const busy = await submit(fetch, base)
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2'])
  await expect((await submit(fetch, base)).json()).rejects.toThrow(SyntaxError)
  expect((await submit(fetch, base)).status).toBe(200)
  expect(world.accepted()).toHaveLength(3)
  await served.close()
})

test('plans, keys, limits and cancels', async () => {
  const world = createWorld({ simulators: [tiny], seconds: 60 })
  const fetch = simulatedFetch(world)
  const base = 'https://api.tiny.example'
  world.next('tiny', { seconds: 0, scenario: 'broken' })
  await submit(fetch, base)
  expect(world.accepted()).toMatchObject([{ outcome: 'failed', paid: false }])
  await submit(fetch, base, { prompt: 'a fox #sim:seconds=0' })
  expect(world.accepted()[1]).toMatchObject({ outcome: 'succeeded', paid: true })
  world.limit('tiny', '*', { maxOpen: 1 })
  expect((await submit(fetch, base)).status).toBe(200)
  expect((await submit(fetch, base)).status).toBe(429)
  world.revoke('tiny', 'a-key')
  expect((await submit(fetch, base)).status).toBe(401)
  await expect(fetch('https://elsewhere.example/')).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } })
})

test('deliveries come when a job has settled; twice, forged, or not at all', async () => {
  const seen: string[] = []
  const post: typeof globalThis.fetch = async (_, init) => {
    seen.push(init?.body as string)
    return new Response(null, { status: 204 })
  }
  const world = createWorld({ simulators: [tiny], seconds: 0.01, post })
  const fetch = simulatedFetch(world)
  for (const webhook of ['once', 'twice', 'forged', 'none'] as const) {
    world.next('tiny', { webhook })
    await submit(fetch, 'https://api.tiny.example', { hook: 'https://me.example/hook' })
    await world.idle()
  }
  expect(seen).toHaveLength(4)
  expect(seen[1]).toBe(seen[2])
  expect(seen[3]).toBe(`${world.deliveries('tiny')[2]?.body} `)
  expect(world.deliveries('tiny').map(({ status }) => status)).toEqual([204, 204, 204])
})

test('outputs that are bad in every way', async () => {
  const world = createWorld({ simulators: [tiny], seconds: 0 })
  const served = await serveSimulators(world)
  const base = served.baseUrls['TINY_BASE_URL'] ?? ''
  const fileOf = async (plan: Parameters<typeof world.next>[1]) => {
    world.next('tiny', plan)
    const { id } = (await (await submit(fetch, base)).json()) as { id: string }
    const { files } = (await (await fetch(`${base}/${id}`)).json()) as { files: string[] }
    return fetch(files[0] ?? '')
  }
  expect((await fileOf({ outputs: { kinds: ['missing'] } })).status).toBe(404)
  expect((await fileOf({ outputs: { kinds: ['expired'] } })).status).toBe(403)
  expect((await (await fileOf({ outputs: { kinds: ['empty'] } })).arrayBuffer()).byteLength).toBe(0)
  expect(await (await fileOf({ outputs: { kinds: ['html'] } })).text()).toContain('Bad Gateway')
  await expect((await fileOf({ outputs: { kinds: ['truncated'] } })).arrayBuffer()).rejects.toThrow('terminated')
  const large = await fileOf({ outputs: { bytes: 3_000_000 } })
  expect((await large.arrayBuffer()).byteLength).toBe(3_000_000)
  await served.close()
})
