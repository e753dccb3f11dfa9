/** The adapter against the simulated vendor: every scenario, every model, and a line that breaks. */
import { describe, expect, test } from 'vitest'
import type { Model, ModelInput, Progress, SizeId, Submitted } from '@safelight/core'
import { createWorld, serveSimulators } from '../testing/kit/index.ts'
import { wavespeedModels } from './models.ts'
import { wavespeed } from './provider.ts'
import { scenarios } from './simulator/scenarios.ts'
import { wavespeedSimulator } from './simulator.ts'
import { bench, callOf, fileOf, lookCall, submit, tokenOf, type Bench } from '../../test/wavespeed-calls.ts'

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])
const KEY = 'ws-sentinel-key'

/** Looks until there is a last word. */
async function end(desk: Pick<Bench, 'provider' | 'fetch' | 'pass'>, submitted: Submitted): Promise<Progress> {
  for (let looks = 0; looks < 20; looks++) {
    const progress = await desk.provider.look(lookCall(desk.fetch, submitted))
    if (progress.status !== 'running') return progress
    desk.pass(10_000)
  }
  throw new Error('It never ended')
}

describe('every scenario means what its row says', () => {
  const at = (where: string) => scenarios.filter(({ expect: { at: place } }) => place === where)

  test.each(at('submit').map(each => [each.name, each] as const))('submit: %s', async (name, { expect: row }) => {
    const desk = bench()
    desk.world.next('wavespeed', { scenario: name })
    const answer = submit(desk)
    if (row.kind === 'unknown') return expect(answer).rejects.toThrow('not whether')
    expect(await answer).toMatchObject({ status: 'refused', kind: row.kind, paid: row.paid })
    expect(desk.world.accepted()).toHaveLength(0)
  })

  test.each(at('look').map(each => [each.name, each] as const))('look: %s', async (name, { expect: row }) => {
    const desk = bench({ seconds: 60 })
    desk.world.next('wavespeed', { scenario: name })
    const progress = await end(desk, await submit(desk))
    expect(desk.world.accepted()).toHaveLength(1)
    if (progress.status === 'failed') return expect(progress).toMatchObject({ kind: row.kind, paid: row.paid })
    if (progress.status !== 'done') throw new Error('It is not over')
    const usable = progress.outputs.filter(({ url, flagged }) => url && !flagged)
    const isFlagged = progress.outputs.some(({ flagged }) => flagged)
    const kind = usable.length > 0 ? 'success' : isFlagged ? 'content_policy' : 'no_output'
    expect([kind, 'yes']).toEqual([row.kind, row.paid])
    for (const { url } of usable) {
      const file = await (url!.startsWith('data:') ? globalThis.fetch(url!) : desk.fetch(url!))
      expect(file.headers.get('content-type')).toBe('image/jpeg')
      expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(100)
    }
  })
})

/** One input for each route of each model. */
const routes = (wavespeedModels as readonly Model[]).flatMap(model =>
  model.routes.map(route => {
    const sizes = Object.keys(model.sizes) as SizeId[]
    const options = sizes.flatMap(size =>
      [undefined, ['m']].map((images): ModelInput => ({
        prompt: 'a fox',
        size,
        count: 1,
        seed: '7',
        duration: model.durations?.includes(5) ? 5 : (model.durations?.[0] as number),
        ...(images && model.images ? { images } : {}),
      })),
    )
    const fits = (input: ModelInput) => (route.takes?.(input) ?? true) && (!model.images?.required || !!input.images)
    return { model, route, input: options.find(fits)! }
  }),
)

test('every route of every model makes a file of its kind, on a socket', async () => {
  const world = createWorld({ simulators: [wavespeedSimulator], seconds: 0 })
  const served = await serveSimulators(world)
  const provider = wavespeed({ baseUrl: served.baseUrls['WAVESPEED_BASE_URL']! })
  const desk = { provider, fetch: globalThis.fetch, pass: () => undefined }
  for (const { model, route, input } of routes) {
    const body = route.body(input, model.sizes[input.size]!) as Record<string, unknown>
    const files = input.images ? [fileOf(PNG)] : []
    const submitted = await submit(desk, { endpoint: route.endpoint, body, files })
    const progress = await end(desk, submitted)
    const url = progress.status === 'done' ? progress.outputs[0]?.url : undefined
    const file = await fetch(url ?? 'about:nothing')
    expect(file.headers.get('content-type')).toContain(model.kind === 'video' ? 'video/' : 'image/')
    await file.body?.cancel()
  }
  expect(world.accepted().map(({ endpoint }) => endpoint)).toEqual(routes.map(({ route }) => route.endpoint))
  await served.close()
})

