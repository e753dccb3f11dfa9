/** Parts of the adapter that are loaded with their first use, and cannot be: no paid job is lost by it, and none is paid twice. */
import { createStudio } from '@safelight/core'
import { afterEach, expect, test, vi } from 'vitest'
import { createWorld, simulatedFetch } from '../testing/kit/index.ts'
import { fal } from './index.ts'
import { inputImage } from './inputs.ts'
import { callWith, fileOf, submitWith, tokenOf } from '../../test/fal-calls.ts'
import { falSimulator } from './simulator.ts'

const PARTS = ['./pictures.ts', './status-stream.ts', './webhook.ts'] as const
afterEach(() => {
  for (const part of PARTS) vi.doUnmock(part)
})

function cannotBeLoaded(part: (typeof PARTS)[number]): void {
  vi.doMock(part, () => {
    throw new Error('The line to the file server broke')
  })
}

const fox = { model: 'flux-schnell', input: { prompt: 'a fox' } } as const

test('a job whose line cannot be read is asked after instead', async () => {
  cannotBeLoaded('./status-stream.ts')
  const world = createWorld({ simulators: [falSimulator], seconds: 0.2 })
  const troubles: string[] = []
  const studio = createStudio({
    providers: [fal()],
    tokens: [tokenOf()],
    fetch: simulatedFetch(world),
    onTrouble: (_, { doing }) => troubles.push(doing),
  })
  expect(await studio.generate(fox)).toMatchObject({ state: 'succeeded', media: [{ contentType: 'image/png' }] })
  expect(new Set(troubles)).toEqual(new Set(['following']))
  expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true }])
  const actions = new Set(world.books('fal').requests.map(({ action }) => action))
  expect(actions).toEqual(new Set(['submit', 'look', 'result', 'media']))
  await studio.close()
})

test('a delivery that cannot be verified yet is neither genuine nor forged; delivered again it finds the lost job', async () => {
  cannotBeLoaded('./webhook.ts')
  const deliveries: { headers: Headers; body: Uint8Array }[] = []
  const post: typeof globalThis.fetch = async (_, init) => {
    deliveries.push({ headers: new Headers(init?.headers), body: new TextEncoder().encode(init?.body as string) })
    return new Response(null, { status: 204 })
  }
  const world = createWorld({ simulators: [falSimulator], seconds: 0.01, post })
  const fetch = simulatedFetch(world)
  const provider = fal()
  world.fault('fal', { on: 'submit', fault: 'lost' })
  await expect(provider.submit(submitWith(fetch, { webhookUrl: 'https://app.example/hook' }))).rejects.toThrow()
  await world.idle()
  const [delivery] = deliveries
  const deliver = () =>
    provider.webhook({ ...callWith(fetch), endpoint: 'fal-ai/flux/schnell', now: Date.now(), ...delivery! })
  await expect(deliver()).rejects.toThrow()
  vi.doUnmock('./webhook.ts')
  const [job] = world.accepted()
  expect(await deliver()).toMatchObject({ status: 'verified', operation: { requestId: job?.id } })
  expect(world.accepted()).toHaveLength(1)
})

test('a job whose pictures cannot be sent is refused before it is handed over, and may be tried again', async () => {
  cannotBeLoaded('./pictures.ts')
  const world = createWorld({ simulators: [falSimulator], seconds: 0.01 })
  const provider = fal()
  const order = { endpoint: 'fal-ai/qwen-image-edit', body: { prompt: 'red', image_url: inputImage(0) } }
  const submit = () => provider.submit(submitWith(simulatedFetch(world), { ...order, files: [fileOf(1000)] }))
  expect(await submit()).toMatchObject({ status: 'refused', kind: 'unreachable', scope: 'provider', paid: 'no' })
  expect(world.books('fal').requests).toHaveLength(0)
  vi.doUnmock('./pictures.ts')
  expect(await submit()).toMatchObject({ status: 'running' })
  expect(world.accepted()).toHaveLength(1)
})
