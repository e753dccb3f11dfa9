/** An answer that goes on: made only as fast as it is read, and over when its reader, its time or the server is gone. */
const encoder = new TextEncoder()

interface Streaming {
  /** Lines, until the signal; it is aborted when the reader leaves. Starts with the first read. */
  events(signal: AbortSignal): AsyncGenerator<string, void, undefined>
  /** Ends it from outside. */
  stopping: AbortSignal
  seconds: number
  onEnd(): void
  onError(error: unknown): void
}

export function eventStream({ events, stopping, seconds, onEnd, onError }: Streaming): Response {
  const leaving = new AbortController()
  let lines: AsyncGenerator<string, void, undefined> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const leave = () => leaving.abort()
  const start = () => {
    stopping.addEventListener('abort', leave, { once: true })
    if (stopping.aborted) leave()
    timer = setTimeout(leave, seconds * 1000)
    return events(leaving.signal)
  }
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    leave()
    // Where it waits to be read, only this lets go of what it holds.
    void lines?.return().catch(onError)
    clearTimeout(timer)
    stopping.removeEventListener('abort', leave)
    onEnd()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          lines ??= start()
          const { done, value } = await lines.next()
          if (!done) return controller.enqueue(encoder.encode(value))
        } catch (error) {
          onError(error)
        }
        end()
        controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
  const headers = {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  }
  return new Response(body, { headers })
}