describe('a line that breaks at the submit', () => {
  test.each([
    ['lost', { fault: 'lost' }, 1],
    ['reset', { fault: 'reset' }, 0],
    ['half an answer', { fault: 'malformed' }, 1],
    ['a cut answer', { fault: 'cut', share: 0.5 }, 1],
    ['a page', { fault: 'html' }, 1],
    ['502', { fault: 'status', status: 502, body: 'html' }, 0],
    ['504', { fault: 'status', status: 504, body: 'empty' }, 0],
    ['a redirect', { fault: 'redirect', to: 'https://evil.example/' }, 1],
  ] as const)('%s: unknown, and one request', async (_, fault, accepted) => {
    const desk = bench()
    desk.world.fault('wavespeed', fault)
    await expect(submit(desk)).rejects.toThrow()
    expect(desk.sent).toHaveLength(1)
    expect(desk.world.accepted()).toHaveLength(accepted)
    expect(desk.sent.every(({ url }) => new URL(url).hostname === 'api.wavespeed.ai')).toBe(true)
  })

  test('a hang ends with the signal', async () => {
    const desk = bench()
    desk.world.fault('wavespeed', { fault: 'hang' })
    const signal = AbortSignal.timeout(20)
    const call = { ...callOf(desk.fetch), signal, endpoint: 'wavespeed-ai/z-image/turbo', body: { prompt: 'x' } }
    await expect(desk.provider.submit({ ...call, files: [], webhookUrl: null })).rejects.toThrow('timeout')
    expect(desk.world.accepted()).toHaveLength(1)
  })

  test('after the time is over nothing is sent any more', async () => {
    const desk = bench()
    const call = { ...callOf(desk.fetch), endpoint: 'a/b', body: { prompt: 'x' }, files: [], webhookUrl: null }
    const answer = await desk.provider.submit({ ...call, signal: AbortSignal.abort() })
    expect(answer).toMatchObject({ status: 'refused', kind: 'unreachable', paid: 'no' })
    expect(desk.sent).toHaveLength(0)
  })
})

test('a look that fails says nothing, and the next one goes on', async () => {
  const desk = bench()
  const submitted = await submit(desk)
  for (const fault of [
    { fault: 'reset' },
    { fault: 'malformed' },
    { fault: 'cut', share: 0.5 },
    { fault: 'html' },
    { fault: 'status', status: 503, body: 'html' },
    { fault: 'status', status: 429 },
    { fault: 'redirect', to: 'https://evil.example/' },
  ] as const) {
    desk.world.fault('wavespeed', { on: 'look', ...fault })
    await expect(desk.provider.look(lookCall(desk.fetch, submitted))).rejects.toThrow()
  }
  expect(await desk.provider.look(lookCall(desk.fetch, submitted))).toMatchObject({ status: 'done' })
  expect(desk.world.accepted()).toHaveLength(1)
})

describe('keys, money and limits', () => {
  test('a revoked key', async () => {
    const desk = bench()
    desk.world.revoke('wavespeed', KEY)
    expect(await submit(desk)).toMatchObject({ status: 'refused', kind: 'auth', scope: 'token' })
    expect(await desk.provider.check(callOf(desk.fetch))).toEqual({ status: 'refused', kind: 'auth' })
  })

  test('an empty account submits nothing, and is still looked at', async () => {
    const desk = bench()
    const submitted = await submit(desk)
    desk.world.exhaust('wavespeed', KEY)
    expect(await submit(desk)).toMatchObject({ status: 'refused', kind: 'credits_exhausted', scope: 'account' })
    expect(await desk.provider.check(callOf(desk.fetch))).toEqual({ status: 'refused', kind: 'credits_exhausted' })
    expect(await end(desk, submitted)).toMatchObject({ status: 'done' })
  })

  test('a rate limit says when', async () => {
    const desk = bench()
    desk.world.limit('wavespeed', '*', { perMinute: 1 })
    await submit(desk)
    const refused = await submit(desk)
    expect(refused).toMatchObject({ status: 'refused', kind: 'rate_limited', scope: 'account' })
    expect(refused).toHaveProperty('retryAfterSeconds')
  })

  test('the key goes to the API alone, and into no answer', async () => {
    const desk = bench()
    const secret = 'ws-only-for-the-api'
    const token = tokenOf(secret)
    const submitted = await submit(desk, { token, files: [fileOf(PNG)] })
    const progress = await desk.provider.look(lookCall(desk.fetch, submitted, token))
    const withKey = desk.sent.filter(({ headers }) => headers.get('authorization') === `Bearer ${secret}`)
    expect(withKey.every(({ url }) => url.startsWith('https://api.wavespeed.ai/'))).toBe(true)
    expect(withKey).toHaveLength(desk.sent.length)
    expect(JSON.stringify([submitted, progress])).not.toContain(secret)
    desk.world.revoke('wavespeed', secret)
    expect(JSON.stringify(await submit(desk, { token }))).not.toContain(secret)
  })

  test.each(['../balance', 'a', 'a//b', 'a/../b', 'a/b?x=1', 'https://evil.example/a', 'a/b#c', ''])(
    'the endpoint "%s" is none',
    async endpoint => {
      const desk = bench()
      expect(await submit(desk, { endpoint })).toMatchObject({ status: 'refused', kind: 'model_unavailable' })
      expect(desk.sent).toHaveLength(0)
    },
  )
})
