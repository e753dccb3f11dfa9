/**
 * An answer, a refusal above all, often comes before the body has been read. Closing the connection then would make the client lose the answer
 * (the kernel resets it), and keeping it alive would take the rest of the body for the next request. So the answer goes out
 * at once with `Connection: close`, and what still comes is read and dropped for a while before the connection ends.
 */
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'

const LINGER = { seconds: 2, maxBytes: 32 * 1024 * 1024 }

export const unreadBodies = createMiddleware<AppEnv>(async (c, next) => {
  const { body } = c.req.raw
  await next()
  if (c.env?.incoming?.complete !== false || !body || body.locked) return
  const answer = new Uint8Array(await c.res.arrayBuffer())
  const { status, headers } = c.res
  c.res = new Response(lingering(answer, body), { status, headers })
  c.res.headers.set('Connection', 'close')
  c.res.headers.set('Content-Length', String(answer.byteLength))
})

function lingering(answer: Uint8Array, unread: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let isSent = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!isSent && answer.byteLength > 0) {
          isSent = true
          return controller.enqueue(answer)
        }
        await drop(unread)
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

async function drop(unread: ReadableStream<Uint8Array>): Promise<void> {
  const reader = unread.getReader()
  const timer = setTimeout(() => reader.releaseLock(), LINGER.seconds * 1000)
  try {
    let dropped = 0
    for (;;) {
      const { done, value } = await reader.read()
      dropped += value?.byteLength ?? 0
      if (done || dropped > LINGER.maxBytes) return
    }
  } catch {
    // The client has gone, or its time is over; either way it has had its answer.
  } finally {
    clearTimeout(timer)
  }
}
