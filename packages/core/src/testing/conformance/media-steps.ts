/** Sources that do as they are told, and reading back what was stored. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { MediaStore } from '../../contracts.ts'
import { SafelightError, type ErrorCode } from '../../errors.ts'

export type Bytes = Uint8Array<ArrayBuffer>

export function streamOf(...chunks: readonly Bytes[]): ReadableStream<Bytes> {
  return streamFrom(chunks.values())
}
export function streamFrom(chunks: Iterator<Bytes>): ReadableStream<Bytes> {
  return new ReadableStream(
    {
      pull(controller) {
        const { done, value } = chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}
export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
export async function contentOf(media: MediaStore, key: string): Promise<Buffer> {
  return bytesOf(await media.open(key))
}
export const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export async function rejectsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert(SafelightError.is(error), `expected ${code}, got ${String(error)}`)
    assert.equal(error.code, code)
    return true
  })
}
/** Neither found nor opened. */
export async function assertAbsent(media: MediaStore, key: string): Promise<void> {
  assert.deepEqual(await media.find(key), [])
  await rejectsWith('not_found', media.open(key).then(bytesOf))
}

/** A source that gives its first chunk, and then waits to be told what comes next. */
export function haltingSource(first: Bytes) {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
  let canceled = false
  let controller: ReadableStreamDefaultController<Bytes> | undefined
  let given = false
  const stream = new ReadableStream<Bytes>(
    {
      start(its) {
        controller = its
      },
      pull(its) {
        if (given) onAsked()
        else its.enqueue(first)
        given = true
      },
      cancel() {
        canceled = true
      },
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    /** The first chunk was taken, and the next one asked for. */
    asked,
    isCanceled: () => canceled,
    finish(rest: Bytes) {
      controller?.enqueue(rest)
      controller?.close()
    },
    fail(error: Error) {
      controller?.error(error)
    },
  }
}
