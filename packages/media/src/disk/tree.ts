/**
 * Walking below the root without ever leaving it. A symbolic link anywhere below is treated as if it were not there:
 * nothing in this store makes one, so whoever did wants to lead us elsewhere.
 */
import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, isMissing } from './errors.ts'
import { pathOf } from './keys.ts'

// absent on Windows, where `isRealFile` alone decides
const READ_NO_FOLLOW = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)

const MAX_PLACE_ATTEMPTS = 5

/** Opens a file for reading, or null where no regular file of that key is. */
export async function openFile(root: string, segments: readonly string[]): Promise<FileHandle | null> {
  if (!(await hasRealFolders(root, segments.slice(0, -1)))) return null
  const path = pathOf(root, segments)
  try {
    if (!(await lstat(path)).isFile()) return null
    return await open(path, READ_NO_FOLLOW)
  } catch (error) {
    if (isMissing(error) || codeOf(error) === 'ELOOP') return null
    throw error
  }
}

/** Puts a finished file in its place, replacing what was there. */
export async function place(partial: string, root: string, segments: readonly string[]): Promise<void> {
  const path = pathOf(root, segments)
  for (let attempt = 1; ; attempt += 1) {
    await makeFolders(root, segments.slice(0, -1))
    try {
      await rename(partial, path)
      return await syncFolder(dirname(path))
    } catch (error) {
      // a delete of the last file beside it may have taken the folder away again
      if (codeOf(error) !== 'ENOENT' || attempt === MAX_PLACE_ATTEMPTS) throw error
    }
  }
}

/** Deletes a regular file, and the folders that are empty without it. */
export async function removeFile(root: string, segments: readonly string[]): Promise<void> {
  if (!(await hasRealFolders(root, segments.slice(0, -1)))) return
  const path = pathOf(root, segments)
  try {
    if (!(await lstat(path)).isFile()) return
    await unlink(path)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  for (let depth = segments.length - 1; depth > 0; depth -= 1) {
    if (!(await removeEmpty(pathOf(root, segments.slice(0, depth))))) return
  }
}

async function removeEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) return false
    throw error
  }
}

/** Makes the folders a key needs, each made durable, and refuses one that is a link. */
async function makeFolders(root: string, segments: readonly string[]): Promise<void> {
  let path = root
  for (const segment of segments) {
    path = join(path, segment)
    try {
      await mkdir(path)
      await syncFolder(dirname(path))
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (!(await lstat(path)).isDirectory())
        throw new Error(`${path} is not a folder of the media store.`, { cause: error })
    }
  }
}

/** Whether every folder on the way is a real one. */
export async function hasRealFolders(root: string, segments: readonly string[]): Promise<boolean> {
  let path = root
  for (const segment of segments) {
    path = join(path, segment)
    try {
      if (!(await lstat(path)).isDirectory()) return false
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
  return true
}

/** Keys of all files below `folder` whose first name begins with `start`, sorted. */
export async function listKeys(root: string, folder: readonly string[], start: string): Promise<string[]> {
  const keys: string[] = []
  const waiting = [folder]
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    const isTop = here === folder
    for (const entry of await entriesOf(pathOf(root, here))) {
      if (entry.name.startsWith('.') || (isTop && !entry.name.startsWith(start))) continue
      if (entry.isDirectory()) waiting.push([...here, entry.name])
      if (entry.isFile()) keys.push([...here, entry.name].join('/'))
    }
  }
  return keys.toSorted()
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** A rename is only durable once its folder is; Windows cannot do this and does not need it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
