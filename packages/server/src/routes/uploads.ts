/** Input files, streamed from the socket to the store. */
import { SafelightError } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { callerOf, signedIn } from '../auth/callers.ts'
import type { AppEnv } from '../context.ts'
import { boundaryOf, fileOf } from '../http/multipart.ts'
import type { Services } from '../services.ts'
import { mediaShape } from '../shapes/media.ts'
import { answer, bearer, newRoutes, refusals } from './common.ts'
import { MediaAnswer } from './media.ts'

/** Boundaries and headers of a form with one file. */
const FORM_BYTES = 16 * 1024
const GIF = 'GIF8'

export function uploadRoutes(services: Services) {
  const upload = createRoute({
    method: 'post',
    path: '/api/uploads',
    summary: 'Hand in an image to work with',
    security: bearer,
    middleware: signedIn(services),
    responses: { 201: answer('The file, as found by looking at it.', MediaAnswer), ...refusals },
  })
  const routes = newRoutes()
  // The body is streamed past the validators, so it is only declared.
  const file = z.object({ file: z.string().openapi({ format: 'binary' }) })
  const documented = {
    ...upload,
    request: { body: { required: true, content: { 'multipart/form-data': { schema: file } } } },
  }
  routes.openAPIRegistry.registerPath(documented)
  routes.openapi({ ...upload, hide: true }, async c => {
    const leave = services.uploads.enter(callerOf(c).id)
    if (!leave) {
      const message = `At most ${services.limits.uploadsPerUser} uploads may go on at once; wait for one to end.`
      throw new SafelightError('rate_limited', message, { retryAfterSeconds: 5 })
    }
    try {
      const record = await store(c, services)
      c.header('Location', `/api/media/${record.id}`)
      return c.json({ media: mediaShape(record) }, 201)
    } finally {
      leave()
    }
  })
  return routes
}

async function store(c: Context<AppEnv>, { studio, limits }: Services) {
  const boundary = boundaryOf(c.req.header('Content-Type'))
  const { body, signal } = c.req.raw
  if (boundary === undefined)
    throw new SafelightError('unsupported_media', 'Send multipart/form-data with the field "file".')
  if (!body) throw new SafelightError('invalid_input', 'The form has no field "file".', { fields: [] })
  const maxBytes = limits.uploadMaxBytes
  if (Number(c.req.header('Content-Length') ?? 0) > maxBytes + FORM_BYTES) {
    throw new SafelightError('too_large', `A file may have at most ${maxBytes} bytes.`)
  }
  const { source, problem } = await fileOf(body, boundary, 'file')
  try {
    return await studio.upload({ userId: callerOf(c).id, source: await withoutGif(source), maxBytes, signal })
  } catch (error) {
    if (signal.aborted) throw new SafelightError('invalid_input', 'The upload was broken off.', { fields: [] })
    // A store may wrap what its source throws, so the form says itself what was wrong with it.
    throw problem() ?? error
  }
}

/** A store keeps GIFs too, since providers make them; but no model takes one. */
async function withoutGif(source: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const reader = source.getReader()
  const head: Uint8Array[] = []
  const text = () => String.fromCharCode(...head.flatMap(chunk => [...chunk.subarray(0, GIF.length)]))
  let isOver = false
  while (!isOver && text().length < GIF.length) {
    const { done, value } = await reader.read()
    if (value) head.push(value)
    isOver = done
  }
  if (text().startsWith(GIF)) {
    await reader.cancel()
    throw new SafelightError('unsupported_media', 'The file is none of PNG, JPEG, WebP, AVIF, MP4 and WebM.')
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const first = head.shift()
        const { done, value } = first ? { done: false, value: first } : await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: reason => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
