/** Where jobs lie: small files by job and name. On disk they outlive the process; in memory they end with it. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

export interface Shelf {
  read(jobId: string, name: string): Promise<Uint8Array | null>
  /** All or nothing, also when the process is killed meanwhile. */
  write(jobId: string, name: string, bytes: Uint8Array): Promise<void>
  /** Forgets jobs that nothing was written to for so long. */
  sweep(maxAgeSeconds: number): Promise<void>
}

/** What a job is called: 128 bits in hex. */
export const JOB_ID = /^[0-9a-f]{32}$/

/** Jobs as folders below a directory. */
export function diskShelf(directory: string): Shelf {
  const root = resolve(directory)
  return {
    async read(jobId, name) {
      try {
        return await readFile(join(root, jobId, name))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },

    async write(jobId, name, bytes) {
      const folder = join(root, jobId)
      await mkdir(folder, { recursive: true })
      const partial = join(folder, `.${randomUUID()}`)
      try {
        await writeDurably(partial, bytes)
        await rename(partial, join(folder, name))
      } catch (error) {
        await rm(partial, { force: true })
        throw error
      }
    },

    async sweep(maxAgeSeconds) {
      await mkdir(root, { recursive: true })
      for (const name of await readdir(root)) {
        // somebody may have given us a directory that holds other things too
        if (!JOB_ID.test(name)) continue
        const folder = join(root, name)
        if (Date.now() - (await changedAt(folder)) > maxAgeSeconds * 1_000)
          await rm(folder, { recursive: true, force: true })
      }
    },
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function changedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (isMissing(error)) return Date.now()
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT'
}

const MAX_BYTES_IN_MEMORY = 96 * 1024 * 1024

/** Jobs in memory; beyond `maxBytes` the oldest are forgotten, which costs nothing but drawing them again. */
export function memoryShelf(maxBytes = MAX_BYTES_IN_MEMORY): Shelf {
  const jobs = new Map<string, { files: Map<string, Uint8Array>; changedAt: number }>()
  let bytes = 0

  function forget(jobId: string): void {
    for (const file of jobs.get(jobId)?.files.values() ?? []) bytes -= file.length
    jobs.delete(jobId)
  }

  return {
    read: async (jobId, name) => jobs.get(jobId)?.files.get(name) ?? null,
    async write(jobId, name, file) {
      const files = jobs.get(jobId)?.files ?? new Map<string, Uint8Array>()
      bytes += file.length - (files.get(name)?.length ?? 0)
      files.set(name, file)
      // written last, so forgotten last
      jobs.delete(jobId)
      jobs.set(jobId, { files, changedAt: Date.now() })
      for (const oldest of jobs.keys()) {
        if (bytes <= maxBytes || oldest === jobId) break
        forget(oldest)
      }
    },
    async sweep(maxAgeSeconds) {
      for (const [jobId, job] of jobs) if (Date.now() - job.changedAt > maxAgeSeconds * 1_000) forget(jobId)
    },
  }
}

/** A small record of a job, or null where it has none. */
export async function readRecord<Shape>(shelf: Shelf, jobId: string, name: string): Promise<Shape | null> {
  const bytes = await shelf.read(jobId, `${name}.json`)
  return bytes ? (JSON.parse(Buffer.from(bytes).toString('utf8')) as Shape) : null
}

export async function writeRecord(shelf: Shelf, jobId: string, name: string, record: object): Promise<void> {
  await shelf.write(jobId, `${name}.json`, Buffer.from(JSON.stringify(record)))
}
