/**
 * Our limits against the Postgres store of rate-limiter-flexible, in one database. Its block list in the process is off,
 * because what is compared is what the database is asked to do. It counts in fixed windows and writes down every refusal;
 * ours hold in any window. Where two limits stand together it takes from both side by side, and keeps what it took.
 */
import type { Database } from '@safelight/core'
import type { SqlDriver } from '@safelight/postgres'
import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { RateLimiterPostgres } from 'rate-limiter-flexible'
import { atLeast, compare, CONNECTIONS, type Contender, exactly, heading, ratio, repeat } from './rounds.ts'
import { withPostgres } from './work.ts'

/** Longer than the run, so that whoever is full stays full. */
const WINDOW_SECONDS = 3600
const USER_MAX = 10
const IP_MAX = 20
/** So many that the run fills none of them. */
const OPEN_KEYS = 30_000
const FULL_KEYS = 500
const AT_ONCE = 64
const BURSTS = 20

interface Limiter {
  name: string
  /** One from a user's limit. */
  take(user: string): Promise<boolean>
  /** One from a user's limit and from an address's. */
  takeBoth(user: string, ip: string): Promise<boolean>
}
interface Case {
  name: string
  /** How many times as fast as theirs. */
  goal: number
  isAllowed: boolean
  once(each: Limiter, number: number): Promise<boolean>
}

const ACCEPTS = 0.7
const REFUSALS = 5
/** Refusing many users, nobody waits for anybody: no call is quicker than one that does nothing, which stands beside it. */
const SPREAD_REFUSALS = 1
const OF_THE_FLOOR = 0.7
const FLOOR = 'a call that does nothing'
const REFUSED_MANY = 'refusals, many users'
const user = (number: number): string => `user ${number % OPEN_KEYS}`
const ip = (number: number): string => `ip ${number % OPEN_KEYS}`
const fullUser = (number: number): string => `full user ${number % FULL_KEYS}`
const CASES: readonly Case[] = [
  { name: 'accepts, a user', goal: ACCEPTS, isAllowed: true, once: (each, n) => each.take(user(n)) },
  {
    name: 'accepts, a user and an address',
    goal: ACCEPTS,
    isAllowed: true,
    once: (each, n) => each.takeBoth(`also ${user(n)}`, ip(n)),
  },
  { name: REFUSED_MANY, goal: SPREAD_REFUSALS, isAllowed: false, once: (each, n) => each.take(fullUser(n)) },
  { name: 'refusals, one hot user', goal: REFUSALS, isAllowed: false, once: each => each.take(fullUser(0)) },
  {
    name: 'refusals, one hot address',
    goal: REFUSALS,
    isAllowed: false,
    once: (each, n) => each.takeBoth(`behind it, ${user(n)}`, 'full ip'),
  },
]

export async function limiter(): Promise<void> {
  await withPostgres(async ({ open }) => {
    const { url, driver, database } = await open()
    const pool = new Pool({ connectionString: url, max: CONNECTIONS })
    pool.on('error', () => undefined) // a connection on its way out meets the end of the server
    const limiters = [ours(driver, database), await theirs(pool)]
    heading(`Limits: ours (A) against rate-limiter-flexible in the same database (B), ${CONNECTIONS} connections`)
    for (const each of limiters) await bursts(each)
    for (const each of limiters) await fill(each)
    await driver.query('vacuum analyze')
    const floor = { name: FLOOR, measure: () => repeat(() => driver.query('select 1')) }
    const figures = await compare([floor, ...CASES.flatMap(each => limiters.map(whose => contender(each, whose)))])
    for (const { name, goal } of CASES) atLeast(`A / B: ${name}`, ratio(figures, `A ${name}`, `B ${name}`), goal)
    atLeast(`A / ${FLOOR}: ${REFUSED_MANY}`, ratio(figures, `A ${REFUSED_MANY}`, FLOOR), OF_THE_FLOOR)
    await pool.end()
  })
}

function ours({ call }: SqlDriver, { limiter: limits }: Database): Limiter {
  const limit = (name: string, key: string, max: number) => ({ key, name, max, windowSeconds: WINDOW_SECONDS })
  return {
    name: 'A',
    async take(key) {
      const args = { key, max_requests: USER_MAX, window_seconds: WINDOW_SECONDS }
      return (await call<{ allowed: boolean }>('check_rate_limit', args)).allowed
    },
    async takeBoth(userKey, ipKey) {
      return (await limits.take([limit('user', userKey, USER_MAX), limit('ip', ipKey, IP_MAX)])).allowed
    },
  }
}

async function theirs(pool: Pool): Promise<Limiter> {
  const users = await openStore(pool, 'their_users', USER_MAX)
  const addresses = await openStore(pool, 'their_addresses', IP_MAX)
  return {
    name: 'B',
    take: key => consume(users, key),
    async takeBoth(userKey, ipKey) {
      const [isUserAllowed, isIpAllowed] = await Promise.all([consume(users, userKey), consume(addresses, ipKey)])
      return isUserAllowed && isIpAllowed
    },
  }
}

function openStore(storeClient: Pool, tableName: string, points: number): Promise<RateLimiterPostgres> {
  return new Promise((resolve, reject) => {
    const options = { storeClient, storeType: 'pool', tableName, points, duration: WINDOW_SECONDS }
    const made = new RateLimiterPostgres({ ...options, clearExpiredByTimeout: false }, error => {
      if (error) reject(error)
      else resolve(made)
    })
  })
}

/** A refusal is thrown as well, but is no error. */
async function consume(store: RateLimiterPostgres, key: string): Promise<boolean> {
  try {
    await store.consume(key)
    return true
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    return false
  }
}

async function fill({ take, takeBoth }: Limiter): Promise<void> {
  for (let round = 0; round < USER_MAX; round++) {
    await Promise.all(Array.from({ length: FULL_KEYS }, (_, number) => take(fullUser(number))))
  }
  for (let number = 0; number < IP_MAX; number++) await takeBoth(randomUUID(), 'full ip')
}

/** Many at once on a limit that nobody has used: first of one user, then of many users behind one address. */
async function bursts({ name, take, takeBoth }: Limiter): Promise<void> {
  const admitted = async (once: (burst: string) => Promise<boolean>): Promise<number[]> => {
    const counts: number[] = []
    for (let burst = 0; burst < BURSTS; burst++) {
      const key = randomUUID()
      const taken = await Promise.all(Array.from({ length: AT_ONCE }, () => once(key)))
      counts.push(taken.filter(Boolean).length)
    }
    return counts
  }
  exactly(`${name}: admitted of ${AT_ONCE} at once of one user`, await admitted(take), USER_MAX)
  const fromOneAddress = await admitted(address => takeBoth(randomUUID(), address))
  exactly(`${name}: admitted of ${AT_ONCE} at once from one address`, fromOneAddress, IP_MAX)
}

function contender({ name, isAllowed, once }: Case, whose: Limiter): Contender {
  let number = 0
  const take = async () => {
    const wasAllowed = await once(whose, number++)
    if (wasAllowed !== isAllowed) throw new Error(`${whose.name} ${name}: allowed is ${wasAllowed}`)
  }
  return { name: `${whose.name} ${name}`, measure: () => repeat(take) }
}
