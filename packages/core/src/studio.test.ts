import { expect, expectTypeOf, test, vi } from 'vitest'
import type { Progress, Provider, SubmitCall } from './contracts.ts'
import { createStudio, defineModel, JobFailed, memoryDatabase, memoryMedia, SafelightError } from './index.ts'
import { bookedProvider, PNG, type Script } from './testing/crash/provider.ts'

/** Whose the jobs of an app without people are. */
const nobody = '00000000-0000-4000-8000-000000000000'
const size = { width: 1, height: 1 }
const route = {
  provider: 'p',
  endpoint: 'x',
  body: ({ prompt, images }: { prompt: string; images?: string[] }) => ({ prompt, images: images ?? [] }),
}
const image = defineModel({
  id: 'image',
  name: 'Image',
  kind: 'image',
  description: '',
  sizes: { square: size },
  maxCount: 3,
  timeoutSeconds: 5,
  routes: [route],
})
const edit = defineModel({
  id: 'edit',
  name: 'Edit',
  kind: 'edit',
  description: '',
  sizes: { square: size },
  images: { required: true, maxCount: 1 },
  timeoutSeconds: 5,
  routes: [route],
})

function provider(script: Partial<Script> = {}) {
  const booked = bookedProvider('p', { recovery: 'idempotent', seconds: 0.2, ...script }, Date.now)
  return { ...booked, models: [image, edit] as const }
}
const fox = { model: 'image', input: { prompt: 'a fox' } } as const

test('a picture, with nothing but a provider', async () => {
  const studio = createStudio({ providers: [provider()] })
  const job = await studio.generate(fox)
  expect(job.state).toBe('succeeded')
  expect(await job.media[0].read()).toEqual(PNG)
  expect(job.media[0]).toMatchObject({ contentType: 'image/png', width: 1, height: 1 })
})

test('inputs are typed by the model', () => {
  const studio = createStudio({ providers: [provider()] })
  type Request = Parameters<typeof studio.submit>[0]
  expectTypeOf<{ model: 'image'; input: { prompt: string; size: 'square' } }>().toExtend<Request>()
  expectTypeOf<{ model: 'image'; input: { prompt: string; size: 'portrait' } }>().not.toExtend<Request>()
  expectTypeOf<{ model: 'edit'; input: { prompt: string } }>().not.toExtend<Request>()
  expectTypeOf<{ model: 'other'; input: { prompt: string } }>().not.toExtend<Request>()
})

test('events show every change once, and end with the end', async () => {
  const studio = createStudio({ providers: [provider({ seconds: 1 })] })
  const { id } = await studio.submit(fox)
  const seen: { state: string; revision: number }[] = []
  for await (const { state, revision } of studio.job(id).events()) seen.push({ state, revision })
  expect(seen.at(-1)?.state).toBe('succeeded')
  const revisions = seen.map(({ revision }) => revision)
  expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b))
})

test('a job goes on elsewhere: another studio over the same database, from what toJSON says', async () => {
  const shared = { database: memoryDatabase({ openingBalance: 3000 }), media: memoryMedia(), providers: [provider()] }
  const submitted = await createStudio(shared).submit(fox)
  const reference: { jobId: string } = JSON.parse(JSON.stringify(submitted))
  const job = await createStudio(shared).job(reference).result()
  expect(job.state).toBe('succeeded')
  expect(await shared.database.ledger.balance(nobody)).toBe(2500)
})

test('the same key is the same job, and costs once', async () => {
  const database = memoryDatabase({ openingBalance: 3000 })
  const studio = createStudio({ database, providers: [provider()] })
  const request = { ...fox, idempotencyKey: 'k' }
  const all = await Promise.all(Array.from({ length: 20 }, () => studio.submit(request)))
  expect(new Set(all.map(({ id }) => id)).size).toBe(1)
  expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1)
  await expect(studio.submit({ ...request, input: { prompt: 'a cat' } })).rejects.toMatchObject({
    code: 'idempotency_conflict',
  })
  await all[0]!.result()
  expect(await database.ledger.balance(nobody)).toBe(2500)
})

test('a failure throws JobFailed, with what came back and what it cost', async () => {
  const studio = createStudio({ providers: [provider({ fails: { kind: 'provider_error', paid: 'yes' } })] })
  const failure: unknown = await studio.generate(fox).catch((error: unknown) => error)
  expect(JobFailed.is(failure)).toBe(true)
  expect(failure).toMatchObject({ code: 'provider_failed', refundedCredits: 500, paid: 'yes' })
})

