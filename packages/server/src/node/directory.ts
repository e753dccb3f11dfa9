import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes a directory for its owner alone, and those above it. Not Node's own recursive one: below /proc that tries for ever. */
export async function makeDirectory(path: string): Promise<void> {
  const made = await makeOne(path)
  if (made || dirname(path) === path) return
  await makeDirectory(dirname(path))
  await makeOne(path, { isLastTry: true })
}

/** False where its parent is missing. */
async function makeOne(path: string, { isLastTry = false } = {}): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return true
    if (code === 'ENOENT' && !isLastTry) return false
    throw error
  }
}
