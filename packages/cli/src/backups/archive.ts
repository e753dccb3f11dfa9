/** A backup as a file: a gzipped tar, the manifest first, and then every folder and file that it names. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import { extract, pack, type Entry, type Pack } from 'tar-stream'
import { PlainError } from '../command.ts'
import { isOfDisk, named } from './disk.ts'
import { readManifest, type Manifest } from './manifest.ts'

const MANIFEST = 'manifest.json'
/** Everything of the data directory is below this name in the archive. */
const ROOT = 'data/'
/** Room for a million files. */
const MANIFEST_MAX_BYTES = 256 * 1024 * 1024

/** Writes the new file `path` for its owner alone. */
export async function writeArchive(
  path: string,
  manifest: Manifest,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const archive = pack()
  const output = named(createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }), path)
  // Most of it is pictures, which do not get smaller.
  const written = pipeline(archive, createGzip({ level: constants.Z_BEST_SPEED }), output, { signal })
  const packed = fill(archive, manifest, directory, signal).catch((error: unknown) => {
    archive.destroy(error as Error)
    throw error
  })
  const [filled, kept] = await Promise.allSettled([packed, written])
  // When the disk fails the archive only hears that nobody reads it any more; when a file fails, the disk does.
  if (kept.status === 'rejected' && isOfDisk(kept.reason)) throw kept.reason
  if (filled.status === 'rejected') throw filled.reason
  if (kept.status === 'rejected') throw kept.reason
}

async function fill(archive: Pack, manifest: Manifest, directory: string, signal: AbortSignal): Promise<void> {
  const mtime = new Date(manifest.created_at)
  const text = JSON.stringify(manifest)
  await addEntry(archive, { name: MANIFEST, size: Buffer.byteLength(text), mode: 0o600, mtime }, Readable.from([Buffer.from(text)])) // prettier-ignore
  for (const name of manifest.folders) {
    await addEntry(archive, { name: `${ROOT}${name}/`, type: 'directory', mode: 0o700, mtime }, null)
  }
  for (const [name, { bytes }] of Object.entries(manifest.files)) {
    const path = join(directory, name)
    const header = { name: ROOT + name, size: bytes, mode: 0o600, mtime }
    await addEntry(archive, header, named(createReadStream(path, { signal }), path)).catch((error: unknown) => {
      if (/size mismatch/i.test(String(error))) throw new PlainError(changed(path), undefined, { cause: error })
      throw error
    })
  }
  archive.finalize()
}

async function addEntry(archive: Pack, header: Parameters<Pack['entry']>[0], bytes: Readable | null): Promise<void> {
  const done = Promise.withResolvers<void>()
  const entry = archive.entry(header, error => (error ? done.reject(error) : done.resolve()))
  // An archive that was ended from the other side takes no entry.
  if (!entry) throw new Error('The archive was closed.')
  if (bytes === null) entry.end()
  await Promise.all([bytes && pipeline(bytes, entry), done.promise])
}

/** What is said of a file that was not the same twice. */
function changed(path: string): string {
  return `${path} changed while it was copied: end the program that writes there, and try again.`
}

/** Who is given what is in an archive, in its order. */
export interface Receiver {
  /** Before anything else; what it throws ends the reading. */
  manifest(manifest: Manifest): Promise<void>
  folder(path: string): Promise<void>
  file(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void>
}

/** Makes what is in an archive below `directory`. */
export function writeTo(directory: string, onManifest: Receiver['manifest'], signal: AbortSignal): Receiver {
  return {
    manifest: onManifest,
    folder: path => mkdir(join(directory, path), { mode: 0o700 }),
    async file(path, bytes) {
      const place = join(directory, path)
      const output = named(createWriteStream(place, { flags: 'wx', mode: 0o600, flush: true }), place)
      await pipeline(bytes, output, { signal })
    },
  }
}

/**
 * Hands on what is in the archive at `path`, and answers with its manifest once every folder and file was there as it says, and
 * nothing else. Throws a plain sentence where it is damaged; what was handed on by then is not to be trusted.
 */
export async function readArchive(path: string, receiver: Receiver, signal: AbortSignal): Promise<Manifest> {
  const entries = extract()
  const read = pipeline(named(createReadStream(path, { signal }), path), createGunzip(), entries, { signal })
  // What goes wrong before the archive arrives at the entries also ends them, with the same error.
  read.catch(() => undefined)
  try {
    const manifest = await handOn(entries, receiver, basename(path))
    await read
    return manifest
  } catch (error) {
    if (error instanceof PlainError || isOfDisk(error) || signal.aborted) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new PlainError(`${basename(path)} is damaged or no backup: ${reason}.`, undefined, { cause: error })
  }
}

async function handOn(entries: AsyncIterable<Entry>, receiver: Receiver, name: string): Promise<Manifest> {
  let manifest: Manifest | undefined
  const missing = new Set<string>()
  for await (const entry of entries) {
    if (manifest) {
      await handOnEntry(entry, manifest, missing, receiver, name)
      continue
    }
    manifest = readManifest(await manifestText(entry, name), name)
    for (const path of [...manifest.folders, ...Object.keys(manifest.files)]) missing.add(path)
    await receiver.manifest(manifest)
  }
  if (!manifest) throw new PlainError(`${name} is no backup: there is nothing in it.`)
  const [first] = missing
  if (first !== undefined) throw new PlainError(`${name} is damaged: ${first} is missing.`)
  return manifest
}

async function manifestText(entry: Entry, name: string): Promise<string> {
  const { header } = entry
  if (header.name !== MANIFEST || header.type !== 'file')
    throw new PlainError(`${name} is no backup: it does not begin with a manifest.`)
  if ((header.size ?? 0) > MANIFEST_MAX_BYTES) throw new PlainError(`${name} is damaged: its manifest is too large.`)
  const chunks: Uint8Array[] = []
  for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function handOnEntry(
  entry: Entry,
  manifest: Manifest,
  missing: Set<string>,
  receiver: Receiver,
  name: string,
): Promise<void> {
  const { name: full, type, size } = entry.header
  const path = full.startsWith(ROOT) ? full.slice(ROOT.length).replace(/\/$/, '') : ''
  // Names are only ever those of the manifest, which were looked at; so nothing leads out of the folder.
  if (!missing.delete(path))
    throw new PlainError(`${name} is damaged: its manifest does not name ${JSON.stringify(full)}.`)
  const known = Object.hasOwn(manifest.files, path) ? manifest.files[path] : undefined
  if (type !== (known ? 'file' : 'directory') || (known && size !== known.bytes))
    throw new PlainError(`${name} is damaged: ${path} is not what its manifest says.`)
  if (!known) {
    entry.resume()
    return receiver.folder(path)
  }
  const hash = createHash('sha256')
  await receiver.file(path, hashing(entry as AsyncIterable<Uint8Array>, hash))
  if (hash.digest('hex') !== known.sha256)
    throw new PlainError(`${name} is damaged: ${path} is not what its manifest says.`)
}

async function* hashing(bytes: AsyncIterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
}
