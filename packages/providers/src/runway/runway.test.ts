/** The adapter against the simulator: on sockets, without them, and through every scenario. */
import type { InputFile, Model, Output } from '@safelight/core'
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import { runway, runwayModels } from './index.ts'
import { runwaySimulator } from './simulator.ts'

const [gen45] = runwayModels

function stage() {
  const clock = { now: Date.now() }
  const world = createWorld({ simulators: [runwaySimulator], now: () => clock.now, seconds: 20 })
  const caller = callerOf(runway(), simulatedFetch(world))
  return { world, caller, tick: () => (clock.now += 5000), pass: (seconds: number) => (clock.now += seconds * 1000) }
}

const cases = runwayModels.flatMap((model: Model): [string, Model, string[]][] => {
  if (model.kind === 'image') return [[model.id, model, []]]
  const fromPicture: [string, Model, string[]] = [`${model.id} from a picture`, model, ['x']]
  return model.kind === 'video' ? [[model.id, model, []], fromPicture] : [fromPicture]
})

test.each(cases)('%s, without a socket', async (_, model, images) => {
  const { world, caller, tick } = stage()
  const last = await caller.end(await caller.submit(model, images.length > 0 ? { images } : {}), tick)
  if (last.status !== 'done') throw new Error(JSON.stringify(last))
  const file = await simulatedFetch(world)((last.outputs[0] as Output).url ?? '')
  expect(file.headers.get('content-type')).toBe(model.kind === 'video' ? 'video/mp4' : 'image/png')
  expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true, keyEnd: '0001' }])
})

test.each(['', '/v1'])('on a socket, with a base that ends in "%s", and an upload', async end => {
  const world = createWorld({ simulators: [runwaySimulator], seconds: 0.05 })
  const served = await serveSimulators(world)
  const caller = callerOf(runway({ baseUrl: served.baseUrls['RUNWAY_BASE_URL'] + end }), fetch)
  const bytes = 4 * 1024 * 1024
  const file: InputFile = {
    id: 'x',
    contentType: 'image/png',
    bytes,
    open: async () => new Blob([new Uint8Array(bytes)]).stream(),
  }
  const submitted = await caller.submit(gen45, { images: ['x'] }, { files: [file] })
  const last = await caller.end(submitted, () => new Promise(resolve => setImmediate(resolve)))
  if (last.status !== 'done') throw new Error(JSON.stringify(last))
  expect((await fetch((last.outputs[0] as Output).url ?? '')).status).toBe(200)
  expect(
    world
      .books('runway')
      .requests.slice(0, 3)
      .map(({ action, status }) => [action, status]),
  ).toEqual([
    ['upload', 200],
    ['upload', 204],
    ['submit', 200],
  ])
  await served.close()
})

test.each(runwaySimulator.scenarios.map(scenario => [scenario.name, scenario] as const))(
  '%s',
  async (name, scenario) => {
    const { world, caller, tick } = stage()
    const { at, kind, paid } = scenario.expect
    const submitting = caller.submit(gen45, { prompt: `a fox #sim:${name}` })
    if (at === 'submit') {
      if (paid === 'unknown') await expect(submitting).rejects.toThrow('Runway answered 50')
      else expect(await submitting).toMatchObject({ status: 'refused', kind, paid })
      expect(world.accepted()).toEqual([])
      return
    }
    const submitted = await submitting
    const last = await caller.end(submitted, tick)
    if (kind === 'no_output') expect(last).toEqual({ status: 'done', outputs: [] })
    else if (at === 'look' && kind !== 'success') expect(last).toMatchObject({ status: 'failed', kind, paid })
    else expect(last).toMatchObject({ status: 'done', outputs: [{ url: expect.stringContaining('.mp4') as string }] })
    expect(world.accepted()).toMatchObject([{ paid: paid !== 'no' }])
  },
)

test('what has expired is signed anew by another look', async () => {
  const { world, caller, tick, pass } = stage()
  const submitted = await caller.submit(gen45)
  const fetch = simulatedFetch(world)
  if (submitted.status !== 'running') throw new Error('refused')
  const statuses: number[] = []
  const first = await caller.end(submitted, tick)
  const url = first.status === 'done' ? ((first.outputs[0] as Output).url ?? '') : ''
  pass(90_000)
  statuses.push((await fetch(url)).status)
  const again = await caller.look(submitted.operation)
  statuses.push((await fetch(again.status === 'done' ? (again.outputs[0]?.url ?? '') : '')).status)
  expect(statuses).toEqual([403, 200])
})

test('a cancel stops what runs, and leaves what has ended', async () => {
  const { world, caller, pass } = stage()
  const cancel = async () => {
    const submitted = await caller.submit(gen45)
    if (submitted.status !== 'running') throw new Error('refused')
    return submitted.operation
  }
  const [running, ended] = [await cancel(), await cancel()]
  await runway().cancel?.({ ...caller.call, operation: running })
  pass(30)
  await runway().cancel?.({ ...caller.call, operation: ended })
  expect(await caller.look(running)).toMatchObject({ status: 'failed', kind: 'canceled' })
  expect(await caller.look(ended)).toMatchObject({ status: 'done' })
  expect(world.accepted().map(({ outcome }) => outcome)).toEqual(['cancelled', 'succeeded'])
})

test('more than the account may run is taken, and waits', async () => {
  const { world, caller } = stage()
  world.limit('runway', '*', { maxOpen: 1 })
  await caller.submit(gen45)
  const second = await caller.submit(gen45)
  if (second.status !== 'running') throw new Error('refused')
  expect(await caller.look(second.operation)).toMatchObject({ status: 'running', stage: 'queued' })
  world.limit('runway', '*', { perMinute: 1 })
  expect(await caller.submit(gen45)).toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 3 })
})

test('keys and credit of the account', async () => {
  const { world, caller } = stage()
  expect(await runway().check?.(caller.call)).toEqual({
    status: 'accepted',
    balance: { amount: 2500, unit: 'credits' },
  })
  world.exhaust('runway', 'a-key-0001')
  expect(await caller.submit(gen45)).toMatchObject({ kind: 'credits_exhausted', scope: 'account' })
  world.revoke('runway', 'a-key-0001')
  expect(await caller.submit(gen45)).toMatchObject({ kind: 'auth', scope: 'token' })
  expect(await runway().check?.(caller.call)).toEqual({ status: 'refused', kind: 'auth' })
})

test('a lost answer is unknown, and taken once', async () => {
  const { world, caller } = stage()
  world.fault('runway', { on: 'submit', fault: 'lost' })
  await expect(caller.submit(gen45)).rejects.toThrow('fetch failed')
  expect(world.accepted()).toHaveLength(1)
})