test('aborting generate cancels at the provider and gives the credits back', async () => {
  const database = memoryDatabase({ openingBalance: 3000 })
  const slow = provider({ seconds: 1000 })
  const studio = createStudio({ database, providers: [slow] })
  const controller = new AbortController()
  const waiting = studio.generate(fox, { signal: controller.signal })
  const stop = studio.watch(({ state }) => state === 'running' && controller.abort(new Error('changed my mind')))
  await expect(waiting).rejects.toThrow('changed my mind')
  stop()
  await vi.waitFor(async () => expect(await database.ledger.balance(nobody)).toBe(3000), { interval: 1 })
  expect(slow.accepted).toMatchObject([{ canceled: true }])
})

test('a job that was aborted before it was admitted is never handed over, and its credits come back', async () => {
  const database = memoryDatabase({ openingBalance: 3000 })
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { admit } = database
  database.admit = async admission => {
    reach()
    await opened
    return admit!(admission)
  }
  const slow = provider({ seconds: 1000 })
  const submit = vi.fn<Provider['submit']>(slow.submit)
  const studio = createStudio({ database, providers: [{ ...slow, submit }] })
  const canceled = new Promise<void>(resolve => studio.watch(({ state }) => state === 'canceled' && resolve()))
  const controller = new AbortController()
  const waiting = studio.generate(fox, { signal: controller.signal })
  await reached
  controller.abort(new Error('changed my mind'))
  await expect(waiting).rejects.toThrow('changed my mind')
  open()
  await canceled
  await studio.close()
  expect(submit).not.toHaveBeenCalled()
  expect(await database.ledger.balance(nobody)).toBe(3000)
})

test('an app without people cancels as often as it likes', async () => {
  const slow = provider({ seconds: 1000 })
  const studio = createStudio({ providers: [slow] })
  for (let count = 0; count < 12; count++) {
    const { id } = await studio.submit(fox)
    for await (const { state } of studio.job(id).events()) if (state === 'running') break
    expect(await studio.cancel(id)).toMatchObject({ state: 'canceled' })
  }
})

test.each(['admission', 'submit', 'look', 'cancel'])('an abort is heard at once, whatever hangs: %s', async phase => {
  const never = () => new Promise<never>(() => undefined)
  const slow = provider({ seconds: 1000 })
  const hung = { ...slow, ...(phase === 'admission' ? {} : { [phase]: never }) }
  const database = memoryDatabase({ openingBalance: 3000 })
  if (phase === 'admission') database.admit = never
  const studio = createStudio({ database, providers: [hung] })
  const controller = new AbortController()
  const waiting = studio.generate(fox, { signal: controller.signal })
  const reached = { admission: null, submit: 'submitting', look: 'running', cancel: 'running' }[phase]
  if (reached) await new Promise<void>(resolve => studio.watch(({ state }) => state === reached && resolve()))
  const { promise: rejected, resolve } = Promise.withResolvers<number>()
  waiting.catch(() => resolve(performance.now()))
  const abortedAt = performance.now()
  controller.abort()
  // The event loop has nothing else to do: what is not prompt here waits for a timer or for a call.
  expect((await rejected) - abortedAt).toBeLessThan(500)
})

test('a refusal is told at once, and another provider is asked at once', async () => {
  const content = provider({ refuse: { times: 1, kind: 'content_policy', scope: 'request' } })
  const startedAt = performance.now()
  const failure = await createStudio({ providers: [content] })
    .generate(fox)
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'content_policy', paid: 'no' })
  const unpaid = provider({ refuse: { times: 1, kind: 'credits_exhausted', scope: 'account' } })
  const other = { ...bookedProvider('q', { recovery: 'idempotent', seconds: 0.1 }, Date.now), models: [] }
  const models = [{ ...image, routes: [route, { ...route, provider: 'q' }] }] as const
  const job = await createStudio({ providers: [unpaid, other], models }).generate(fox)
  expect(job.attempt).toMatchObject({ provider: 'q', number: 2 })
  // Far below a lease of thirty seconds, which is what an unfinished step would wait for.
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})

