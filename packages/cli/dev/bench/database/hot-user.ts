/** One user's many admissions at once against as many of many users, each 64 of them over 16 connections. */
import type { Database } from '@safelight/core'
import type { SqlDriver } from '@safelight/postgres'
import { randomUUID } from 'node:crypto'
import { atLeast, compare, CONNECTIONS, type Contender, exactly, heading, ratio, repeat } from './rounds.ts'
import { admit, allowPerMinute, makePeople, newJob, pick, withPostgres } from './work.ts'

const AT_ONCE = 64
const LIMIT = 10
const AFFORDABLE = 3
const BURSTS = 20

export async function hotUser(): Promise<void> {
  await withPostgres(async ({ open }) => {
    const { driver, database } = await open()
    const people = await makePeople(driver)
    heading(`Hot user: ${AT_ONCE} admissions at once, ${CONNECTIONS} connections; a burst is all of them`)
    await exactness(driver, database)
    const spread = 'bursts of as many users, all admitted'
    const limited = `bursts of one user, ${LIMIT} admitted`
    const allowed = 'bursts of one user, all admitted'
    const burst = (name: string, limit: number, users: () => string[]): Contender => ({
      name,
      async measure() {
        await allowPerMinute(database, limit)
        return repeat(() => Promise.all(users().map(user => admit(database, user))), 1)
      },
    })
    const each = () => Array.from({ length: AT_ONCE }, () => pick(people))
    // The next one each time: nobody is left with hits from the burst before.
    let next = 0
    const one = () =>
      Array.from({ length: AT_ONCE }, (_, index) => people[(index === 0 ? ++next : next) % people.length]!)
    const figures = await compare([burst(spread, 1000, each), burst(limited, LIMIT, one), burst(allowed, 1000, one)])
    atLeast(`one user over the limit / ${AT_ONCE} users`, ratio(figures, limited, spread), 1)
    atLeast(`one user, every one a charge of one account / ${AT_ONCE} users`, ratio(figures, allowed, spread), 0.25)
  })
}

/** As many as the limit says, and then as many as the balance pays for: never more. */
async function exactness(driver: SqlDriver, database: Required<Database>): Promise<void> {
  const { price } = newJob(randomUUID())
  const admitted = async (balance: number): Promise<number[]> => {
    const counts: number[] = []
    for (let burst = 0; burst < BURSTS; burst++) {
      const userId = randomUUID()
      await driver.query('insert into public.credit_accounts (user_id, balance) values ($1, $2)', [userId, balance])
      const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, () => admit(database, userId)))
      const [row] = await driver.query('select count(*) from public.generation_jobs where user_id = $1', [userId])
      const count = outcomes.filter(Boolean).length
      if (Number(row?.['count']) !== count) throw new Error('There are other jobs than were answered.')
      counts.push(count)
    }
    return counts
  }
  await allowPerMinute(database, LIMIT)
  exactly(`admitted of ${AT_ONCE} at once, limit ${LIMIT}`, await admitted(1_000_000), LIMIT)
  await allowPerMinute(database, 1000)
  exactly(`admitted of ${AT_ONCE} at once, credits for ${AFFORDABLE}`, await admitted(AFFORDABLE * price), AFFORDABLE)
}
