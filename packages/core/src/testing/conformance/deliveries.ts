/** What every `Deliveries` promises: what was dealt with is known again for a day, and nothing else is. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Deliveries } from '../../contracts.ts'
import { type Case, type Harness, type Make, suite, together } from './suite.ts'

export interface DeliveriesHarness extends Harness {
  deliveries: Deliveries
}

/** The suite of `Deliveries`. */
export function deliveriesCases(make: Make<DeliveriesHarness>): Case[] {
  return suite(make, checks)
}

/** A provider nobody else uses. */
const newProvider = () => `conformance-${randomUUID()}`
const DAY_SECONDS = 86_400

const checks: Record<string, (harness: DeliveriesHarness) => Promise<void>> = {
  async 'a delivery is seen once it is remembered, and not because somebody asked'({ deliveries }) {
    const provider = newProvider()
    assert.equal(await deliveries.seen(provider, 'one'), false)
    assert.equal(await deliveries.seen(provider, 'one'), false)
    await deliveries.remember(provider, 'one')
    assert.equal(await deliveries.seen(provider, 'one'), true)
    assert.equal(await deliveries.seen(provider, 'two'), false)
  },

  async 'providers number their deliveries alike'({ deliveries }) {
    const [provider, other] = [newProvider(), newProvider()]
    await deliveries.remember(provider, 'one')
    assert.equal(await deliveries.seen(other, 'one'), false)
  },

  async 'where a name ends and an id begins is clear'({ deliveries }) {
    const provider = newProvider()
    await deliveries.remember(provider, 'a:b"c\u2028 ')
    assert.equal(await deliveries.seen(provider, 'a:b"c\u2028 '), true)
    for (const [name, id] of [[`${provider}:a`, 'b"c\u2028 '], [provider, 'a:b"c\u2028'], [provider, 'A:B"C\u2028 ']] as const) assert.equal(await deliveries.seen(name, id), false) // prettier-ignore
  },

  async 'remembering twice, also at once, is fine'({ deliveries }) {
    const provider = newProvider()
    await together(10, () => deliveries.remember(provider, 'one'))
    await deliveries.remember(provider, 'one')
    assert.equal(await deliveries.seen(provider, 'one'), true)
  },

  async 'a delivery is known for a day, however many come after it'({ deliveries, advance }) {
    const provider = newProvider()
    await deliveries.remember(provider, 'first')
    await advance(DAY_SECONDS - 60)
    await together(20, index => deliveries.remember(provider, `later ${index}`))
    assert.equal(await deliveries.seen(provider, 'first'), true)
  },
}
