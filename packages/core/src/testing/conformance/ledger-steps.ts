/** Requests to a ledger, and reading all it has written. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { CreditLedger, LedgerEntry } from '../../contracts.ts'
import type { PeopleHarness } from './suite.ts'

export interface LedgerHarness extends PeopleHarness {
  ledger: CreditLedger
}
export type LedgerChecks = Record<string, (harness: LedgerHarness) => Promise<void>>

export function grantOf(userId: string, amount: number): Parameters<CreditLedger['grant']>[0] {
  return { userId, amount, key: randomUUID(), description: 'A gift' }
}

export function chargeOf(userId: string, amount: number): Parameters<CreditLedger['charge']>[0] {
  return { userId, amount, reference: randomUUID(), description: 'conformance-image', kind: 'image' }
}

/** Every entry, newest first, page by page. */
export async function entriesOf(ledger: CreditLedger, userId: string, limit = 100): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  for (let cursor: string | undefined, pages = 0; pages < 1000; pages++) {
    const page = await ledger.entries({ userId, limit, ...(cursor === undefined ? {} : { cursor }) })
    assert(page.items.length <= limit)
    entries.push(...page.items)
    if (page.nextCursor === null) return entries
    cursor = page.nextCursor
  }
  assert.fail('the pages never ended')
}

/** Entries, newest first, of which each begins where the one before it ended. */
export function checkChain(entries: readonly LedgerEntry[]): void {
  for (const [index, entry] of entries.entries()) {
    const before = entries[index + 1]?.balanceAfter ?? 0
    assert.equal(entry.balanceAfter, before + entry.delta, `entry ${entry.id} does not follow from the one before it`)
    assert(entry.balanceAfter >= 0, `entry ${entry.id} went below zero`)
  }
}

export function sumOf(entries: readonly LedgerEntry[]): number {
  return entries.reduce((total, { delta }) => total + delta, 0)
}

/** The balance is the sum of the entries, and these are a chain. Answers the balance. */
export async function checkBooks(ledger: CreditLedger, userId: string): Promise<number> {
  const entries = await entriesOf(ledger, userId)
  checkChain(entries)
  const balance = await ledger.balance(userId)
  assert.equal(balance, sumOf(entries), 'the balance is the sum of the entries')
  return balance
}
