/**
 * One process of the crash suite, over a real database directory and real files. It lives until it kills itself, with
 * SIGKILL, at the moment it was told; or it is the one that comes after, brings everything to its end, and checks it.
 * Providers do not die with us: their books are a file.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createStudio } from '@safelight/core'
import {
  type Books,
  checkRest,
  checkWorld,
  finish,
  happenings,
  live,
  type Moment,
  scenarios,
  World,
} from '@safelight/core/testing'
import { files } from '@safelight/media/files'
import { postgres } from '@safelight/postgres'
import { pglite } from '@safelight/postgres/pglite'
import { letTimePass } from '@safelight/postgres/testing'

export interface Order {
  directory: string
  scenario: string
  /** When to die; null for the process that comes after. */
  dies: Moment | null
}

const GRANT = 3000

const order = JSON.parse(process.argv[2]!) as Order
const scenario = scenarios.find(({ name }) => name === order.scenario)!
const memory = recall()
const driver = await pglite(join(order.directory, 'database'))
const world = await theWorld()
if (order.dies) await liveUntil(order.dies)
else await comeAfter()
await driver.close()

async function liveUntil(dies: Moment): Promise<void> {
  world.happens = async ({ index, phase }) => {
    if (index === dies.index && phase === dies.phase) process.kill(process.pid, 'SIGKILL')
  }
  await live(world)
}

async function comeAfter(): Promise<void> {
  await finish(world)
  const killed = happenings.find(({ name }) => name === 'the process is killed')!
  await checkWorld(world, [scenario.ends, ...killed.alsoEnds(scenario)])
  await checkRest(world)
}

async function theWorld(): Promise<World> {
  const database = postgres(driver)
  const harness = {
    database,
    media: files(join(order.directory, 'media')),
    now: Date.now,
    movesRows: true,
    async advance(seconds: number) {
      await letTimePass(driver, seconds)
      memory.skippedSeconds += seconds
      memory.written()
    },
    async newUser(balance = 0) {
      const { id } = await database.users.signIn(`${order.scenario}@example.test`)
      const extra = balance - GRANT
      // The sign-up bonus is what the scenarios begin with; whoever should be poorer has spent the rest before.
      if (extra < 0) await spend(id, -extra)
      return id
    },
    close: async () => undefined,
  }
  memory.userId ??= await harness.newUser(scenario.balance ?? GRANT)
  memory.written()
  const made = new World(createStudio, harness, scenario, memory.userId, memory.books)
  made.skippedSeconds = memory.skippedSeconds
  memory.storageDownUntil ??= made.storageDownUntil
  made.storageDownUntil = memory.storageDownUntil
  memory.written()
  return made
}

async function spend(userId: string, amount: number): Promise<void> {
  const args = [userId, 'image', amount, 'Before', '{}', null]
  await driver.query('select atomic_charge_credits($1, $2, $3, $4, $5, $6)', args)
}

interface Memory {
  userId?: string
  skippedSeconds: number
  storageDownUntil?: number
  books: Books[]
  written(): void
}

/** What outlives this process beside the database. Written in one piece, before anything else happens. */
function recall(): Memory {
  const file = join(order.directory, 'books.json')
  const fresh = { skippedSeconds: 0, books: scenario.providers.map(() => ({ accepted: [], submits: 0 })) }
  const found = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Omit<Memory, 'written'>) : fresh
  const written = () => {
    writeFileSync(`${file}.new`, JSON.stringify(found))
    renameSync(`${file}.new`, file)
  }
  for (const books of found.books) Object.assign(books, { written })
  return Object.assign(found, { written })
}
