/** Streams of bytes and what they are made of. */

/** Bytes as a stream of one chunk; a stream as it is. `new Blob([bytes]).stream()` costs several times as much. */
export function streamOf(bytes: ReadableStream<Uint8Array> | Uint8Array): ReadableStream<Uint8Array> {
  if (!(bytes instanceof Uint8Array)) return bytes
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** `length` bytes in one piece; a single chunk as it is. */
export function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const [only] = chunks
  if (only && chunks.length === 1 && only.buffer instanceof ArrayBuffer) return only as Uint8Array<ArrayBuffer>
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
