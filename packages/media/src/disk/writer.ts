/**
 * Writes behind the reader's back: while one block is on its way to the disk, the next is filled. The bytes are copied,
 * since whoever gave a chunk may use it again.
 */
import type { FileHandle } from 'node:fs/promises'

export const BLOCK_BYTES = 262_144

export interface Writer {
  /** Takes the bytes; waits only where a block is full and the one before is not written yet. */
  write(bytes: Uint8Array): Promise<void>
  /** When all is written. Throws what a write threw, as `write` does. */
  end(): Promise<void>
  /** When nothing is being written any more, well or not; then the file may be closed. */
  rest(): Promise<void>
}

/** Keeps order; one system call at a time. */
export function writerOf(file: FileHandle): Writer {
  let filling = new Uint8Array(BLOCK_BYTES)
  let other = new Uint8Array(BLOCK_BYTES)
  let used = 0
  let working: Promise<void> = Promise.resolve()

  async function send(): Promise<void> {
    await working
    working = writeAll(file, filling.subarray(0, used))
    // told where it is awaited: until then nobody else listens
    working.catch(() => undefined)
    ;[filling, other] = [other, filling]
    used = 0
  }
  return {
    async write(bytes) {
      for (let offset = 0; offset < bytes.length;) {
        const part = bytes.subarray(offset, offset + BLOCK_BYTES - used)
        filling.set(part, used)
        used += part.length
        offset += part.length
        if (used === BLOCK_BYTES) await send()
      }
    },
    async end() {
      await send()
      await working
    },
    rest: () => working.catch(() => undefined),
  }
}

/** A nearly full disk takes a part; what is left goes until it says what is wrong. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += (await file.write(bytes, offset)).bytesWritten
}
