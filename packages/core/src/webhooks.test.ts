/** What a delivery may do: wake a job, and name a lost submit; once. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { Provider, Submitted } from './contracts.ts'
import { createStudio, defineModel, memoryDatabase } from './index.ts'

const USER = '00000000-0000-4000-8000-000000000001'

/** A job with this provider, and a clock that stands until it is told to go. */
async function started(submit: () => Promise<Submitted>) {
  const clock = { now: Date.UTC(2026, 0, 1) }
  const calls = { looks: 0 }
  const provider: Provider = {
    id: 'p',
    keyless: true,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 10,
    submit,
    async look() {
      calls.looks++
      return { status: 'running' }
    },
    webhook: async ({ body }) => {
      const [deliveryId = '', operation = ''] = new TextDecoder().decode(body).split(' ')
      if (deliveryId === 'forged') return { status: 'forged' }
      return { status: 'verified', deliveryId, ...(operation && { operation }) }
    },
  }
  const database = memoryDatabase({ now: () => clock.now, openingBalance: 3000 })
  const studio = createStudio({
    providers: [provider],
    models: [defineModel({ ...onePixel, timeoutSeconds: 3600 })],
    database,
    now: () => clock.now,
    webhookUrl: ({ attemptId }) => `https://us.example/${attemptId}`,
  })
  const { id: jobId } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  // Nothing is under way any more: what comes now comes from outside.
  const settled = () => new Promise(resolve => setTimeout(resolve, 5))
  await settled()
  const [attempt] = await database.jobs.attempts(jobId)
  const deliver = async (body: string, change: { provider?: string; attemptId?: string } = {}) => {
    const delivery = { provider: 'p', jobId, attemptId: attempt!.id, headers: new Headers(), ...change }
    await studio.webhook({ ...delivery, body: new TextEncoder().encode(body) })
    await settled()
  }
  const job = () => database.jobs.find(jobId)
  return { clock, calls, studio, deliver, job, attempts: () => database.jobs.attempts(jobId) }
}

const lost = () => Promise.reject(new Error('the line was cut'))
const taken = async (): Promise<Submitted> => ({ status: 'running', operation: 'op' })

test('wakes a running job; the same delivery again does nothing', async () => {
  const { clock, calls, deliver } = await started(taken)
  clock.now += 2000
  await deliver('d1')
  expect(calls.looks).toBe(1)
  await deliver('d1')
  expect(calls.looks).toBe(1)
  await deliver('d2')
  expect(calls.looks).toBe(2)
})

test('names a lost submit, once: another name later changes nothing', async () => {
  const { deliver, job, attempts } = await started(lost)
  expect(await job()).toMatchObject({ state: 'submitting', operation: null })
  await deliver('d1 op')
  expect(await job()).toMatchObject({ state: 'running', operation: 'op' })
  await deliver('d2 another')
  expect(await job()).toMatchObject({ state: 'running', operation: 'op' })
  expect(await attempts()).toMatchObject([{ operation: 'op', outcome: 'accepted' }])
})

test('a job that was named just now is looked at half a second later, by whoever comes by', async () => {
  const { clock, calls, studio, deliver } = await started(lost)
  await deliver('d1 op')
  expect(calls.looks).toBe(0)
  await studio.sweep()
  clock.now += 600
  await studio.sweep()
  await studio.close()
  expect(calls.looks).toBe(1)
})

test('forged, or about something else, it is refused and changes nothing', async () => {
  const { deliver, job } = await started(lost)
  await expect(deliver('forged op')).rejects.toMatchObject({ code: 'bad_signature' })
  await expect(deliver('d1 op', { attemptId: crypto.randomUUID() })).rejects.toMatchObject({ code: 'not_found' })
  await expect(deliver('d1 op', { provider: 'q' })).rejects.toMatchObject({ code: 'not_found' })
  expect(await job()).toMatchObject({ state: 'submitting', operation: null })
})
