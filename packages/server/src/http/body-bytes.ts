/** The bytes of a body, bounded in size and time. */
import { SafelightError } from '@safelight/core'

const SECONDS_MAX = 15

/** Throws `too_large`, and `invalid_input` for a body that breaks off or comes too slowly. */
export async function readBodyBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declaredBytes = Number(request.headers.get('Content-Length') ?? 0)
  if (declaredBytes > maxBytes) throw tooLarge(maxBytes)
  return request.body === null ? new Uint8Array() : readAll(request.body, maxBytes)
}

async function readAll(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let total = 0
  let late = false
  const timer = setTimeout(() => {
    late = true
    void reader.cancel().catch(() => undefined)
  }, SECONDS_MAX * 1000)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (late) throw unfinished()
      if (done) return join(chunks, total)
      total += value.byteLength
      if (total > maxBytes) throw tooLarge(maxBytes)
      chunks.push(value)
    }
  } catch (error) {
    // The connection broke, or the client went on too slowly: there is no whole body to speak of.
    throw SafelightError.is(error) ? error : unfinished()
  } finally {
    clearTimeout(timer)
    reader.releaseLock()
  }
}

function join(chunks: readonly Uint8Array[], total: number): Uint8Array {
  const bytes = new Uint8Array(total)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

function unfinished(): SafelightError {
  const message = 'The body ended before it was complete, or did not arrive in time.'
  return new SafelightError('invalid_input', message, { fields: [] })
}

function tooLarge(maxBytes: number): SafelightError {
  return new SafelightError('too_large', `The body may have at most ${maxBytes} bytes.`)
}
