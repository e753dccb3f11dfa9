/** Answers that come packed although nobody asked for it: unpacked within the limit, so that none unfolds into a bomb. */

const FORMATS: Readonly<Record<string, CompressionFormat>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'brotli' as CompressionFormat,
}

/** The same answer, unpacked; its body fails where it is larger than `maxBytes` then, or packed in no way we know. */
export function decoded(response: Response, maxBytes: number): Response {
  const encoding = (response.headers.get('content-encoding') ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '' || !response.body) return response
  const format = FORMATS[encoding]
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  const body = format
    ? response.body.pipeThrough(new DecompressionStream(format)).pipeThrough(atMost(maxBytes))
    : failed(response.body, encoding)
  return new Response(body, { status: response.status, headers })
}

function atMost(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new Error(`The answer is larger than ${maxBytes} bytes when it is unpacked`)
      controller.enqueue(chunk)
    },
  })
}

function failed(body: ReadableStream<Uint8Array>, encoding: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.error(new Error(`The answer is packed as ${encoding.slice(0, 40)}, which nobody asked for`))
      await body.cancel()
    },
  })
}
