/** The two engines that every test of the SQL runs on: PGlite in this process, and a real Postgres. */
import { PGlite } from '@electric-sql/pglite'
import { randomUUID } from 'node:crypto'
import type { SqlDriver } from '../driver.ts'
import { migrate } from '../migrate.ts'
import { pg } from '../pg.ts'
import { overPglite } from '../pglite.ts'
import { startPostgres, type StartPostgresOptions } from './start-postgres.ts'

export interface Engine {
  /** A database of its own, empty, with the whole schema or without. With one connection, `set role` stays. */
  open(options?: { migrated?: boolean; connections?: number }): Promise<SqlDriver>
  close(): Promise<void>
}

export const ENGINES = { pglite: pgliteEngine, postgres: () => postgresEngine() } as const

/** Making a PGlite takes seconds; loading one that was made takes a fraction of one. */
async function pgliteEngine(): Promise<Engine> {
  const dumps = new Map<boolean, Blob>()
  const dump = async (migrated: boolean) => {
    const db = await PGlite.create()
    if (migrated) await migrate(overPglite(db))
    const made = await db.dumpDataDir('none')
    await db.close()
    dumps.set(migrated, made)
    return made
  }
  return {
    async open({ migrated = true } = {}) {
      const loadDataDir = dumps.get(migrated) ?? (await dump(migrated))
      return overPglite(await PGlite.create({ loadDataDir }))
    },
    close: async () => dumps.clear(),
  }
}

export async function postgresEngine(options?: StartPostgresOptions): Promise<Engine> {
  const server = await startPostgres(options)
  const template = await server.createDatabase()
  const driver = pg(template, { connections: 1 })
  await migrate(driver)
  await driver.close()
  return {
    open: async ({ migrated = true, connections = 24 } = {}) =>
      pg(await server.createDatabase(migrated ? template : undefined), { connections }),
    close: () => server.close(),
  }
}

/** A user with an account and no e-mail that anybody verified: without the bonus. */
export async function newUser(driver: SqlDriver): Promise<string> {
  const id = randomUUID()
  await driver.query('insert into auth.users (id, email) values ($1, $2)', [id, `${id}@example.test`])
  return id
}
