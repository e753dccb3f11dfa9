/** Files in memory. A file appears when its last byte is there, or never. */
import type { MediaStore, StoredFile } from '../contracts.ts'
import { SafelightError } from '../errors.ts'
import { joined, streamOf } from '../streams.ts'
import { sniff } from './sniff.ts'

interface Kept {
  file: StoredFile
  bytes: Uint8Array<ArrayBuffer>
}

/** A media store that forgets everything with the process. */
export function memoryMedia(): MediaStore {
  /** By the first folder of their keys: whoever looks for the files of a job does not go through everybody's. */
  const shelves = new Map<string, Map<string, Kept>>()
  const kept = (key: string) => shelves.get(shelfOf(key))?.get(key)
  return {
    async save(key, source, { maxBytes, signal }) {
      const bytes = await collect(source, maxBytes, signal)
      const seen = sniff(bytes)
      if (!seen) throw new SafelightError('unsupported_media', 'These bytes are not an image or video that we know.')
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      const hash = Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
      // A caller who gave up must not find the file after all.
      signal?.throwIfAborted()
      const file = { key, ...seen, bytes: bytes.length, durationSeconds: null, hash }
      const shelf = shelves.get(shelfOf(key)) ?? new Map<string, Kept>()
      shelves.set(shelfOf(key), shelf.set(key, { file, bytes }))
      return { ...file }
    },
    async find(prefix) {
      const near = prefix.includes('/') ? [shelves.get(shelfOf(prefix)) ?? []] : shelves.values()
      const found = [...near].flatMap(shelf => [...shelf]).filter(([key]) => key.startsWith(prefix))
      return found.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { file }]) => ({ ...file }))
    },
    async open(key, range) {
      const found = kept(key)
      if (!found) throw new SafelightError('not_found', 'There is no such file.')
      return streamOf(range ? found.bytes.slice(range.start, range.end + 1) : found.bytes.slice())
    },
    async delete(key) {
      const shelf = shelves.get(shelfOf(key))
      shelf?.delete(key)
      if (shelf?.size === 0) shelves.delete(shelfOf(key))
    },
  }
}

function shelfOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1)
}

async function collect(source: ReadableStream<Uint8Array>, maxBytes: number, signal?: AbortSignal) {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let total = 0
  await source.pipeTo(
    new WritableStream({
      write(chunk) {
        total += chunk.length
        if (total > maxBytes) throw new SafelightError('too_large', `The file has more than ${maxBytes} bytes.`)
        chunks.push(chunk.slice())
      },
    }),
    signal ? { signal } : {},
  )
  return joined(chunks, total)
}
