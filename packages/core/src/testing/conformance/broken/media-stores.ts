import { createHash } from 'node:crypto'
import type { MediaStore, StoredFile } from '../../../contracts.ts'
import { SafelightError } from '../../../errors.ts'
import { sniff } from '../../../memory/sniff.ts'
import type { MediaStoreHarness } from '../media-store.ts'
import type { Broken } from './broken.ts'

function broken(
  name: string,
  caughtBy: string,
  mistake: (good: MediaStore) => Partial<MediaStore>,
): Broken<MediaStoreHarness> {
  return { name, caughtBy, breaks: harness => ({ ...harness, media: { ...harness.media, ...mistake(harness.media) } }) }
}

type Files = Map<string, { file: StoredFile; bytes: Uint8Array<ArrayBuffer> }>
interface Flaws {
  /** Takes any bytes for a PNG. */
  believes?: boolean
  /** Looks at the limit when everything has been read. */
  countsLate?: boolean
  /** Keeps the chunks it was given, and puts them together in the end. */
  keepsChunks?: boolean
  /** Puts what it has read so far where others see it. */
  showsParts?: boolean
  /** Does not look at the signal. */
  isDeaf?: boolean
}

function flawed(flaws: Flaws): MediaStore {
  const files: Files = new Map()
  const put = (key: string, bytes: Uint8Array<ArrayBuffer>): StoredFile => {
    const seen = sniff(bytes) ?? (flaws.believes ? { contentType: 'image/png', width: null, height: null } : null)
    if (!seen) throw new SafelightError('unsupported_media', 'Not ours.')
    const hash = createHash('sha256').update(bytes).digest('hex')
    const file = { key, ...seen, bytes: bytes.length, durationSeconds: null, hash }
    files.set(key, { file, bytes })
    return { ...file }
  }
  return {
    async save(key, source, { maxBytes, signal }) {
      const chunks: Uint8Array[] = []
      let total = 0
      const reader = source.getReader()
      if (!flaws.isDeaf) signal?.addEventListener('abort', () => void reader.cancel(signal.reason), { once: true })
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        chunks.push(flaws.keepsChunks ? next.value : next.value.slice())
        total += next.value.length
        if (total > maxBytes && !flaws.countsLate) await reader.cancel()
        if (total > maxBytes && !flaws.countsLate) throw new SafelightError('too_large', 'Too large.')
        if (flaws.showsParts) put(key, new Uint8Array(Buffer.concat(chunks)))
      }
      if (!flaws.isDeaf) signal?.throwIfAborted()
      if (total > maxBytes) throw new SafelightError('too_large', 'Too large.')
      return put(key, new Uint8Array(Buffer.concat(chunks)))
    },
    async find(prefix) {
      const keys = [...files.keys()].filter(key => key.startsWith(prefix)).toSorted()
      return keys.map(key => ({ ...files.get(key)!.file }))
    },
    async open(key, range) {
      const found = files.get(key)
      if (!found) throw new SafelightError('not_found', 'There is no such file.')
      return new Blob([found.bytes.slice(range?.start, range && range.end + 1)]).stream()
    },
    async delete(key) {
      files.delete(key)
    },
  }
}

export const brokenMediaStores: readonly Broken<MediaStoreHarness>[] = [
  broken('believes what it is told', 'what is none of our types is refused and leaves nothing', () =>
    flawed({ believes: true }),
  ),

  broken('shows what is not complete', 'what is not complete is not seen', () => flawed({ showsParts: true })),

  broken('looks at the limit in the end', 'a source without end is left at the limit', () =>
    flawed({ countsLate: true }),
  ),

  broken('keeps the chunks it was given', 'whoever gave a chunk may use it again', () => flawed({ keepsChunks: true })),

  broken('does not hear that it should stop', 'a save that is aborted leaves nothing, and lets go of its source', () =>
    flawed({ isDeaf: true }),
  ),

  broken('deletes before it writes', 'a replacement that fails leaves the file that was there', good => ({
    async save(key, source, options) {
      await good.delete(key)
      return good.save(key, source, options)
    },
  })),

  broken('leaves the end of a range out', 'a range has both of its ends', good => ({
    open: (key, range) => good.open(key, range && { ...range, end: range.end - 1 }),
  })),

  broken('finds whole folders only', 'files are found by the beginning of their key, sorted by key', good => ({
    find: async prefix =>
      prefix.endsWith('/') ? good.find(prefix) : (await good.find(prefix)).filter(({ key }) => key === prefix),
  })),

  broken('finds in the order of writing', 'files are found by the beginning of their key, sorted by key', good => {
    const order: string[] = []
    return {
      save(key, source, options) {
        order.push(key)
        return good.save(key, source, options)
      },
      find: async prefix => (await good.find(prefix)).toSorted((a, b) => order.indexOf(a.key) - order.indexOf(b.key)),
    }
  }),

  broken('deletes by prefix', 'a deleted file is gone, and no other', good => ({
    async delete(key) {
      for (const file of await good.find(key.split('/')[0]!)) await good.delete(file.key)
    },
  })),

  broken(
    'complains where there is nothing to delete',
    'what is not there cannot be opened, and deleting it is fine',
    good => ({
      async delete(key) {
        await good.open(key)
        await good.delete(key)
      },
    }),
  ),
]
