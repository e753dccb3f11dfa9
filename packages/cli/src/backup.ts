/** `safelight backup`: the data directory as one file, which has its name only once it was read back and found whole. */
import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { recordedMigrations, type RecordedMigration } from '@safelight/postgres'
import { readArchive, writeArchive, type Receiver } from './backups/archive.ts'
import { keepNames, untilInterrupted } from './backups/disk.ts'
import { contentsOf, DATABASE, FORMAT, type Manifest } from './backups/manifest.ts'
import { dataDirectoryFor, sizeOf } from './backups/places.ts'
import { EXIT, PlainError, refuseWords, textOption, type Command } from './command.ts'
import { version } from './version.ts'

export const backup: Command = {
  name: 'backup',
  help: `Copies the data directory into one file: the database, the pictures and the secret that signs sessions, so keep it
as you would keep a password. The server has to be stopped. The file is there once it is whole, or not at all.

Usage: safelight backup [--data-dir DIR] [--output FILE.tar.gz]

  --data-dir          the folder to copy (SAFELIGHT_DATA_DIR, or .safelight)
  --output            the file to write; one of that name is replaced (safelight-<time>.tar.gz in this folder)

A Postgres and a Supabase project are copied with pg_dump, as docs/operations/database.md shows.`,
  options: { 'data-dir': { type: 'string' }, output: { type: 'string' } },

  async run(line) {
    refuseWords(backup, line)
    const directory = await existing(dataDirectoryFor(line))
    const output = resolve(
      textOption(line, 'output') ?? `safelight-${new Date().toISOString().replaceAll(':', '-')}.tar.gz`,
    )
    await checkOutput(output, directory)
    const manifest = await untilInterrupted(signal =>
      withDatabaseAtRest(directory, migrations => writeBackup({ directory, output, migrations, signal })),
    )
    process.stdout.write(`Backup written: ${output} (${sizeOf(manifest.files)})\n`)
    return EXIT.done
  },
}

/** The directory itself, where there is a database in it. Nothing is made where there is none. */
async function existing(directory: string): Promise<string> {
  const mark = await found(join(directory, DATABASE, 'PG_VERSION'))
  if (!mark?.isFile()) throw new PlainError(`There is no database in ${directory}.`)
  return realpath(directory)
}

async function checkOutput(output: string, directory: string): Promise<void> {
  const folder = await realpath(dirname(output))
  const way = relative(directory, folder)
  if (way === '' || !(way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way))
    throw new PlainError(`${output} is in the data directory, which it is a copy of: name another place with --output.`)
  const there = await found(output)
  if (there && !there.isFile()) throw new PlainError(`${output} is not a file: name one with --output.`)
}

/** What is at `path`; null where nothing is. */
async function found(path: string): Promise<Stats | null> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })
}

/** PGlite is loaded where it is used: 20 MB of WebAssembly. */
async function withDatabaseAtRest<Answer>(
  directory: string,
  work: (migrations: RecordedMigration[]) => Promise<Answer>,
): Promise<Answer> {
  const { atRest, DirectoryInUse } = await import('@safelight/postgres/pglite')
  try {
    return await atRest(join(directory, DATABASE), recordedMigrations, work)
  } catch (error) {
    if (error instanceof DirectoryInUse) throw new PlainError(`Stop the server first: ${error.message}`)
    throw error
  }
}

interface Work {
  directory: string
  output: string
  migrations: RecordedMigration[]
  signal: AbortSignal
}

async function writeBackup({ directory, output, migrations, signal }: Work): Promise<Manifest> {
  const contents = await contentsOf(directory, signal)
  const manifest = { format: FORMAT, version: version(), created_at: new Date().toISOString(), migrations, ...contents } as const // prettier-ignore
  const aside = join(dirname(output), `.${basename(output)}.${randomBytes(6).toString('hex')}`)
  try {
    await writeArchive(aside, manifest, directory, signal)
    await readArchive(aside, NOBODY, signal)
    await rename(aside, output)
    await keepNames(dirname(output))
    return manifest
  } finally {
    await rm(aside, { force: true })
  }
}

/** Reading is enough: it compares everything with the manifest. */
const NOBODY: Receiver = {
  manifest: async () => undefined,
  folder: async () => undefined,
  async file(_path, bytes) {
    for await (const chunk of bytes) void chunk
  },
}
