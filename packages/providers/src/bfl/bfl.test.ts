/** The adapter against the simulator: on sockets, without them, through every scenario, and with deliveries. */
import { expect, test } from 'vitest'
import { callerOf } from '../../test/caller.ts'
import { createWorld, serveSimulators, simulatedFetch } from '../testing/kit/index.ts'
import { bfl, bflModels } from './index.ts'
import { bflSimulator } from './simulator.ts'
import { isSigned } from './webhooks.ts'
import { bflVector } from '../../test/bfl-webhook-vector.ts'

const [flux2Pro] = bflModels

function stage({ secret = 'a-key-0001', post }: { secret?: string; post?: typeof fetch } = {}) {
  const clock = { now: Date.now() }
  const world = createWorld({ simulators: [bflSimulator], now: () => clock.now, seconds: 4, ...(post ? { post } : {}) })
  const caller = callerOf(bfl(), simulatedFetch(world), { secret })
  return { world, caller, clock, tick: () => (clock.now += 1000) }
}

test.each(bflModels.map(model => [model.id, model] as const))('%s, without a socket', async (_, model) => {
  const { world, caller, tick } = stage()
  const last = await caller.end(await caller.submit(model), tick)
  if (last.status !== 'done') throw new Error(JSON.stringify(last))
  const [output] = last.outputs
  const file = await simulatedFetch(world)((output as { url: string }).url)
  expect(file.headers.get('content-type')).toBe(model.kind === 'video' ? 'video/mp4' : 'image/png')
  expect(world.accepted()).toMatchObject([{ outcome: 'succeeded', paid: true, keyEnd: '0001' }])
  expect(world.books('bfl').requests.map(({ action }) => action)).toEqual(expect.arrayContaining(['submit', 'look']))
})

test.each(['', '/v1', '/'])('on a socket, with a base that ends in "%s"', async end => {
  const world = createWorld({ simulators: [bflSimulator], seconds: 0.05 })
  const served = await serveSimulators(world)
  const caller = callerOf(bfl({ baseUrl: served.baseUrls['BFL_BASE_URL'] + end }), fetch)
  const submitted = await caller.submit(flux2Pro)
  const last = await caller.end(submitted, () => new Promise(resolve => setImmediate(resolve)))
  if (last.status !== 'done') throw new Error(JSON.stringify(last))
  expect((await fetch((last.outputs[0] as { url: string }).url)).status).toBe(200)
  expect(world.accepted()).toHaveLength(1)
  await served.close()
})

test.each(bflSimulator.scenarios.map(scenario => [scenario.name, scenario] as const))('%s', async (name, scenario) => {
  const { world, caller, tick } = stage()
  const { at, kind, paid } = scenario.expect
  const submitting = caller.submit(flux2Pro, { prompt: `a fox #sim:${name}` })
  if (at === 'submit') {
    if (paid === 'unknown') await expect(submitting).rejects.toThrow('BFL answered 5')
    else expect(await submitting).toMatchObject({ status: 'refused', kind, paid })
    expect(world.accepted()).toEqual([])
    return
  }
  const last = await caller.end(await submitting, tick)
  if (kind === 'no_output' && at === 'look') expect(last).toEqual({ status: 'done', outputs: [] })
  else if (at === 'look' && kind !== 'success') expect(last).toMatchObject({ status: 'failed', kind, paid })
  else expect(last).toMatchObject({ status: 'done', outputs: [{ url: expect.stringContaining('delivery') as string }] })
  if (at === 'media' && last.status === 'done') {
    const [output] = last.outputs
    expect((await simulatedFetch(world)((output as { url: string }).url)).status).toBe(403)
  }
  expect(world.accepted()).toMatchObject([{ paid: paid !== 'no' }])
})

