/** What a broken adapter, or a broken mapping, may do to a job: nothing that lasts. */
import { expect, test } from 'vitest'
import { onePixel } from '../test/models.ts'
import type { Job, Progress, Provider, Submitted } from './contracts.ts'
import { createStudio, defineModel, memoryDatabase, type Route } from './index.ts'

const USER = '00000000-0000-4000-8000-000000000001'
const STEP_SECONDS = 31
/** An hour and more: longer than any limit that ends such a job. */
const STEPS = 150

/** Runs one job to its end with a clock that only moves between sweeps. */
async function endOf(provider: Partial<Provider>, body: Route['body'] = ({ prompt }) => ({ prompt })): Promise<Job> {
  let clock = Date.UTC(2026, 0, 1)
  const now = () => clock
  const model = defineModel({ ...onePixel, routes: [{ provider: 'p', endpoint: 'x', body }] })
  const whole: Provider = {
    id: 'p',
    keyless: true,
    recovery: 'idempotent',
    requestTimeoutSeconds: 10,
    submit: async () => ({ status: 'running', operation: 'o' }),
    look: async () => ({ status: 'running' }),
    ...provider,
  }
  const database = memoryDatabase({ now, openingBalance: 3000 })
  const studio = createStudio({ providers: [whole], models: [model], database, now })
  const { id } = await studio.submit({ model: 'm', userId: USER, input: { prompt: 'x' } })
  for (let step = 0; step < STEPS; step++) {
    clock += STEP_SECONDS * 1000
    await studio.sweep()
  }
  expect(await database.ledger.balance(USER), 'the credits are back').toBe(3000)
  return studio.job(id).find()
}

function broken(): never {
  throw new TypeError('a bug')
}

test('a mapping that throws', async () => {
  expect(await endOf({}, broken)).toMatchObject({ state: 'failed', failure: { code: 'submit_unknown' } })
})

test.each([
  ['nothing', undefined],
  ['a word that nobody knows', { status: 'COMPLETED' }],
])('a submit that answers %s', async (_, answer) => {
  const submit = async () => answer as unknown as Submitted
  expect(await endOf({ submit })).toMatchObject({ state: 'failed', failure: { code: 'submit_unknown' } })
})

test.each([
  ['nothing', undefined],
  ['a word that nobody knows', { status: 'COMPLETED' }],
  ['done without a list of outputs', { status: 'done' }],
])('a look that answers %s', async (_, answer) => {
  const look = async () => answer as unknown as Progress
  expect(await endOf({ look })).toMatchObject({ state: 'failed', failure: { code: 'timed_out' } })
})

test.each(['data:image/png;base64,%%%', 'data:image/png,%89PNG', 'data:'])(
  'an output that is no file in its address: %s',
  async url => {
    const look = async (): Promise<Progress> => ({ status: 'done', outputs: [{ url }] })
    expect(await endOf({ look })).toMatchObject({ state: 'failed', failure: { code: 'no_output', paid: 'yes' } })
  },
)
