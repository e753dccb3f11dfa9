/** Which database the environment names, opened, and at the schema that this version needs. */
import { resolve } from 'node:path'
import type { Database } from '@safelight/core'
import { migrate, postgres, type SqlDriver } from '@safelight/postgres'
import type { Log } from '@safelight/server'
import { makeDirectory, type Environment } from '@safelight/server/node'
import { EXIT, PlainError } from './command.ts'

/** The name of its place in the data directory. */
const FOLDER = 'database'

type Direct = Pick<Environment, 'dataDirectory'> & { database: Exclude<Environment['database'], { kind: 'supabase' }> }

/** Ready to be used. Throws a plain sentence where it cannot be. */
export async function openDatabase(environment: Environment, log: Log): Promise<Required<Database>> {
  const { database, dataDirectory } = environment
  if (database.kind === 'supabase') return openProject(database)
  const driver = await openDriver({ database, dataDirectory }, log)
  try {
    if (database.kind === 'postgres') await checkPeople(driver, environment)
    await migrate(driver, { log: line => log('info', 'migration', { line }) })
    return postgres(driver)
  } catch (error) {
    await driver.close()
    throw error
  }
}

/** Drivers are loaded where they are used: PGlite alone is 20 MB of WebAssembly. */
export async function openDriver({ database, dataDirectory }: Direct, log: Log): Promise<SqlDriver> {
  await makeDirectory(resolve(dataDirectory))
  if (database.kind === 'pglite') {
    const { pglite } = await import('@safelight/postgres/pglite')
    return pglite(resolve(dataDirectory, FOLDER))
  }
  const { pg } = await import('@safelight/postgres/pg')
  return pg(database.url, { onLostConnection: () => log('warn', 'a connection to the database was lost') })
}

/** Over the API only functions can be called, so the schema has to be there. */
async function openProject({ url, secretKey }: { url: string; secretKey: string }): Promise<Required<Database>> {
  const { supabase, SupabaseCallFailed } = await import('@safelight/supabase')
  const database = supabase({ url, secretKey })
  await database.check().catch((error: unknown) => {
    if (!(error instanceof SupabaseCallFailed)) throw error
    throw new PlainError(sentenceFor(error.status, new URL(url).host), EXIT.failed, { cause: error })
  })
  return database
}

function sentenceFor(status: number, host: string): string {
  if (status === 401 || status === 403) return `The Supabase project at ${host} does not take this secret key.`
  if (status === 0) return `No Supabase project answers at ${host}.`
  return `What answers at ${host} is no Supabase project that could be used: it answered ${status}.`
}

/**
 * Users are rows of `auth.users`. Where people sign in to a project these have to be the project's own, and where accounts
 * are local they have to be ours; else everybody would be told that their account does not exist.
 */
async function checkPeople(driver: SqlDriver, { supabase }: Environment): Promise<void> {
  const [found] = await driver.query(
    `select to_regclass('auth.users') is not null as exists,
            obj_description(to_regnamespace('auth'), 'pg_namespace') = 'made by safelight' as ours`,
  )
  const isTheirs = found?.['exists'] === true && found['ours'] !== true
  if (supabase && !isTheirs) {
    throw new PlainError(
      'DATABASE_URL has to name the database of the Supabase project that people sign in to, and there are no users of ' +
        'a project in this one. Unset the Supabase variables for local accounts, or DATABASE_URL to use the project alone.',
    )
  }
  if (!supabase && isTheirs) {
    throw new PlainError(
      'DATABASE_URL names a database with a sign-in of its own, so there can be no local accounts in it: set SUPABASE_URL ' +
        'and SUPABASE_PUBLISHABLE_KEY to those of its project.',
    )
  }
}

/** Where the data is, in words that hold no password. */
export function describePlace({ database, dataDirectory }: Pick<Environment, 'database' | 'dataDirectory'>): string {
  const directory = resolve(dataDirectory)
  if (database.kind === 'pglite') return directory
  const { host, hostname, port, pathname } = new URL(database.url)
  if (database.kind === 'supabase') return `Supabase project at ${host}, files in ${directory}`
  return `Postgres at ${hostname}${port ? `:${port}` : ''}${pathname}, files in ${directory}`
}