test('keys, credit and open tasks of the account', async () => {
  const { world, caller } = stage()
  world.limit('bfl', '*', { maxOpen: 1 })
  expect(await caller.submit(flux2Pro)).toMatchObject({ status: 'running' })
  expect(await caller.submit(flux2Pro)).toMatchObject({ kind: 'concurrency', retryAfterSeconds: 1 })
  world.exhaust('bfl', 'a-key-0001')
  expect(await caller.submit(flux2Pro)).toMatchObject({ kind: 'credits_exhausted' })
  expect(await bfl().check?.(caller.call)).toMatchObject({ kind: 'credits_exhausted' })
  world.revoke('bfl', 'a-key-0001')
  expect(await caller.submit(flux2Pro)).toMatchObject({ kind: 'auth', scope: 'token' })
  expect(world.accepted()).toHaveLength(1)
})

test('a lost answer is unknown, and taken once', async () => {
  const { world, caller } = stage()
  world.fault('bfl', { on: 'submit', fault: 'lost' })
  await expect(caller.submit(flux2Pro)).rejects.toThrow('fetch failed')
  world.fault('bfl', { on: 'submit', fault: 'malformed' })
  await expect(caller.submit(flux2Pro)).rejects.toThrow('BFL answered 200')
  expect(world.accepted()).toHaveLength(2)
})

test('a redirect is not followed, and the key stays', async () => {
  const { world, caller } = stage()
  const submitted = await caller.submit(flux2Pro)
  world.fault('bfl', { on: 'look', fault: 'redirect', to: 'https://evil.example/' })
  if (submitted.status !== 'running') throw new Error('refused')
  await expect(caller.look(submitted.operation)).rejects.toThrow('BFL answered a look with 302')
})

const webhookUrl = 'https://us.example/webhooks/bfl/x/y'

test('deliveries: believed once they are signed with the secret of this attempt', async () => {
  const { world, caller, clock } = stage({ post: async () => new Response(null, { status: 204 }) })
  world.next('bfl', { seconds: 0 })
  const submitted = await caller.submit(flux2Pro, {}, { webhookUrl })
  await world.idle()
  const [delivery] = world.deliveries('bfl')
  if (!delivery || submitted.status !== 'running') throw new Error('nothing came')
  const { id } = submitted.operation as { id: string }
  expect(delivery.url).toBe(webhookUrl)
  expect(await caller.deliver(delivery, 'flux-2-pro', clock.now)).toEqual({
    status: 'verified',
    deliveryId: `${id} Ready`,
    operation: { id, pollingUrl: null },
  })
  const forged = { ...delivery, body: `${delivery.body} ` }
  expect(await caller.deliver(forged, 'flux-2-pro', clock.now)).toEqual({ status: 'forged' })
  expect(await caller.deliver({ ...delivery, headers: {} }, 'flux-2-pro', clock.now)).toEqual({ status: 'forged' })
  expect(await caller.deliver(delivery, 'flux-2-pro', clock.now + 301_000)).toEqual({ status: 'forged' })
  const other = callerOf(bfl(), fetch, { attemptId: 'another' })
  expect(await other.deliver(delivery, 'flux-2-pro', clock.now)).toEqual({ status: 'forged' })
})

test('the published form of a signature', async () => {
  const body = new TextEncoder().encode(bflVector.body)
  expect(await isSigned(body, bflVector.signature, bflVector.secret)).toBe(true)
  expect(await isSigned(body, bflVector.signature.replace('76', '77'), bflVector.secret)).toBe(false)
  expect(await isSigned(body, bflVector.signature.slice(7), bflVector.secret)).toBe(false)
  expect(await isSigned(body, null, bflVector.secret)).toBe(false)
})

test('a secret says nothing of the key, and plain addresses are not given to the vendor', async () => {
  const sent: string[] = []
  const keep: typeof fetch = async (_, init) => (sent.push(init?.body as string), Response.json({ id: 'a' }))
  const caller = callerOf(bfl(), keep, { secret: 'bfl_very-secret' })
  await caller.submit(flux2Pro, {}, { webhookUrl })
  await caller.submit(flux2Pro, {}, { webhookUrl: 'http://us.example/x' })
  expect(JSON.parse(sent[0] ?? '')).toMatchObject({
    webhook_url: webhookUrl,
    webhook_secret: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  })
  expect(sent[0]).not.toContain('very-secret')
  expect(sent[1]).not.toContain('webhook')
})
