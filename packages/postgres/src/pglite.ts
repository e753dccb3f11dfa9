/** Postgres inside this process: PGlite, in memory or in a directory that one process has for itself. */
import { PGlite } from '@electric-sql/pglite'
import { mkdir, realpath } from 'node:fs/promises'
import { lockDirectory } from './directory-lock.ts'
import { callStatement, type SqlArguments, type SqlDriver } from './driver.ts'

export { DirectoryInUse } from './directory-lock.ts'

/**
 * Opens the database in `directory`, or one in memory that ends with the process. A commit survives the death of the
 * process; it may not survive a loss of power, because PGlite never waits for the disk.
 */
export async function pglite(directory?: string): Promise<SqlDriver> {
  if (directory === undefined) return overPglite(await PGlite.create())
  await mkdir(directory, { recursive: true })
  const place = await realpath(directory)
  const lock = await lockDirectory(place)
  try {
    const driver = overPglite(await PGlite.create(place))
    return { ...driver, close: () => driver.close().finally(lock.release) }
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Has the database in `directory` to itself while `work` runs. What `look` answered, asked of the opened database, is handed
 * to `work`; by then it is closed again, so its files may be copied.
 */
export async function atRest<Seen, Answer>(
  directory: string,
  look: (driver: SqlDriver) => Promise<Seen>,
  work: (seen: Seen) => Promise<Answer>,
): Promise<Answer> {
  const place = await realpath(directory)
  const lock = await lockDirectory(place)
  try {
    const driver = overPglite(await PGlite.create(place))
    let seen: Seen
    try {
      seen = await look(driver)
    } finally {
      await driver.close()
    }
    return await work(seen)
  } finally {
    lock.release()
  }
}

/** A driver over an instance that you opened yourself. Closing the driver closes it. */
export function overPglite(db: PGlite): SqlDriver {
  return {
    async call<Answer>(name: string, args: SqlArguments) {
      const { text, values } = callStatement(name, args)
      const { rows } = await db.query<{ answer: Answer }>(text, values)
      return rows[0]!.answer
    },
    async query(text, values) {
      if (values !== undefined) return (await db.query<Record<string, unknown>>(text, [...values])).rows
      const results = await db.exec(text)
      return results.at(-1)?.rows ?? []
    },
    close: () => db.close(),
  }
}
