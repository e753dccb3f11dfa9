/** Files in memory. A file appears when its last byte is there, or never. */
import type { MediaStore, StoredFile } from '../contracts.ts'
import { SafelightError } from '../errors.ts'
import { sniff } from './sniff.ts'

/** A media store that forgets everything with the process. */
export function memoryMedia(): MediaStore {
  const files = new Map<string, { file: StoredFile; bytes: Uint8Array<ArrayBuffer> }>()
  return {
    async save(key, source, { maxBytes, signal }) {
      const bytes = await collect(source, maxBytes, signal)
      const seen = sniff(bytes)
      if (!seen)
        throw new SafelightError('unsupported_media', 'The file is none of PNG, JPEG, WebP, AVIF, GIF, MP4 and WebM.')
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      const hash = Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
      signal?.throwIfAborted()
      const file = { key, ...seen, bytes: bytes.length, durationSeconds: null, hash }
      files.set(key, { file, bytes })
      return { ...file }
    },
    async find(prefix) {
      const keys = [...files.keys()].filter(key => key.startsWith(prefix)).toSorted()
      return keys.flatMap(key => ({ ...files.get(key)!.file }))
    },
    async open(key, range) {
      const found = files.get(key)
      if (!found) throw new SafelightError('not_found', 'There is no such file.')
      const bytes = range ? found.bytes.slice(range.start, range.end + 1) : found.bytes.slice()
      return new Blob([bytes]).stream()
    },
    async delete(key) {
      files.delete(key)
    },
  }
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
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
