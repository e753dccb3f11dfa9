/** What a backup says about itself: where it comes from, and every folder and file in it with its size and hash. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { PlainError } from '../command.ts'
import { named } from './disk.ts'

/** Raised when an older safelight could not read it any more. */
export const FORMAT = 1
const FORMAT_UNKNOWN = 'was made by a newer safelight in another format. Update safelight.'

/** Of the process that has the directory open; nobody else's business. */
const LEFT_OUT = /^(database\.lock|server\.json(\.\d+)?)(\/|$)/
/** The database is here, and this file is in every one. */
export const DATABASE = 'database'
const DATABASE_MARK = `${DATABASE}/PG_VERSION`

const file = z.strictObject({ bytes: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })

const shape = z.strictObject({
  format: z.literal(FORMAT),
  /** Of the safelight that made it. */
  version: z.string().max(100),
  created_at: z.iso.datetime(),
  /** All that were applied; the last one is the newest. */
  migrations: z.array(
    z.object({ version: z.int(), name: z.string().max(200), checksum: z.string().max(200), breaking: z.boolean() }),
  ),
  /** Parents before what is in them. */
  folders: z.array(z.string()),
  files: z.record(z.string(), file),
})

export type Manifest = z.infer<typeof shape>
export type Contents = Pick<Manifest, 'folders' | 'files'>

/** All that is in the data directory but for what belongs to the running process. Throws where there is a link or the like. */
export async function contentsOf(directory: string, signal: AbortSignal): Promise<Contents> {
  const folders: string[] = []
  const files: Contents['files'] = {}
  const look = async (folder: string): Promise<void> => {
    const entries = await readdir(join(directory, folder), { withFileTypes: true })
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (LEFT_OUT.test(path)) continue
      const problem = problemWith(path)
      if (problem) throw new PlainError(`${join(directory, path)} cannot be in a backup: ${problem}.`)
      if (entry.isDirectory()) {
        folders.push(path)
        await look(path)
      } else if (entry.isFile()) {
        files[path] = await digestOf(join(directory, path), signal)
      } else {
        throw new PlainError(
          `${join(directory, path)} is neither a file nor a folder, and a backup holds nothing else.`,
        )
      }
    }
  }
  await look('')
  return { folders, files }
}

async function digestOf(path: string, signal: AbortSignal): Promise<z.infer<typeof file>> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of named(createReadStream(path, { signal }), path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** The manifest in `text`. Throws a `PlainError` that begins with the name of the backup where it is none that may be used. */
export function readManifest(text: string, name: string): Manifest {
  const parsed = shape.safeParse(jsonOf(text))
  if (!parsed.success) {
    const { format } = (jsonOf(text) ?? {}) as { format?: unknown }
    const isNewer = typeof format === 'number' && format > FORMAT
    throw new PlainError(`${name} ${isNewer ? FORMAT_UNKNOWN : 'is damaged: its manifest cannot be read.'}`)
  }
  const problem = problemIn(parsed.data)
  if (problem) throw new PlainError(`${name} is damaged: ${problem}.`)
  return parsed.data
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // which no shape takes
  }
}

/** Every path stays inside, is there once, and stands in a folder that is made before it. */
function problemIn({ folders, files }: Contents): string | undefined {
  const made = new Set<string>()
  for (const path of [...folders, ...Object.keys(files)]) {
    const problem = problemWith(path)
    if (problem) return `${JSON.stringify(path)} ${problem}`
    if (LEFT_OUT.test(path)) return `${path} has no place in a backup`
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (made.has(path)) return `${path} is there twice`
    if (parent !== '' && !(made.has(parent) && !Object.hasOwn(files, parent))) return `${path} is in no folder`
    made.add(path)
  }
  return Object.hasOwn(files, DATABASE_MARK) ? undefined : 'there is no database in it'
}

/** Names that would lead elsewhere, here or on another system. */
function problemWith(path: string): string | undefined {
  const parts = path.split('/')
  if (parts.some(part => part === '' || part === '.' || part === '..')) return 'leads out of its folder'
  const hasControl = [...path].some(character => character < ' ')
  if (hasControl || /[\\:]/.test(path)) return 'has a name that not every system can write'
  return undefined
}
