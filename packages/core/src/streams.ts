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
