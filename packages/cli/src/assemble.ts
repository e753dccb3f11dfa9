/** From the environment to a studio with everything behind it: database, files, providers. */
import { join, resolve } from 'node:path'
import { createStudio, SafelightError, type Database, type ProviderOption, type Studio } from '@safelight/core'
import { files } from '@safelight/media/files'
import { migrate, postgres, type SqlDriver } from '@safelight/postgres'
import { demo } from '@safelight/providers/demo'
import type { Log } from '@safelight/server'
import { makeDirectory, type Environment } from '@safelight/server/node'
import { loadProviders, tellOfProviders, transportFor } from './providers.ts'
import { webhookUrlFrom } from './webhook-urls.ts'

/** Where things are in the data directory. */
const PLACES = { database: 'database', media: 'media', demo: 'demo' } as const

/** A studio, migrated and ready to be served. Throws a plain sentence where a part cannot be used. */
export async function assemble(environment: Environment, log: Log): Promise<Studio> {
  const media = files(join(environment.dataDirectory, PLACES.media))
  const driver = await openDriver(environment, log)
  try {
    await media.check()
    await migrate(driver, { log: line => log('info', 'migration', { line }) })
    const providers: ProviderOption[] = [
      ...(await loadProviders(environment)),
      demo({ directory: join(environment.dataDirectory, PLACES.demo) }),
    ]
    const studio: Studio = createStudio({
      providers,
      tokens: environment.tokens,
      transport: transportFor(environment),
      webhookUrl: await webhookUrlFrom(environment),
      database: postgres(driver) satisfies Database,
      media,
      onTrouble: (error, { doing, jobId }) =>
        log('warn', 'trouble', { doing, jobId: jobId ?? null, error: safeWords(error) }),
    })
    tellOfProviders(studio, environment.tokens, log)
    return studio
  } catch (error) {
    await driver.close()
    throw error
  }
}

/** Drivers are loaded where they are used: PGlite alone is 20 MB of WebAssembly. */
export async function openDriver({ database, dataDirectory }: Environment, log: Log): Promise<SqlDriver> {
  await makeDirectory(resolve(dataDirectory))
  if (database.kind === 'pglite') {
    const { pglite } = await import('@safelight/postgres/pglite')
    return pglite(resolve(dataDirectory, PLACES.database))
  }
  const { pg } = await import('@safelight/postgres/pg')
  return pg(database.url, { onLostConnection: () => log('warn', 'a connection to the database was lost') })
}

/** Where the data is, in words that hold no password. */
export function describePlace({ database, dataDirectory }: Environment): string {
  const directory = resolve(dataDirectory)
  if (database.kind === 'pglite') return directory
  const { hostname, port, pathname } = new URL(database.url)
  return `Postgres at ${hostname}${port ? `:${port}` : ''}${pathname}, files in ${directory}`
}

/** A message of somebody else's may hold a key or a prompt, so only our own is repeated. */
function safeWords(error: unknown): string {
  if (SafelightError.is(error)) return error.message
  const { name, code } = error as { name?: unknown; code?: unknown }
  return [name, code].filter(word => typeof word === 'string').join(' ') || 'unknown'
}
