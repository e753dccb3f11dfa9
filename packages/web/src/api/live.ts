/**
 * News about all jobs of the user: one event stream per tab, and looks every few seconds while there is no stream.
 *
 * `live`: the stream is up. `polling`: it is not, but the server answers. `lost`: nobody answers.
 */
import { createParser } from 'eventsource-parser'
import { Problem } from './http.ts'
import type { Job } from './types.ts'

export type Connection = 'connecting' | 'live' | 'polling' | 'lost'

export interface LiveOptions {
  onJob(job: Job): void
  onConnection(connection: Connection): void
  /** Asks for the list of jobs; what a stream missed comes back this way. Throws when the server does not answer. */
  look(): Promise<unknown>
  signal: AbortSignal
}

/** The server sends a comment every 15 s; three missing ones mean that the line is dead. */
const SILENCE_SECONDS = 45
const CONNECT_SECONDS = 15
const FIRST_WAIT_SECONDS = 2
const LONGEST_WAIT_SECONDS = 10
/** A stream that ended by itself reached the server's longest life: come back soon, not all at once. */
const RECONNECT_SECONDS = 0.5

/** Follows until `signal` aborts. `nudge` tries at once: for when the browser says that the network came or went. */
export function followJobs(options: LiveOptions): { nudge(): void } {
  let lastEventId = ''
  let waitSeconds = FIRST_WAIT_SECONDS
  let wakeUp = () => {}
  let hangUp = () => {}

  const pause = (seconds: number) =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, seconds * 1000 * (0.8 + Math.random() * 0.4))
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function stream(): Promise<void> {
    const line = new AbortController()
    hangUp = () => line.abort()
    const signal = AbortSignal.any([line.signal, options.signal])
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (lastEventId) headers['last-event-id'] = lastEventId
    const patience = setTimeout(hangUp, CONNECT_SECONDS * 1000)
    const response = await fetch('/api/events', { headers, credentials: 'same-origin', signal }).finally(() =>
      clearTimeout(patience),
    )
    if (!response.ok || !response.body) throw new Error(`The event stream answered ${response.status}.`)
    options.onConnection('live')
    waitSeconds = FIRST_WAIT_SECONDS
    // Jobs that ended while nobody listened are not repeated by every server.
    void options.look().catch(() => line.abort())
    await readEvents(response.body, hangUp, (id, job) => {
      if (id) lastEventId = id
      options.onJob(job)
    })
  }

  async function lookInstead(): Promise<void> {
    try {
      await options.look()
      options.onConnection('polling')
    } catch (error) {
      options.onConnection(error instanceof Problem ? 'polling' : 'lost')
    }
  }

  async function run(): Promise<void> {
    while (!options.signal.aborted) {
      try {
        await stream()
        await pause(RECONNECT_SECONDS)
      } catch {
        // Whatever broke the stream, the look tells whether the server is there at all.
        if (options.signal.aborted) return
        await lookInstead()
        await pause(waitSeconds)
        waitSeconds = Math.min(LONGEST_WAIT_SECONDS, waitSeconds * 1.5)
      }
    }
  }

  void run()
  options.signal.addEventListener('abort', () => wakeUp(), { once: true })
  return {
    nudge() {
      waitSeconds = FIRST_WAIT_SECONDS
      hangUp()
      wakeUp()
    },
  }
}

/** Reads until the server ends the stream; calls `onSilence` when nothing, not even a heartbeat, arrives any more. */
async function readEvents(
  body: ReadableStream<Uint8Array>,
  onSilence: () => void,
  onJob: (id: string | undefined, job: Job) => void,
): Promise<void> {
  const parser = createParser({
    onEvent: event => {
      if (event.event === 'job') onJob(event.id, JSON.parse(event.data) as Job)
    },
  })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let silence = setTimeout(onSilence, SILENCE_SECONDS * 1000)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(silence)
      silence = setTimeout(onSilence, SILENCE_SECONDS * 1000)
      parser.feed(decoder.decode(value, { stream: true }))
    }
  } finally {
    clearTimeout(silence)
  }
}
