/** Many admissions at once of one user, or from one address, against as many of many users: 64 of them over 16 connections. */
import type { Database } from '@safelight/core'
import type { SqlDriver } from '@safelight/postgres'
import { randomUUID } from 'node:crypto'
import { atLeast, compare, CONNECTIONS, type Contender, exactly, heading, ratio, repeat } from './rounds.ts'
import { admit, allowPerMinute, makePeople, newJob, pick, withPostgres } from './work.ts'

const AT_ONCE = 64
const LIMIT = 10
const IP_LIMIT = 20
/** As many of one user as the engine of a server has under way at a time; the others wait in it. */
const ADMISSIONS_PER_USER = 4
const AFFORDABLE = 3
const BURSTS = 20

export async function hotUser(): Promise<void> {
  await withPostgres(async ({ open }) => {
    const { driver, database } = await open()
    const people = await makePeople(driver)
    heading(`Hot user, hot address: ${AT_ONCE} admissions at once, ${CONNECTIONS} connections; a burst is all of them`)
    await exactness(driver, database)
    const spread = 'bursts of as many users, all admitted'
    const allowed = 'bursts of one user, all admitted'
    const limited = `bursts of one user, ${LIMIT} admitted`
    const behind = `bursts of as many users from one address, ${IP_LIMIT} admitted`
    const burst = (name: string, limits: [user: number, ip: number], once: () => Promise<unknown>): Contender => ({
      name,
      async measure() {
        await allowPerMinute(database, ...limits)
        return repeat(once, 1)
      },
    })
    // The next one each time: nobody is left with hits from the burst before.
    let next = 0
    const ofOne = async () => {
      const user = people[next++ % people.length]!
      const lane = async () => {
        for (let number = 0; number < AT_ONCE / ADMISSIONS_PER_USER; number++) await admit(database, user)
      }
      await Promise.all(Array.from({ length: ADMISSIONS_PER_USER }, lane))
    }
    const ofMany = (ip?: string) =>
      Promise.all(Array.from({ length: AT_ONCE }, () => admit(database, pick(people), ip)))
    const figures = await compare([
      burst(spread, [1000, 1000], () => ofMany()),
      burst(allowed, [1000, 1000], ofOne),
      burst(limited, [LIMIT, 1000], ofOne),
      burst(behind, [1000, IP_LIMIT], () => ofMany(randomUUID())),
    ])
    atLeast(`one user, every one a charge of one account / ${AT_ONCE} users`, ratio(figures, allowed, spread), 0.25)
    atLeast(`one user over the limit / ${AT_ONCE} users`, ratio(figures, limited, spread), 1)
    atLeast(`one address over the limit / ${AT_ONCE} users`, ratio(figures, behind, spread), 0.25)
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
