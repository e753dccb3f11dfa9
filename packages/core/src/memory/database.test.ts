import { describe, expect, test } from 'vitest'
import type { ProviderCallRecord } from '../contracts.ts'
import { newJob } from '../testing/conformance/samples.ts'
import { memoryDatabase } from './database.ts'

const charge = { amount: 500, description: 'demo-image', kind: 'image' } as const

describe('opening balance', () => {
  test('is given to any user when it is first seen, once, as a grant', async () => {
    const { ledger, admit } = memoryDatabase({ openingBalance: 3000 })
    expect(await ledger.balance('ann')).toBe(3000)
    expect(await ledger.charge({ ...charge, userId: 'ben', reference: 'one' })).toEqual({
      outcome: 'charged',
      balance: 2500,
    })
    const granted = await ledger.grant({ userId: 'cem', amount: 10, key: 'k', description: 'More' })
    expect(granted).toEqual({ outcome: 'granted', balance: 3010 })
    const admitted = await admit?.({ job: newJob('dag'), ip: null, hasCapacity: true })
    expect([admitted?.outcome, admitted?.balance]).toEqual(['admitted', 2500])
    expect(await ledger.balance('ann')).toBe(3000)
    const { items } = await ledger.entries({ userId: 'ann', limit: 10 })
    expect(items.map(({ kind, delta }) => [kind, delta])).toEqual([['grant', 3000]])
  })

  test('of nothing makes accounts with nothing in them', async () => {
    const { ledger } = memoryDatabase({ openingBalance: 0 })
    const refused = await ledger.charge({ ...charge, userId: 'ann', reference: 'one' })
    expect(refused).toEqual({ outcome: 'insufficient_credits', balance: 0 })
    expect((await ledger.entries({ userId: 'ann', limit: 10 })).items).toEqual([])
  })

  test('does not come on top of the sign-up bonus', async () => {
    const { ledger, users } = memoryDatabase({ openingBalance: 100, settings: { signupBonus: 70 } })
    const { id } = await users.signIn('ann@example.test')
    expect(await ledger.balance(id)).toBe(70)
  })

  test('is absent unless it is asked for', async () => {
    const { ledger } = memoryDatabase()
    const refused = await ledger.charge({ ...charge, userId: 'ann', reference: 'one' })
    expect(refused).toEqual({ outcome: 'no_account', balance: 0 })
  })
})

test('fused calls can be left out', () => {
  const { admit, begin, settle } = memoryDatabase({ fused: false })
  expect([admit, begin, settle]).toEqual([undefined, undefined, undefined])
})

test('settings are the defaults and what was given', async () => {
  const { settings } = memoryDatabase({ settings: { signupBonus: 5 } })
  const values = await settings.read()
  expect(values).toMatchObject({ appEnabled: true, signupBonus: 5, retentionDays: 30 })
  // @ts-expect-error: undefined is no value, and must not become one
  expect(await settings.write({ limits: undefined })).toEqual(values)
})

test('two databases share nothing', async () => {
  const [one, other] = [memoryDatabase(), memoryDatabase()]
  await one.ledger.grant({ userId: 'ann', amount: 5, key: 'k', description: 'x' })
  await one.settings.write({ disabledModels: ['a'] })
  expect(await other.ledger.balance('ann')).toBe(0)
  expect((await other.settings.read()).disabledModels).toEqual([])
})

test('names of users and keys may be anything', async () => {
  const { ledger, jobs, admit } = memoryDatabase({ openingBalance: 3000 })
  for (const name of ['__proto__', 'constructor', 'toString', '', ' ', '","']) {
    const answer = await admit?.({
      job: newJob(name, { idempotencyKey: name, id: `job ${name}` }),
      ip: name,
      hasCapacity: true,
    })
    expect(answer?.outcome).toBe('admitted')
    expect((await jobs.findByKey(name, name))?.id).toBe(`job ${name}`)
    expect(await ledger.balance(name)).toBe(2500)
  }
  expect((await jobs.due({ limit: 100, leaseSeconds: 1 })).length).toBe(6)
  // Not to be mistaken for one another, however they are put together.
  await jobs.create(newJob('a"', { idempotencyKey: 'b' }))
  expect(await jobs.findByKey('a', '"b')).toBeNull()
})

test('the journal keeps the last thousand calls', async () => {
  const { journal } = memoryDatabase()
  const call = {
    at: 0,
    provider: 'p',
    token: 't',
    jobId: 'j',
    attemptId: 'a',
    action: 'look',
    outcome: 'running',
  } as const
  const calls = Array.from({ length: 1500 }, (_, latencyMs): ProviderCallRecord => ({ ...call, latencyMs }))
  await journal.record(calls)
  expect(journal.calls().map(({ latencyMs }) => latencyMs)).toEqual(calls.slice(500).map(({ latencyMs }) => latencyMs))
})
