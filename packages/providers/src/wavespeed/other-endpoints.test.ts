/** The rest of the simulated API: what the command line and the docs page speak of. */
import { at, listAt, textAt } from '@safelight/core/adapter'
import { expect, test } from 'vitest'
import { bench, lookCall, submit, type Bench } from '../../test/wavespeed-calls.ts'
import { wavespeedModels } from './models.ts'

const headers = { authorization: 'Bearer ws-sentinel-key' }
const ask = async ({ fetch }: Bench, path: string, body?: object): Promise<unknown> => {
  const init = body ? { method: 'POST', body: JSON.stringify(body), headers } : { headers }
  const answer = await fetch(`https://api.wavespeed.ai/api/v3${path}`, init)
  return { status: answer.status, ...((await answer.json()) as object) }
}

test('the list of models has a schema for every endpoint that is routed to', async () => {
  const list = listAt(await ask(bench(), '/models'), 'data')
  for (const { endpoint } of wavespeedModels.flatMap(({ routes }) => [...routes])) {
    const entry = list.find(each => at(each, 'model_id') === endpoint)
    expect(at(entry, 'api_schema', 'api_schemas', 0)).toMatchObject({
      type: 'model_run',
      method: 'POST',
      api_path: `/api/v3/${endpoint}`,
      request_schema: { type: 'object', properties: { prompt: { type: 'string' } } },
    })
  }
})

test('prices', async () => {
  const pricing = (model_id: string, inputs: object) => ask(bench(), '/model/pricing', { model_id, inputs })
  expect(await pricing('wavespeed-ai/flux-dev', { num_images: 2 })).toMatchObject({
    code: 200,
    data: { model_id: 'wavespeed-ai/flux-dev', unit_price: 0.024, currency: 'USD' },
  })
  expect(await pricing('kwaivgi/kling-v3.0-std/text-to-video', { duration: 10 })).toMatchObject({
    data: { unit_price: 0.84 },
  })
  expect(await pricing('nobody/nothing', {})).toMatchObject({ status: 404, code: 404 })
})

test('the history names no mark of ours: two equal tasks cannot be told apart', async () => {
  const desk = bench()
  await submit(desk, { webhookUrl: 'https://me.example/attempt-1' })
  await submit(desk, { webhookUrl: 'https://me.example/attempt-2' })
  const items = listAt(await ask(desk, '/predictions', { include_inputs: true }), 'data', 'items')
  expect(items).toHaveLength(2)
  expect(JSON.stringify(items)).not.toContain('attempt')
  expect(at(items[0], 'input')).toEqual(at(items[1], 'input'))
})

test('the history of a model, of a state, in pages, of one account', async () => {
  const desk = bench({ seconds: 60 })
  await submit(desk)
  desk.pass(61_000)
  await submit(desk, { endpoint: 'wavespeed-ai/flux-dev' })
  const count = async (query: object) => listAt(await ask(desk, '/predictions', query), 'data', 'items').length
  expect(await count({})).toBe(2)
  expect(await count({ model: 'wavespeed-ai/flux-dev' })).toBe(1)
  expect(await count({ status: 'completed' })).toBe(1)
  expect(await count({ page: 2, page_size: 1 })).toBe(1)
  expect(await count({ page: 3, page_size: 1 })).toBe(0)
  expect(await count({ created_after: new Date(Date.now() + 30_000).toISOString() })).toBe(1)
})

test('a deleted task says so, and is over', async () => {
  const desk = bench({ seconds: 60 })
  const submitted = await submit(desk)
  const id = textAt(submitted, 'operation', 'id')!
  await ask(desk, '/predictions/delete', { ids: [id, 'another'] })
  expect(await desk.provider.look(lookCall(desk.fetch, submitted))).toMatchObject({
    status: 'failed',
    kind: 'canceled',
  })
})

test('a task of another account is not there', async () => {
  const desk = bench()
  const submitted = await submit(desk)
  const id = textAt(submitted, 'operation', 'id')!
  const stranger = await desk.fetch(`https://api.wavespeed.ai/api/v3/predictions/${id}/result`, {
    headers: { authorization: 'Bearer another' },
  })
  expect(stranger.status).toBe(404)
})
