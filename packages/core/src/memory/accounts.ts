/** Accounts, which only entries change. */
import type { LedgerEntry } from '../contracts.ts'
import type { Clock } from './direct.ts'

export interface Account {
  balance: number
  /** Oldest first. */
  entries: LedgerEntry[]
}
export interface Accounts {
  /** Makes the account of a user who has none, with nothing in it. */
  open: (userId: string) => Account
  /** The account of a user; undefined where nobody has opened one and there is no opening balance. */
  find: (userId: string) => Account | undefined
  balance: (userId: string) => number
  /** The only way to move money. Answers the balance after it. */
  post: (userId: string, entry: Pick<LedgerEntry, 'kind' | 'delta' | 'description' | 'jobId'>) => number
}

export function memoryAccounts(now: Clock, openingBalance?: number): Accounts {
  const accounts = new Map<string, Account>()

  function open(userId: string): Account {
    const account = accounts.get(userId) ?? { balance: 0, entries: [] }
    accounts.set(userId, account)
    return account
  }
  const post: Accounts['post'] = (userId, entry) => {
    const account = open(userId)
    account.balance += entry.delta
    const id = `${userId}:${account.entries.length + 1}`
    account.entries.push({ ...entry, id, balanceAfter: account.balance, createdAt: now() })
    return account.balance
  }
  function find(userId: string): Account | undefined {
    if (openingBalance !== undefined && !accounts.has(userId)) {
      open(userId)
      const gift = { kind: 'grant', delta: openingBalance, description: 'Opening balance', jobId: null } as const
      if (openingBalance > 0) post(userId, gift)
    }
    return accounts.get(userId)
  }
  return { open, find, post, balance: userId => find(userId)?.balance ?? 0 }
}
