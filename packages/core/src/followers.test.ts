import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { LookCall, Progress, Provider } from './contracts.ts'
import { createStudio, defineModel } from './index.ts'
import { bookedProvider } from './testing/crash/provider.ts'

const model = defineModel({ ...onePixel, timeoutSeconds: 20 })
const request = { model: 'm', input: { prompt: 'a fox' } } as const

type Follow = NonNullable<Provider['follow']>

function pushing(
  seconds: number,
  follow: (look: () => Promise<Progress>, call: Parameters<Follow>[0]) => Promise<Progress>,
) {
  const booked = bookedProvider('p', { recovery: 'atMostOnce', seconds }, Date.now)
  const calls = { looks: 0, follows: 0 }
  const provider = {
    ...booked,
    models: [model] as const,
    async look(call: LookCall) {
      calls.looks++
      return booked.look(call)
    },
    follow(call: Parameters<Follow>[0]) {
      calls.follows++
      return follow(() => booked.look(call), call)
    },
  }
  return { provider, calls, booked }
}

const afterwards = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000))

test('where a provider pushes, nobody asks: one line from acceptance to the end', async () => {
  const { provider, calls } = pushing(0.3, async (look, { tell }) => {
    tell({ status: 'running', stage: 'queued', queuePosition: 2, fraction: null })
    tell({ status: 'running', stage: 'painting', fraction: 0.5 })
    await afterwards(0.31)
    return look()
  })
  const troubles: unknown[] = []
  const studio = createStudio({ providers: [provider], onTrouble: error => troubles.push(error) })
  const stages: unknown[] = []
  studio.watch(({ progress }) => progress && stages.push([progress.stage, progress.queuePosition, progress.fraction]))
  const job = await studio.generate(request)
  expect(job.state).toBe('succeeded')
  expect(troubles).toEqual([])
  expect(calls).toEqual({ looks: 0, follows: 1 })
  expect(stages).toContainEqual(['queued', 2, null])
  expect(stages).toContainEqual(['painting', null, 0.5])
  await studio.close()
})

test('a line that is cut costs nothing: the job is looked at as usual', async () => {
  const troubles: string[] = []
  const { provider, calls, booked } = pushing(0.6, () => Promise.reject(new Error('cut')))
  const studio = createStudio({ providers: [provider], onTrouble: (_, { doing }) => troubles.push(doing) })
  const job = await studio.generate(request)
  expect(job.state).toBe('succeeded')
  expect(calls.follows).toBe(2)
  expect(calls.looks).toBeGreaterThan(0)
  expect(troubles).toEqual(['following', 'following'])
  expect(booked.accepted).toHaveLength(1)
  await studio.close()
})

test('a line that ends without the last word leaves the job running', async () => {
  const { provider, calls } = pushing(0.6, async look => look())
  const studio = createStudio({ providers: [provider] })
  expect((await studio.generate(request)).state).toBe('succeeded')
  expect(calls.follows).toBeGreaterThan(1)
  await studio.close()
})

test('cancel hangs up, and so does the end of the process, which hands the job back', async () => {
  const signals: AbortSignal[] = []
  const { provider } = pushing(1000, (_, { signal }) => {
    signals.push(signal)
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    )
  })
  const studio = createStudio({ providers: [provider] })
  const running = async () => {
    const { id } = await studio.submit(request)
    for await (const { state } of studio.job(id).events()) if (state === 'running') break
    await studio.resume(id)
    return id
  }
  const canceled = await running()
  expect(signals[0]?.aborted).toBe(false)
  expect(await studio.cancel(canceled)).toMatchObject({ state: 'canceled' })
  expect(signals[0]?.aborted).toBe(true)

  const open = await running()
  await studio.close()
  expect(signals[1]?.aborted).toBe(true)
  const job = await studio.database.jobs.find(open)
  expect(job).toMatchObject({ state: 'running' })
  expect(job!.wakeAt).toBeLessThanOrEqual(Date.now())
})
