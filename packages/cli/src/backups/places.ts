/** Which data directory a backup is of, or goes to. */
import { resolve } from 'node:path'
import { readEnvironment } from '@safelight/server/node'
import { PlainError, textOption, type CommandLine } from '../command.ts'

const ELSEWHERE = ['DATABASE_URL', 'SUPABASE_URL', 'NEXT_PUBLIC_SUPABASE_URL'] as const

/** `--data-dir`, or the directory that start would use. Throws where the data is in another database. */
export function dataDirectoryFor(line: CommandLine): string {
  const elsewhere = ELSEWHERE.find(name => process.env[name]?.trim())
  if (elsewhere) {
    throw new PlainError(
      `${elsewhere} is set, so the data is not in a folder: use pg_dump and pg_restore, as docs/operations/database.md shows.`,
    )
  }
  const { SAFELIGHT_DATA_DIR } = process.env
  const given = textOption(line, 'data-dir')
  return resolve(given ?? readEnvironment({ SAFELIGHT_DATA_DIR }).dataDirectory)
}

/** How large it is, for people. */
export function sizeOf(files: Readonly<Record<string, { bytes: number }>>): string {
  const sizes = Object.values(files)
  const megabytes = sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  return `${sizes.length} files, ${megabytes.toFixed(1)} MB`
}
