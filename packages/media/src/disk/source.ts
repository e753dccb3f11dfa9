import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ByteSource } from '../reader.ts'

const CHUNK_BYTES = 131_072

/** An open file as a source to read by position. */
export async function fileSource(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat()
  return {
    size,
    async read(offset, length) {
      const buffer = new Uint8Array(Math.min(length, Math.max(0, size - offset)))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      return buffer.subarray(0, bytesRead)
    },
  }
}

/** SHA-256 of a whole file, in hex, 128 KiB in memory at a time. */
export async function hashOf(source: ByteSource): Promise<string> {
  const hash = createHash('sha256')
  for (let offset = 0; offset < source.size; offset += CHUNK_BYTES) hash.update(await source.read(offset, CHUNK_BYTES))
  return hash.digest('hex')
}

/** Streams bytes `start` up to, not including, `end`, as fast as they are read, and closes the file however it ends. */
export function streamFile(
  file: FileHandle,
  source: ByteSource,
  start: number,
  end: number,
): ReadableStream<Uint8Array> {
  let offset = start
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await source.read(offset, Math.min(CHUNK_BYTES, end - offset))
          offset += chunk.length
          if (chunk.length > 0) controller.enqueue(chunk)
          if (chunk.length > 0 && offset < end) return
          // a file that became shorter under us must not pass for a complete one
          if (offset < end) throw new Error('The file became shorter while it was read.')
          controller.close()
          await file.close()
        } catch (error) {
          await file.close().catch(() => undefined)
          throw error
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  )
}
