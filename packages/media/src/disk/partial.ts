/**
 * Files that are being written. They lie in a folder of their own beside the finished ones (same filesystem, so that
 * the final rename is atomic), and each name tells who writes it, so that what a killed process left can be told from
 * what a living one is busy with.
 */
import { createHash, randomUUID } from 'node:crypto'
import { lstat, readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isMissing } from './errors.ts'

export const PARTIAL_FOLDER = '.partial'
/** Nobody writes one file for longer: a part this old is abandoned, whoever it belongs to. */
const ABANDONED_MS = 3_600_000

const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
/** Tells this process from an earlier one with the same number, as in a container that was restarted. */
const run = randomUUID().slice(0, 8)

/** A fresh name, as in `<host>-<process>-<run>-<uuid>`. */
export function partialName(): string {
  return [host, process.pid, run, randomUUID()].join('-')
}

/** Deletes what earlier processes left unfinished. */
export async function sweepPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (await isAbandoned(name, path)) await rm(path, { recursive: true, force: true })
  }
}

async function isAbandoned(name: string, path: string): Promise<boolean> {
  const [itsHost, itsProcess, itsRun] = name.split('-')
  if (itsHost === host && itsProcess === String(process.pid)) return itsRun !== run
  if (itsHost === host && !isAlive(Number(itsProcess))) return true
  try {
    return Date.now() - (await lstat(path)).mtimeMs > ABANDONED_MS
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function isAlive(processId: number): boolean {
  if (!Number.isSafeInteger(processId) || processId <= 0) return false
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    // a process of another user refuses the signal, and so is alive
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
