/** The adapter against fal's simulator: on sockets and without. */
import type { Json, Progress, Submitted } from '@safelight/core'
import { afterEach, expect, test } from 'vitest'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import type { ServedSimulators, World } from '../testing/kit/index.ts'
import { fal, type FalProvider } from './index.ts'
import { inputImage, inputImages } from './inputs.ts'
import { callWith, fileOf, KEY, lookWith, outputsOf, submitWith, tokenOf } from '../../test/fal-calls.ts'
import { falSimulator } from './simulator.ts'

interface Place {
  world: World
  provider: FalProvider
  fetch: typeof globalThis.fetch
}
const served: ServedSimulators[] = []
afterEach(async () => {
  for (const each of served.splice(0)) await each.close()
})

async function place(kind: 'sockets' | 'none', seconds = 0.05): Promise<Place> {
  const world = createWorld({ simulators: [falSimulator], seconds })
  if (kind === 'none') return { world, provider: fal(), fetch: simulatedFetch(world) }
  const server = await serveSimulators(world)
  served.push(server)
  const { FAL_BASE_URL = '', FAL_RUN_URL = '', FAL_REST_URL = '' } = server.baseUrls
  return { world, provider: fal({ queueUrl: FAL_BASE_URL, runUrl: FAL_RUN_URL, restUrl: FAL_REST_URL }), fetch }
}

function operationOf(submitted: Submitted): Json {
  if (submitted.status !== 'running') throw new Error(`The submit was ${submitted.status}`)
  return submitted.operation
}

async function lookUntilEnd(provider: FalProvider, fetch: Place['fetch'], operation: Json): Promise<Progress> {
  for (;;) {
    const progress = await provider.look(lookWith(fetch, operation))
    if (progress.status !== 'running') return progress
  }
}

for (const kind of ['sockets', 'none'] as const) {
  test(`${kind}: a followed job is submit, stream, result and download`, async () => {
    const { world, provider, fetch } = await place(kind, 0.3)
    const body = { prompt: 'a fox', image_size: { width: 768, height: 1344 }, num_images: 2 }
    const operation = operationOf(await provider.submit(submitWith(fetch, { body })))
    const told: Progress[] = []
    const progress = await provider.follow({ ...lookWith(fetch, operation), tell: news => told.push(news) })
    expect(progress).toMatchObject({ status: 'done', outputs: [{ contentType: 'image/png' }, {}] })
    expect(told[0]).toEqual({ status: 'running', stage: 'queued', queuePosition: 0, fraction: null })
    expect(told.at(-1)).toMatchObject({ stage: 'running', queuePosition: null, fraction: expect.any(Number) })
    const [output] = outputsOf(progress)
    expect(output?.expiresAt).toBeGreaterThan(Date.now() + 6 * 86_400_000)
    const file = await fetch(output?.url ?? '')
    const picture = new DataView(await file.arrayBuffer())
    expect([picture.getUint32(16), picture.getUint32(20)]).toEqual([768, 1344])
    expect(world.books('fal').requests.map(({ action }) => action)).toEqual(['submit', 'stream', 'result', 'media'])
    expect(world.accepted()).toMatchObject([{ endpoint: 'fal-ai/flux/schnell', outcome: 'succeeded', paid: true }])
  })

  test(`${kind}: looks end the same way, and a later look still does`, async () => {
    const { provider, fetch } = await place(kind)
    const operation = operationOf(await provider.submit(submitWith(fetch)))
    const first = await lookUntilEnd(provider, fetch, operation)
    const again = await provider.look(lookWith(fetch, operation))
    expect(first).toMatchObject({ status: 'done', outputs: [{ url: expect.stringContaining('/files/') }] })
    expect(again).toMatchObject({ status: 'done' })
  })

  test(`${kind}: a clip comes as one file`, async () => {
    const { provider, fetch } = await place(kind)
    const body = { prompt: 'waves', duration: '5', aspect_ratio: '16:9' }
    const order = { endpoint: 'fal-ai/kling-video/v3/standard/text-to-video', body }
    const operation = operationOf(await provider.submit(submitWith(fetch, order)))
    expect(await provider.follow(lookWith(fetch, operation))).toMatchObject({
      status: 'done',
      outputs: [{ contentType: 'video/mp4' }],
    })
  })

  test(`${kind}: an input picture goes inline, a large one through storage, and neither leaks the key`, async () => {
    const { world, provider, fetch } = await place(kind)
    const order = { endpoint: 'fal-ai/qwen-image-edit', body: { prompt: 'red', image_url: inputImage(0) } }
    const seen: (string | null)[] = []
    const watched: typeof globalThis.fetch = (input, init) => {
      seen.push(new Headers(init?.headers).get('authorization'))
      return fetch(input, init)
    }
    for (const bytes of [1000, 3_000_000]) {
      const submitted = await provider.submit(submitWith(watched, { ...order, files: [fileOf(bytes)] }))
      expect(await lookUntilEnd(provider, fetch, operationOf(submitted))).toMatchObject({ status: 'done' })
    }
    const uploads = world.books('fal').requests.filter(({ action }) => action === 'upload')
    expect(uploads.map(({ method, status }) => [method, status])).toEqual([
      ['POST', 200],
      ['PUT', 200],
    ])
    expect(seen).toEqual([`Key ${KEY}`, `Key ${KEY}`, null, `Key ${KEY}`])
  })

  test(`${kind}: cancelled in time it has ended, too late nothing changes`, async () => {
    const { world, provider, fetch } = await place(kind, 30)
    const operation = operationOf(await provider.submit(submitWith(fetch)))
    await provider.cancel(lookWith(fetch, operation))
    expect(world.accepted()).toMatchObject([{ outcome: 'cancelled', paid: false }])
    expect(await provider.look(lookWith(fetch, operation))).toMatchObject({ status: 'failed', kind: 'canceled' })
    await provider.cancel(lookWith(fetch, operation))
    const cancels = world.books('fal').requests.filter(({ action }) => action === 'cancel')
    expect(cancels.map(({ method, status }) => [method, status])).toEqual([
      ['PUT', 202],
      ['PUT', 400],
    ])
  })

  test(`${kind}: a key is checked by its balance`, async () => {
    const { world, provider, fetch } = await place(kind)
    const check = (secret = KEY) => provider.check(callWith(fetch, { token: tokenOf(secret) }))
    expect(await check()).toEqual({ status: 'accepted', balance: { amount: 25, unit: 'USD' } })
    world.revoke('fal', KEY)
    expect(await check()).toEqual({ status: 'refused', kind: 'auth' })
  })
}

