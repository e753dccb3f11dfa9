/** fal's stream of status events (fal-js `queue.streamStatus`): the same JSON as a look, pushed. */
import { readJson } from '@safelight/core/adapter'
import { createParser } from 'eventsource-parser'
import { queueStatusIn, type QueueStatus } from './progress.ts'

/** One event, with the log lines since the last one. */
const EVENT_MAX_CHARACTERS = 4 * 1024 * 1024

/**
 * The statuses in the order they come. Ends with the body, whether or not the job has: a stream that was cut has simply
 * said nothing more. Throws when the signal fires.
 */
export async function* statusesIn(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<QueueStatus> {
  const arrived: QueueStatus[] = []
  const parser = createParser({
    maxBufferSize: EVENT_MAX_CHARACTERS,
    onEvent: ({ data }) => {
      const status = queueStatusIn(readJson(data))
      if (status) arrived.push(status)
    },
  })
  const reader = body.getReader()
  const stop = () => void reader.cancel(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  const decoder = new TextDecoder()
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await reader.read()
      if (done) return signal.throwIfAborted()
      parser.feed(decoder.decode(value, { stream: true }))
      yield* arrived.splice(0)
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}
