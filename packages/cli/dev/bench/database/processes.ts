/** One, two and four server processes on one Postgres, with 16 connections between them: how many jobs, and whether a limit holds. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Done, Order, Task } from './process.ts'
import { atLeast, compare, CONNECTIONS, exactly, type Figures, heading, ratio } from './rounds.ts'
import { allowPerMinute, makePeople, type Opened, withPostgres } from './work.ts'

const SIZES = [1, 2, 4]
const LIMIT = 10
const USERS = 50
const TRIES_EACH = 16
/** Processes share the cores that one of them has: more of them must not cost more. */
const GOAL = 0.9

export async function processes(): Promise<void> {
  await withPostgres(async ({ open }) => {
    const opened = await open()
    const users = await makePeople(opened.driver)
    heading(`Processes: whole jobs of several servers on one Postgres, ${CONNECTIONS} connections between them`)
    const fleets = await Promise.all(SIZES.map(size => startFleet(size, opened.url)))
    try {
      for (const fleet of fleets.slice(1)) await exactness(opened, fleet)
      await allowPerMinute(opened.database, 1000)
      const figures = await compare(
        fleets.map(fleet => ({ name: nameOf(fleet.length), measure: () => round(fleet, users) })),
      )
      for (const size of SIZES.slice(1)) {
        atLeast(`${nameOf(size)} / ${nameOf(1)}`, ratio(figures, nameOf(size), nameOf(1)), GOAL)
      }
    } finally {
      await Promise.all(fleets.flat().map(stop))
    }
  })
}

function nameOf(size: number): string {
  return size === 1 ? 'one process' : `${size} processes`
}

/** Every process asks for every user at once; what was admitted is counted in the database. */
async function exactness({ driver, database }: Opened, fleet: readonly ChildProcess[]): Promise<void> {
  const users = await makePeople(driver, USERS)
  await allowPerMinute(database, LIMIT)
  await Promise.all(fleet.map(child => ask(child, { admissionsEach: TRIES_EACH, users })))
  const rows = await driver.query(
    `select count(job.id) from unnest($1::uuid[]) person (user_id)
       left join public.generation_jobs job using (user_id) group by person.user_id`,
    [users],
  )
  const what = `${nameOf(fleet.length)}: admitted of ${TRIES_EACH * fleet.length} for each of ${USERS} users`
  exactly(
    what,
    rows.map(({ count }) => Number(count)),
    LIMIT,
  )
}

async function round(fleet: readonly ChildProcess[], users: string[]): Promise<Figures> {
  const done = await Promise.all(fleet.map(child => ask(child, { admissionsEach: null, users })))
  const all = done.filter(each => typeof each === 'object')
  return {
    perSecond: all.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p99Milliseconds: Math.max(...all.map(({ p99Milliseconds }) => p99Milliseconds)),
  }
}

async function startFleet(size: number, databaseUrl: string): Promise<ChildProcess[]> {
  const task: Task = { databaseUrl, connections: CONNECTIONS / size }
  return Promise.all(
    Array.from({ length: size }, async () => {
      const child = fork(new URL('process.ts', import.meta.url), [JSON.stringify(task)])
      await answerOf(child)
      return child
    }),
  )
}

function ask(child: ChildProcess, order: Order): Promise<Done> {
  child.send(order)
  return answerOf(child)
}

async function answerOf(child: ChildProcess): Promise<Done> {
  const settled = new AbortController()
  try {
    const { signal } = settled
    const ended = once(child, 'exit', { signal }).then(() => [null])
    const [done] = (await Promise.race([once(child, 'message', { signal }), ended])) as [Done | null]
    if (done === null) throw new Error('A server process ended by itself.')
    return done
  } finally {
    settled.abort()
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}