test('all pictures of a list are put in their places', async () => {
  const { world, provider, fetch } = await place('none')
  const body = { prompt: 'both', image_urls: inputImages(2) }
  const order = { endpoint: 'fal-ai/flux-2/klein/9b/edit', body, files: [fileOf(10), fileOf(20, 'image/jpeg')] }
  const bodies: unknown[] = []
  const watched: typeof globalThis.fetch = (input, init) => {
    bodies.push(JSON.parse(init?.body as string))
    return fetch(input, init)
  }
  await provider.submit(submitWith(watched, order))
  expect(bodies).toEqual([
    {
      prompt: 'both',
      image_urls: [
        expect.stringMatching(/^data:image\/png;base64,BwcH/),
        expect.stringMatching(/^data:image\/jpeg;base64,BwcH/),
      ],
    },
  ])
  expect(await provider.submit(submitWith(fetch, { ...order, files: [fileOf(10)] }))).toMatchObject({
    status: 'refused',
    kind: 'invalid_input',
    paid: 'no',
  })
  expect(world.accepted()).toHaveLength(1)
})

test('the answer may be lost: a delivery names the request all the same', async () => {
  const deliveries: { headers: Headers; body: Uint8Array }[] = []
  const post: typeof globalThis.fetch = async (_, init) => {
    deliveries.push({ headers: new Headers(init?.headers), body: new TextEncoder().encode(init?.body as string) })
    return new Response(null, { status: 204 })
  }
  const world = createWorld({ simulators: [falSimulator], seconds: 0.01, post })
  const fetch = simulatedFetch(world)
  const provider = fal()
  world.fault('fal', { on: 'submit', fault: 'lost' })
  const webhookUrl = 'https://app.example/webhooks/fal/abc.def?x=1&y=2'
  await expect(provider.submit(submitWith(fetch, { webhookUrl }))).rejects.toThrow('fetch failed')
  await world.idle()
  expect(world.deliveries('fal')[0]?.url).toBe(webhookUrl)
  const endpoint = 'fal-ai/flux/schnell'
  const news = await provider.webhook({ ...callWith(fetch), endpoint, now: Date.now(), ...deliveries[0]! })
  const [job] = world.accepted()
  expect(news).toEqual({ status: 'verified', deliveryId: job?.id, operation: { requestId: job?.id, endpoint } })
  const operation = news.status === 'verified' ? (news.operation ?? null) : null
  expect(await provider.look(lookWith(fetch, operation))).toMatchObject({ status: 'done' })
  expect(world.accepted()).toHaveLength(1)
})

test('the account of another key cannot be looked into, and that ends nothing', async () => {
  const { provider, fetch } = await place('none')
  const operation = operationOf(await provider.submit(submitWith(fetch)))
  const stranger = { token: tokenOf('another-id:another-secret') }
  await expect(provider.look(lookWith(fetch, operation, stranger))).rejects.toThrow('404')
  await expect(provider.follow(lookWith(fetch, operation, stranger))).rejects.toThrow('404')
})

test('an account without money may still look', async () => {
  const { world, provider, fetch } = await place('none')
  const operation = operationOf(await provider.submit(submitWith(fetch)))
  world.exhaust('fal', KEY)
  expect(await provider.submit(submitWith(fetch))).toMatchObject({
    status: 'refused',
    kind: 'credits_exhausted',
    scope: 'account',
  })
  const large = { endpoint: 'fal-ai/qwen-image-edit', body: { image_url: inputImage(0) }, files: [fileOf(3_000_000)] }
  expect(await provider.submit(submitWith(fetch, large))).toMatchObject({ kind: 'credits_exhausted', scope: 'account' })
  expect(await lookUntilEnd(provider, fetch, operation)).toMatchObject({ status: 'done' })
  expect(world.accepted()).toHaveLength(1)
})
