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

test('a refusal that was held up does not send a job on that has been taken meanwhile', async () => {
  let clock = Date.UTC(2026, 0, 1)
  const now = () => clock
  const database = memoryDatabase({ now, openingBalance: 3000 })
  const answers = ['refused', 'running'] as const
  const submits: string[] = []
  const provider: Provider = {
    id: 'p',
    keyless: true,
    recovery: 'idempotent',
    requestTimeoutSeconds: 10,
    async submit({ attemptId }: SubmitCall) {
      submits.push(attemptId)
      if (answers[submits.length - 1] === 'refused')
        return { status: 'refused', kind: 'rate_limited', scope: 'account', paid: 'no', message: 'Not now' }
      return { status: 'running', operation: 'taken' }
    },
    look: () => Promise.reject(new Error('nobody looks here')),
  }
  // The first process stands still before it writes down that it was refused.
  const { promise: isThere, resolve: arrive } = Promise.withResolvers<void>()
  const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>()
  const slow = {
    ...database.jobs,
    async record(...[attemptId, answer]: Parameters<typeof database.jobs.record>) {
      if (answer.outcome === 'refused') {
        arrive()
        await goesOn
      }
      return database.jobs.record(attemptId, answer)
    },
  }
  const shared = { providers: [provider], models: [defineModel(onePixel)], database, media: memoryMedia(), now }
  const first = createStudio({ ...shared, ports: { jobs: slow } })
  const second = createStudio(shared)
  const { id } = await first.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  await isThere
  clock += 60_000
  expect(await second.job(id).find()).toMatchObject({ state: 'submitting' })
  await second.resume(id)
  goOn()
  await first.close()
  expect(new Set(submits).size).toBe(1)
  expect(await second.job(id).find()).toMatchObject({ state: 'running', operation: 'taken' })
  await second.close()
})

test('a process that stood still before it sent a job sends it no more', async () => {
  let clock = Date.UTC(2026, 0, 1)
  const now = () => clock
  const database = memoryDatabase({ now, openingBalance: 3000 })
  let submits = 0
  const provider: Provider = {
    id: 'p',
    keyless: true,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 10,
    submit: async () => ({ status: 'running', operation: ++submits }),
    look: () => Promise.reject(new Error('there is nothing to look at')),
  }
  const slow = {
    ...database.jobs,
    async begin(...begun: Parameters<typeof database.jobs.begin>) {
      const job = await database.jobs.begin(...begun)
      clock += submits === 0 && begun[1].number === 1 ? 60_000 : 0
      return job
    },
  }
  const options = { providers: [provider], models: [defineModel(onePixel)], database, media: memoryMedia(), now }
  const studio = createStudio({ ...options, ports: { jobs: slow } })
  const { id } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  await studio.close()
  // It knows that it sent nothing: the next attempt may go out.
  const attempts = await database.jobs.attempts(id)
  expect(attempts.map(({ outcome, refusal }) => [outcome, refusal?.kind])).toEqual([['refused', 'unreachable'], ...attempts.slice(1).map(() => expect.anything())]) // prettier-ignore
  expect(submits).toBe(attempts.length - 1)
})
