/** A media store on the local disk. Key `a/b/0` is the file `<directory>/a/b/0`, and nothing else is kept about it. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { SafelightError } from '@safelight/core'
import type { MediaStore, StoredFile } from '@safelight/core'
import { isMissing, unusable } from './disk/errors.ts'
import { keySegments, prefixParts } from './disk/keys.ts'
import { PARTIAL_FOLDER, partialName, sweepPartials } from './disk/partial.ts'
import { receive } from './disk/receive.ts'
import { fileSource, hashOf, streamFile } from './disk/source.ts'
import { hasRealFolders, listKeys, openFile, place, removeFile } from './disk/tree.ts'
import { MEDIA_LIMITS } from './limits.ts'
import type { MediaLimits } from './limits.ts'
import { probe } from './probe.ts'

export interface FilesOptions {
  /** Of pictures and clips; `MEDIA_LIMITS` where absent. */
  limits?: MediaLimits
}

export interface FileStore extends MediaStore {
  /** Proves that files can be written, read and deleted; throws one plain sentence otherwise. */
  check(): Promise<void>
}

/**
 * Keeps media in a directory, which is made at first use. What is visible is complete: files are written under
 * another name in `.partial`, flushed, and renamed. Several processes may share the directory.
 */
export function files(directory: string, options: FilesOptions = {}): FileStore {
  const limits = options.limits ?? MEDIA_LIMITS
  const root = opener(resolve(directory))

  return {
    async save(key, source, { maxBytes, signal }) {
      let partial: string | null = null
      try {
        const segments = keySegments(key)
        const base = await root()
        partial = join(base, PARTIAL_FOLDER, partialName())
        const stored = await write(partial, source, { key, maxBytes, signal, limits })
        signal?.throwIfAborted()
        await place(partial, base, segments)
        return stored
      } catch (error) {
        if (partial) await rm(partial, { force: true })
        // nobody will read it now; a source that was begun has been let go already
        if (!source.locked) void source.cancel(error).catch(() => undefined)
        throw error
      }
    },

    async find(prefix) {
      const { folder, start } = prefixParts(prefix)
      const base = await root()
      if (!(await hasRealFolders(base, folder))) return []
      const found: StoredFile[] = []
      for (const key of await listKeys(base, folder, start)) {
        const stored = await inspect(base, key, limits)
        if (stored) found.push(stored)
      }
      return found
    },

    async open(key, range) {
      const file = await openFile(await root(), keySegments(key))
      if (!file) throw new SafelightError('not_found', 'There is no such file.')
      try {
        const source = await fileSource(file)
        const { start, end } = checkRange(range, source.size)
        return streamFile(file, source, start, end)
      } catch (error) {
        await file.close()
        throw error
      }
    },

    async delete(key) {
      await removeFile(await root(), keySegments(key))
    },

    async check() {
      try {
        const path = join(await root(), PARTIAL_FOLDER, partialName())
        const proof = randomUUID()
        await writeFile(path, proof, { flush: true })
        const read = await readFile(path, 'utf8')
        await rm(path)
        if (read !== proof) throw new Error('what was written could not be read back')
      } catch (error) {
        throw unusable(directory, error)
      }
    },
  }
}

/** Makes the directory and sweeps what was left unfinished: once, at first use; tried again where it failed. */
function opener(directory: string): () => Promise<string> {
  let opening: Promise<string> | null = null
  return () =>
    (opening ??= openRoot(directory).catch((error: unknown) => {
      opening = null
      throw error
    }))
}

async function openRoot(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  // the directory itself may be a link, as to a mounted disk; what lies in it may not
  const root = await realpath(directory)
  const partials = join(root, PARTIAL_FOLDER)
  await mkdir(partials, { recursive: true })
  await sweepPartials(partials)
  return root
}

async function write(
  path: string,
  source: ReadableStream<Uint8Array>,
  options: { key: string; maxBytes: number; signal: AbortSignal | undefined; limits: MediaLimits },
): Promise<StoredFile> {
  const file = await open(path, 'wx+', 0o600)
  try {
    const received = await receive(source, file, options)
    const info = await probe(await fileSource(file), options.limits)
    await file.sync()
    return { key: options.key, ...info, ...received }
  } finally {
    await file.close()
  }
}

/** A file as `save` once described it, read again from its bytes: there is no second record that could disagree. */
async function inspect(root: string, key: string, limits: MediaLimits): Promise<StoredFile | null> {
  const file = await openFile(root, keySegments(key))
  if (!file) return null
  try {
    const source = await fileSource(file)
    return { key, ...(await probe(source, limits)), bytes: source.size, hash: await hashOf(source) }
  } catch (error) {
    // something that people put there by hand, or beyond limits that were lowered since
    if (SafelightError.is(error) || isMissing(error)) return null
    throw error
  } finally {
    await file.close()
  }
}

/** Inclusive on both ends, as in HTTP; an end beyond the file means its end. */
function checkRange(range: { start: number; end: number } | undefined, size: number): { start: number; end: number } {
  if (!range) return { start: 0, end: size }
  const { start, end } = range
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && start < size
  if (!isRange)
    throw new SafelightError('invalid_input', `The file has ${size} bytes; bytes ${start} to ${end} are not in it.`)
  return { start, end: Math.min(end, size - 1) + 1 }
}
