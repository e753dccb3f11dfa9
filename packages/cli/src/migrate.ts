/** `safelight migrate`: the schema of the database, applied or printed. */
import { migrate as applyMigrations, migrationsAsOneFile } from '@safelight/postgres'
import { readEnvironment } from '@safelight/server/node'
import { EXIT, PlainError, refuseWords, type Command } from './command.ts'
import { describePlace, openDriver } from './databases.ts'
import { createLog } from './log.ts'

/** Migrating signs nothing, so it asks for no secret. */
const NO_SECRET = '-'.repeat(32)

const NO_CONNECTION =
  'The API of a Supabase project runs no migrations: set DATABASE_URL to the connection that its dashboard shows under ' +
  '"Connect", or paste what safelight migrate --print writes into its SQL editor.'

export const migrate: Command = {
  name: 'migrate',
  help: `Brings the database up to date: the one that DATABASE_URL names, or else the one in the data directory.
start does the same by itself. Doing it twice, or from two places at once, does no harm.
A Supabase project is migrated over the connection that its dashboard shows under "Connect", as DATABASE_URL,
or by pasting what --print writes into its SQL editor.

Usage: safelight migrate [--print]

  --print             write the whole schema to standard output instead, to be pasted into an SQL editor`,
  options: { print: { type: 'boolean' } },

  async run(line) {
    refuseWords(migrate, line)
    if (line.options['print']) {
      process.stdout.write(`${migrationsAsOneFile()}\n`)
      return EXIT.done
    }
    const { DATABASE_URL, SAFELIGHT_DATA_DIR, SUPABASE_URL, NEXT_PUBLIC_SUPABASE_URL } = process.env
    const isProject = Boolean((SUPABASE_URL ?? NEXT_PUBLIC_SUPABASE_URL)?.trim()) && !DATABASE_URL?.trim()
    const environment = readEnvironment({ DATABASE_URL, SAFELIGHT_DATA_DIR, SAFELIGHT_SECRET: NO_SECRET })
    const { database, dataDirectory } = environment
    if (isProject || database.kind === 'supabase') throw new PlainError(NO_CONNECTION)
    const driver = await openDriver({ database, dataDirectory }, createLog(process.stderr))
    try {
      const { applied } = await applyMigrations(driver, { log: each => process.stdout.write(`${each}\n`) })
      if (applied.length === 0) process.stdout.write(`Up to date: ${describePlace(environment)}\n`)
    } finally {
      await driver.close()
    }
    return EXIT.done
  },
}
