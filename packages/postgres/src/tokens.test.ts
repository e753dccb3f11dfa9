import { rulesOf } from '@safelight/core/token-pool'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { letTimePass } from './testing/harness.ts'

let engine: Engine
let driver: SqlDriver
beforeAll(async () => {
  engine = await ENGINES.postgres()
  driver = await engine.open()
})
afterAll(async () => {
  await driver.close()
  await engine.close()
})

const newCandidate = (change: object = {}) => {
  const [provider, account] = [randomUUID(), randomUUID()]
  return { provider, endpoint: 'e', token: account, account, maxOpen: null, ...change }
}
const aboutIt = ({ provider, token, account }: ReturnType<typeof newCandidate>) => {
  return { provider, token, account, lane: 'image', model: 'm', attemptId: randomUUID() } as const
}

test('the numbers in the SQL are those of the rules', async () => {
  const [functions] = await driver.query(
    `select string_agg(pg_get_functiondef(oid), '') as text from pg_proc where proname in ('choose_candidate', 'lane_use')`,
  )
  const { pace, burst, healthLeast, window, full, queueGap, queueMost, trial } = rulesOf()
  const told = [
    `v_window / (${pace} * per_window)`,
    `coalesce(${burst} * known.per_window, 0)`,
    `health >= ${healthLeast}`,
    `health < ${healthLeast}`,
    `v_now + v_window / ${window / full}`,
    `else v_window / ${window / queueGap} end`,
    `free_at + v_window / ${window / queueMost}`,
    `v_now - interval '${trial / 1000} seconds' as waits`,
    `known.token, v_window / ${pace}) busy`,
  ]
  for (const passage of told) expect(functions?.['text']).toContain(passage)
})

test('what was learned meanwhile is not written over', async () => {
  const candidate = newCandidate()
  const event = { ...aboutIt(candidate), outcome: 'accepted' }
  const write = (version: number, health: number) =>
    driver.call<boolean>('learn_token', {
      event,
      changes: { lane: { state: { health }, version }, token: { state: {}, version } },
    })
  expect(await write(0, 0.5)).toBe(true)
  expect(await write(0, 0.1)).toBe(false)
  expect(await write(1, 0.7)).toBe(true)
  const { lanes } = await postgres(driver).tokens.snapshot!()
  expect(lanes.find(({ account }) => account === candidate.account)?.health).toBe(0.7)
})

test('of rivals who learn at once everybody is heard', async () => {
  const candidate = newCandidate()
  const { tokens } = postgres(driver)
  const models = Array.from({ length: 6 }, (_, index) => `model ${index}`)
  const refusal = { kind: 'permission', scope: 'token' } as const
  const refused = models.map(model => tokens.report({ ...aboutIt(candidate), model, outcome: 'refused', refusal }))
  const accepted = models.map(() => tokens.report({ ...aboutIt(candidate), outcome: 'accepted' }))
  await Promise.all([...refused, ...accepted])
  const { tokens: standings } = await tokens.snapshot!()
  const its = standings.filter(({ token }) => token === candidate.token)
  const expected = [...models.map(model => [model, 'resting']), [null, 'active']]
  expect(its.map(({ model, state }) => [model, state])).toEqual(expected)
})

test('a minute can be a second', async () => {
  const { tokens } = postgres(driver, { tokenRules: rulesOf(60) })
  const request = {
    jobId: randomUUID(),
    model: 'm',
    lane: 'image',
    candidates: [newCandidate({ perMinute: 10 })],
  } as const
  const answers = []
  for (let n = 0; n < 6; n++) answers.push(await tokens.acquire({ ...request, attemptId: randomUUID() }))
  const waits = answers.flatMap(answer => (answer.status === 'wait' ? [answer.waitSeconds] : []))
  expect(waits.length).toBeGreaterThan(1)
  expect(Math.max(...waits)).toBeLessThan(1)
})

test('a submit counts a little longer than a minute, which is an hour here', async () => {
  const { tokens } = postgres(driver, { tokenRules: rulesOf(1 / 60) })
  const candidates = [newCandidate({ perMinute: 3 })]
  const acquire = () =>
    tokens.acquire({ attemptId: randomUUID(), jobId: randomUUID(), model: 'm', lane: 'image', candidates })
  for (let times = 0; times < 3; times++) expect((await acquire()).status).toBe('token')
  await letTimePass(driver, 3602)
  expect((await acquire()).status).toBe('wait')
  await letTimePass(driver, 60)
  expect((await acquire()).status).toBe('token')
})

test('whoever waits for the answer to a new key waits until what it taught is known', async () => {
  const [fresh, other] = [newCandidate(), newCandidate()]
  const candidates = [fresh, { ...other, provider: fresh.provider }]
  const { tokens } = postgres(driver)
  const acquire = (attemptId: string) =>
    tokens.acquire({ attemptId, jobId: randomUUID(), model: 'm', lane: 'image', candidates })
  const event = { ...aboutIt(fresh), outcome: 'refused', refusal: { kind: 'auth', scope: 'token' } } as const
  expect(await acquire(event.attemptId)).toMatchObject({ candidate: { token: fresh.token } })
  expect(await acquire(randomUUID())).toMatchObject({ candidate: { token: other.token } })
  await driver.call('report_token', { event }) // and what it taught is on its way
  expect(await acquire(randomUUID())).toMatchObject({ status: 'wait' })
  await tokens.report(event)
  const { tokens: standings } = await tokens.snapshot!()
  expect(standings.find(({ token }) => token === fresh.token)?.state).toBe('suspect')
  const [attempt] = await driver.query('select ended_at from public.job_attempts where id = $1', [event.attemptId])
  expect(attempt?.['ended_at']).not.toBeNull()
})
