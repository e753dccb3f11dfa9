import { expect, test } from 'vitest'
import type { CurrentAttempt, Job } from './contracts.ts'
import type { Parts } from './parts.ts'
import { callProvider } from './provider-calls.ts'

const registry = { provider: () => ({ id: 'p' }), token: () => ({ label: 'p' }) }
const parts = { registry, now: Date.now, journal: () => undefined, transport: { api: () => fetch } } as unknown as Parts
const about = { action: 'look', timeoutSeconds: 0.05 } as const
const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

test('a call that hangs keeps the process alive until its time is over, and leaves no timer behind', async () => {
  const before = timers()
  const call = callProvider(parts, {} as Job, {} as CurrentAttempt, about, () => new Promise(() => undefined))
  expect(timers()).toBe(before + 1)
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(timers()).toBe(before)
})

test('a call that answers leaves no timer behind', async () => {
  const before = timers()
  await callProvider(parts, {} as Job, {} as CurrentAttempt, about, async () => 'answer')
  expect(timers()).toBe(before)
})
