/** A crash between the files of one answer: what a provider can hand out again is not given up. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { Provider, SubmitCall } from './contracts.ts'
import { createStudio, defineModel, memoryDatabase, memoryMedia } from './index.ts'
import { PNG } from './testing/crash/provider.ts'

const USER = '00000000-0000-4000-8000-000000000001'
const bytes = () => new Blob([PNG]).stream()

test.each([
  ['idempotent', 3],
  ['atMostOnce', 1],
] as const)('one of three files was kept, %s: %i delivered, the rest refunded', async (recovery, delivered) => {
  let clock = Date.UTC(2026, 0, 1)
  const now = () => clock
  const media = memoryMedia()
  const database = memoryDatabase({ now, openingBalance: 3000 })
  let submits = 0
  const provider: Provider = {
    id: 'p',
    keyless: true,
    recovery,
    requestTimeoutSeconds: 10,
    async submit({ attemptId }: SubmitCall) {
      if (++submits > 1) return { status: 'done', outputs: [1, 2, 3].map(() => ({ bytes: bytes() })) }
      const { items } = await database.jobs.list({ userId: USER, limit: 1 })
      await media.save(`${items[0]!.id}/${attemptId}/0`, bytes(), { maxBytes: 1e6 })
      throw new Error('the process died here')
    },
    look: () => Promise.reject(new Error('there is nothing to look at')),
  }
  const model = defineModel({ ...onePixel, maxCount: 3 })
  const studio = createStudio({ providers: [provider], models: [model], database, media, now })
  const { id } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x', count: 3 } })
  // The step that began with the request has to end before time passes.
  await studio.close()
  for (let step = 0; step < 20; step++) {
    clock += 31_000
    await studio.sweep()
  }
  const job = await studio.job(id).find()
  expect(job).toMatchObject({ state: 'succeeded', refundedCredits: 500 * (3 - delivered) })
  expect(job.media).toHaveLength(delivered)
})
