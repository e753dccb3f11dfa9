/** When copying goes on failing. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import { createStudio, defineModel, memoryDatabase } from './index.ts'
import { bookedProvider } from './testing/crash/provider.ts'

const USER = '00000000-0000-4000-8000-000000000001'
const model = defineModel({ ...onePixel })

test('a provider that renews addresses is asked once for each try, and not for ever', async () => {
  let now = Date.UTC(2026, 0, 1)
  const booked = bookedProvider('p', { recovery: 'atMostOnce', seconds: 1 }, () => now)
  let looks = 0
  const renewing = {
    ...booked,
    reissuesOutputs: true,
    async look(call: Parameters<typeof booked.look>[0]) {
      looks++
      return booked.look(call)
    },
    download: () => Promise.reject(new Error('the CDN is down')),
  }
  const database = memoryDatabase({ now: () => now, openingBalance: 3000 })
  const studio = createStudio({ providers: [renewing], models: [model], database, now: () => now, transferRetries: 0 })
  const { id } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  for (let minute = 0; minute < 60; minute++) {
    now += 60_000
    await studio.sweep()
  }
  expect((await studio.job(id).find()).state).toBe('storing')
  // One for the news that it is done, and one for each try.
  expect(looks).toBeLessThanOrEqual(61)
  for (let hour = 0; hour < 48; hour++) {
    now += 3_600_000
    await studio.sweep()
  }
  expect(await studio.job(id).find()).toMatchObject({
    state: 'failed',
    failure: { code: 'storage_failed', paid: 'yes' },
  })
  expect(await database.ledger.balance(USER)).toBe(3000)
})

test('an address that stays closed is given up after ten minutes, however long the provider keeps its file', async () => {
  let now = Date.UTC(2026, 0, 1)
  const booked = bookedProvider('p', { recovery: 'atMostOnce', seconds: 1, keepsSeconds: 7 * 86_400 }, () => now)
  const { download: _, ...closed } = booked
  const database = memoryDatabase({ now: () => now, openingBalance: 3000 })
  const fetch = async () => new Response('no', { status: 403 })
  const studio = createStudio({ providers: [closed], models: [model], database, now: () => now, fetch })
  const { id } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  const after = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      now += 60_000
      await studio.sweep()
    }
    await studio.close()
    return studio.job(id).find()
  }
  expect((await after(8)).state).toBe('storing')
  expect(await after(8)).toMatchObject({ state: 'failed', failure: { code: 'storage_failed' } })
  expect(await database.ledger.balance(USER)).toBe(3000)
})
