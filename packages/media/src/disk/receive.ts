import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { SafelightError } from '@safelight/core'
import { notOurs } from '../probe.ts'
import { SNIFF_BYTES, sniff } from '../sniff.ts'
import { writerOf } from './writer.ts'

const SLICE_BYTES = 1_048_576

export interface Received {
  bytes: number
  /** SHA-256, in hex. */
  hash: string
}

/**
 * Writes a stream into an open file, two blocks in memory at a time, hashing on the way. Stops reading at the first byte
 * beyond `maxBytes`, and after the first few when they are none of our types.
 */
export async function receive(
  source: ReadableStream<Uint8Array>,
  file: FileHandle,
  options: { maxBytes: number; signal?: AbortSignal | undefined },
): Promise<Received> {
  const { maxBytes, signal } = options
  const hash = createHash('sha256')
  const start = new Uint8Array(SNIFF_BYTES)
  let bytes = 0
  const writer = writerOf(file)

  try {
    for await (const chunk of chunksOf(source, signal)) {
      if (bytes + chunk.length > maxBytes) {
        throw new SafelightError('too_large', `The file is larger than the ${maxBytes} bytes that are allowed.`)
      }
      if (bytes < SNIFF_BYTES) {
        start.set(chunk.subarray(0, SNIFF_BYTES - bytes), bytes)
        if (bytes + chunk.length >= SNIFF_BYTES && sniff(start) === null) throw notOurs()
      }
      // a source may hand over everything at once; hashing and writing it in slices keeps others served meanwhile
      for (let offset = 0; offset < chunk.length; offset += SLICE_BYTES) {
        const slice = chunk.subarray(offset, offset + SLICE_BYTES)
        hash.update(slice)
        await writer.write(slice)
      }
      bytes += chunk.length
    }
    await writer.end()
  } finally {
    // a file is not closed under a write; what became of it was said above, or does not matter any more
    await writer.rest()
  }
  return { bytes, hash: hash.digest('hex') }
}

/** Ends the source however the loop is left, so that a connection behind it is let go. */
async function* chunksOf(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const reader = source.getReader()
  // cancelling also wakes a read that waits for a silent source
  const letGo = (reason: unknown): void => void reader.cancel(reason).catch(() => undefined)
  const onAbort = (): void => letGo(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  let finished = false
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { done, value } = await reader.read()
      signal?.throwIfAborted()
      if (done) break
      yield value
    }
    finished = true
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!finished) letGo(signal?.reason)
  }
}
