/** What the pool is measured with, by its test and by `pnpm bench pool`: ten accounts, one of them cut for twenty minutes. */
import type { Counting, FakeAccount, Scenario } from './simulation.ts'

const PER_MINUTE = [60, 60, 60, 60, 120, 120, 120, 30, 30, 240]
const CUT = { account: 4, from: 20, to: 40 }
export const COUNTINGS: readonly Counting[] = ['sliding', 'fixed', 'bucket']

const isCut = (account: number, minute: number) => account === CUT.account && minute >= CUT.from && minute < CUT.to

const rates: FakeAccount[] = PER_MINUTE.map((limit, account) => ({
  perMinute: minute => (isCut(account, minute) ? limit / 10 : limit),
}))
const places: FakeAccount[] = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20].map(limit => ({ maxOpen: () => limit }))

type Given = Pick<Scenario, 'seed' | 'counting'>
const hour = { minutes: 60, warmUpMinutes: 10 }

/** Beyond what the accounts allow: how much of it is used, and how often somebody is turned away. */
export const crowded = (given: Given): Scenario => ({ ...given, ...hour, accounts: rates, load: 1.2, retryAfter: true })
/** Well within it: nobody should be turned away, or wait. */
export const calm = (given: Given): Scenario => ({ ...crowded(given), load: 0.7 })
/** Nobody says how long to wait, and the limits are known to begin with. */
export const silent = (given: Given): Scenario => ({ ...crowded(given), retryAfter: false, configured: true })
/** Being turned away counts as well. */
export const strict = (given: Given): Scenario => ({ ...crowded(given), countsRefusals: true })
/** Not how many in a minute but how many at once. */
export const narrow = (given: Given): Scenario => ({
  ...given,
  ...hour,
  accounts: places,
  load: 1.2,
  retryAfter: false,
  jobSeconds: 6,
})
/** One of the keys is dead from the start. */
export const dead = (given: Given): Scenario => ({
  ...calm(given),
  accounts: rates.map((account, index) => (index === 2 ? { ...account, deadFromMinute: 0 } : account)),
  load: 0.6,
})

export const scenarios = { crowded, calm, silent, strict, narrow, dead }