test('only so many running jobs are canceled in a day', async () => {
  const database = memoryDatabase({ openingBalance: 3000, settings: { freeCancelsPerDay: 1 } })
  const studio = createStudio({ database, providers: [provider({ seconds: 1000 })] })
  const running = async () => {
    const { id } = await studio.submit(fox)
    for await (const { state } of studio.job(id).events()) if (state === 'running') return studio.job(id)
    throw new Error('never ran')
  }
  expect(await (await running()).cancel()).toMatchObject({ state: 'canceled' })
  await expect((await running()).cancel()).rejects.toMatchObject({ code: 'cancel_limit' })
})

test('the worker loop brings jobs of others to their end, and stops when told', async () => {
  const shared = { database: memoryDatabase({ openingBalance: 3000 }), providers: [provider()] }
  const controller = new AbortController()
  const studio = createStudio(shared)
  const working = studio.work({ signal: controller.signal })
  const done = Promise.withResolvers<void>()
  studio.watch(({ state }) => state === 'succeeded' && done.resolve())
  await studio.submit(fox)
  await done.promise
  controller.abort()
  await working
  expect((await studio.list({ limit: 1 })).items).toMatchObject([{ state: 'succeeded' }])
})

test('an edit gets the bytes of the file that its user uploaded, and nobody else may use it', async () => {
  const given: Uint8Array[] = []
  const { submit, ...rest } = provider()
  const curious = {
    ...rest,
    async submit(call: SubmitCall) {
      for (const file of call.files) given.push(new Uint8Array(await new Response(await file.open()).arrayBuffer()))
      return submit(call)
    },
  }
  const studio = createStudio({ providers: [curious] })
  const { id } = await studio.upload({ userId: 'ann', source: PNG })
  const request = { model: 'edit', input: { prompt: 'night', images: [id] } } as const
  await studio.generate({ ...request, userId: 'ann' })
  expect(given).toEqual([PNG])
  await expect(studio.submit({ ...request, userId: 'bob' })).rejects.toMatchObject({
    code: 'invalid_input',
    details: { fields: [{ path: 'input.images.0' }] },
  })
})

test('an output whose bytes are in its address goes to the store, and into no row', async () => {
  const booked = provider()
  const url = `data:image/png;base64,${btoa(String.fromCharCode(...PNG))}`
  const inline: Provider & { models: readonly [typeof image] } = {
    ...booked,
    models: [image],
    look: async () => ({ status: 'done', outputs: [{ url, contentType: 'image/png' }] }),
  }
  const studio = createStudio({ providers: [inline], fetch: () => Promise.reject(new Error('nothing is fetched')) })
  const rows: string[] = []
  studio.watch(job => rows.push(JSON.stringify(job)))
  const job = await studio.generate(fox)
  expect(await job.media[0].read()).toEqual(PNG)
  expect(rows.length).toBeGreaterThan(2)
  expect(rows.join()).not.toContain('data:')
})

test('somebody else has no such job', async () => {
  const studio = createStudio({ providers: [provider()] })
  const { id } = await studio.submit({ ...fox, userId: 'ann' })
  await expect(studio.cancel(id, { userId: 'bob' })).rejects.toMatchObject({ code: 'not_found' })
})

test('an adapter that never answers and ignores its signal holds nobody up', async () => {
  const hung: Provider & { models: readonly [typeof image] } = {
    id: 'p',
    keyless: true,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 0.1,
    models: [image],
    submit: () => new Promise(() => undefined),
    look: () => new Promise<Progress>(() => undefined),
  }
  const studio = createStudio({ providers: [hung] })
  await expect(studio.generate(fox)).rejects.toMatchObject({ code: 'submit_unknown', paid: 'unknown' })
}, 20_000)

test('an unknown model names those that there are; a model nobody can make is refused', async () => {
  const studio = createStudio({ providers: [], models: [image] })
  // @ts-expect-error not a model
  await expect(studio.submit({ model: 'flux', input: { prompt: 'x' } })).rejects.toThrow(/flux.*image/)
  await expect(studio.submit(fox)).rejects.toMatchObject({ code: 'no_capacity' })
})

test('errors are known across copies of the package', () => {
  const foreign = Object.assign(new Error('x'), { [Symbol.for('safelight.error')]: true, code: 'gone' })
  expect(SafelightError.is(foreign, 'gone')).toBe(true)
  expect(SafelightError.is(new Error('x'))).toBe(false)
})
