/** fal's stream of status events (fal-js `queue.streamStatus`): the same JSON as a look, pushed. */
import { readJson, type Api } from '@safelight/core/adapter'
import type { LookCall } from '@safelight/core'
import { createParser } from 'eventsource-parser'
import { statusAddress, type Operation } from './operation.ts'
import { queueStatusIn, type Completed, type News, type QueueStatus } from './progress.ts'

/** One event, with the log lines since the last one. */
const EVENT_MAX_CHARACTERS = 4 * 1024 * 1024

/** Holds the line until the job has finished, telling each change. Throws where the stream ends before that. */
export async function lastStatus(
  queue: Api,
  call: LookCall & { tell(news: News): void },
  operation: Operation,
): Promise<Completed> {
  const headers = { accept: 'text/event-stream' }
  const response = await queue.open(call, { path: statusAddress(operation, 'stream'), headers })
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
  if (!response.ok || !response.body || !isStream) {
    await response.body?.cancel()
    throw new Error(`fal’s status stream answered ${response.status}`)
  }
  let told = ''
  for await (const status of statusesIn(response.body, call.signal)) {
    if (status.status === 'completed') return status
    const news = JSON.stringify(status.news)
    if (news !== told) call.tell(status.news)
    told = news
  }
  throw new Error('fal’s status stream ended before the job')
}

/**
 * The statuses in the order they come. Ends with the body, whether or not the job has: a stream that was cut has simply
 * said nothing more. Throws when the signal fires.
 */
async function* statusesIn(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<QueueStatus> {
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
