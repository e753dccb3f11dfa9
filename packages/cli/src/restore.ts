/** `safelight restore`: a data directory of a backup. It is made beside its place, and moved there once all of it was found whole. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { incompatibility } from '@safelight/postgres'
import { makeDirectory } from '@safelight/server/node'
import { readArchive, writeTo } from './backups/archive.ts'
import { keepNames, untilInterrupted } from './backups/disk.ts'
import type { Manifest } from './backups/manifest.ts'
import { dataDirectoryFor, sizeOf } from './backups/places.ts'
import { EXIT, PlainError, type Command, type CommandLine } from './command.ts'

export const restore: Command = {
  name: 'restore',
  help: `Makes a data directory of a file that safelight backup wrote. Everything in the file is compared with what its
manifest says before anything is put in place; start goes on from there.

Usage: safelight restore FILE [--data-dir DIR]

  --data-dir          the folder to make, which has to be empty or not there (SAFELIGHT_DATA_DIR, or .safelight)

A Postgres and a Supabase project are restored with pg_restore, as docs/operations/database.md shows.`,
  options: { 'data-dir': { type: 'string' } },

  async run(line) {
    const file = fileOf(line)
    const directory = await freePlace(dataDirectoryFor(line))
    const there = await stat(file)
    if (!there.isFile()) throw new PlainError(`${file} is not a file.`)
    const { files, created_at: createdAt } = await untilInterrupted(signal => putInPlace(file, directory, signal))
    process.stdout.write(`Restored: ${directory} (${sizeOf(files)}, as of ${createdAt})\n`)
    return EXIT.done
  },
}

function fileOf({ words }: CommandLine): string {
  const [file, ...more] = words
  if (file === undefined || more.length > 0)
    throw new PlainError('restore takes one word, the backup: safelight restore FILE.', EXIT.usage)
  return resolve(file)
}

/** Where nothing would be overwritten: a directory that is empty, or not there yet. */
async function freePlace(directory: string): Promise<string> {
  const found = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    if (error.code === 'ENOTDIR') throw new PlainError(`${directory} is not a directory.`)
    throw error
  })
  if (found === null) return directory
  if (found.length > 0) throw notEmpty(directory)
  return realpath(directory)
}

function notEmpty(directory: string): PlainError {
  return new PlainError(`${directory} is not empty: name another place with --data-dir, or move away what is there.`)
}

async function putInPlace(file: string, directory: string, signal: AbortSignal): Promise<Manifest> {
  const aside = `${directory}.restoring-${randomBytes(6).toString('hex')}`
  const prepare = async ({ migrations }: Manifest): Promise<void> => {
    const problem = incompatibility(migrations)
    if (problem) throw new PlainError(`${basename(file)} cannot be restored here. ${problem}`)
    await makeDirectory(dirname(directory))
    await mkdir(aside, { mode: 0o700 })
  }
  try {
    const manifest = await readArchive(file, writeTo(aside, prepare, signal), signal)
    await keepFolders(aside, manifest)
    await moveTo(directory, aside)
    await keepNames(dirname(directory))
    return manifest
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function keepFolders(aside: string, { folders }: Manifest): Promise<void> {
  for (const folder of ['', ...folders]) await keepNames(resolve(aside, folder))
}

/** An empty directory gives way to another; one that got something in it meanwhile does not. */
async function moveTo(directory: string, aside: string): Promise<void> {
  if (process.platform === 'win32') await rmdir(directory).catch(ignoreMissing)
  await rename(aside, directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') throw notEmpty(directory)
    if (error.code !== 'EBUSY' && error.code !== 'EXDEV') throw error
    const where = resolve(directory, 'data')
    throw new PlainError(`${directory} is where a disk is mounted and cannot be replaced: use --data-dir ${where}.`)
  })
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
