/** The secret of an embedded server: made once, kept beside its data, readable by its owner alone. */
import { randomBytes } from 'node:crypto'
import { chmod, link, open, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeDirectory } from './directory.ts'

const FILE = 'secret'
const SECRET_BYTES = 32
const SECRET_MIN_CHARACTERS = 32

/**
 * The secret of this data directory, made where there is none. Two servers that start at once end up with the same one.
 * Throws a plain sentence where the directory cannot be written.
 */
export async function loadOrMakeSecret(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, FILE)
  try {
    await makeDirectory(resolve(dataDirectory))
    const known = await readSecret(path)
    if (known !== null) return known
    await makeSecret(path)
    return (await readSecret(path)) ?? ''
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const message = `The data directory cannot be used (${code}); set SAFELIGHT_DATA_DIR to one that can be written.`
    throw new Error(message, { cause: error })
  }
}

async function readSecret(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  if (text.trim().length < SECRET_MIN_CHARACTERS) {
    throw new Error(
      'The file "secret" in the data directory is damaged; delete it, and everybody has to sign in again.',
    )
  }
  await chmod(path, 0o600)
  return text.trim()
}

/** Written aside and linked, which happens at most once; a half-written secret is never seen. */
async function makeSecret(path: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(SECRET_BYTES).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(aside, { force: true })
  }
}
