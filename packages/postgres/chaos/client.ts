/**
 * A client that is killed: it writes down what it is about to do and what it was told, outside the database, and asks for
 * the same things again and again, several at once. Arguments are a `ClientTask` as JSON.
 */
import { randomOf } from '@safelight/core/testing'
import { openSync, writeSync } from 'node:fs'
import { setTimeout as after } from 'node:timers/promises'
import { postgres } from '../src/database.ts'
import { pg } from '../src/pg.ts'
import { type Entry, KINDS, perform } from './operations.ts'

export interface ClientTask {
  databaseUrl: string
  logFile: string
  seed: number
  operations: number
  /** Numbers are drawn up to here. */
  numbers: number
}

const AT_ONCE = 8
/** While the server is away, nobody is asked so often that it cannot come back. */
const PAUSE_MS = 25

const task = JSON.parse(process.argv[2] ?? '') as ClientTask
const random = randomOf(task.seed)
const log = openSync(task.logFile, 'a')
const write = (entry: Entry): void => void writeSync(log, `${JSON.stringify(entry)}\n`)
const driver = pg(task.databaseUrl, { connections: AT_ONCE, timeoutSeconds: 10 })
const database = postgres(driver)
let left = task.operations
/** What all of them are at: near each other, so that they meet. */
let front = random.integer(0, task.numbers)

async function work(): Promise<void> {
  while (left-- > 0) {
    if (random.chance(0.02)) front = random.integer(0, task.numbers)
    const number = random.chance(0.8) ? front + random.integer(0, 20) : random.integer(0, task.numbers)
    const kind = random.pick([...KINDS])
    write({ kind, number, outcome: null })
    try {
      write({ kind, number, outcome: await perform(database, kind, number) })
    } catch (error) {
      write({ kind, number, outcome: `unknown: ${String((error as { code?: string }).code ?? error)}` })
      await after(PAUSE_MS)
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work))
await driver.close()
