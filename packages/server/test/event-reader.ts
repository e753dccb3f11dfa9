/** Reads server-sent events one by one. */
import type { Client, Loose } from './serve.ts'

export interface ServerEvent {
  id: string
  job: Loose
}

export interface EventReader extends AsyncDisposable {
  status: number
  /** The next event; undefined where the stream has ended. Comments are stepped over. */
  next(): Promise<ServerEvent | undefined>
  /** Events until one fits, that one included. */
  until(fits: (event: ServerEvent) => boolean): Promise<ServerEvent[]>
  /** The next block of lines, comments included. */
  block(): Promise<string | undefined>
  close(): Promise<void>
}

export async function readEvents(client: Client, path: string, lastEventId?: string): Promise<EventReader> {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }
  const leaving = new AbortController()
  const response = await client.fetch(path, { headers, signal: leaving.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''

  const block: EventReader['block'] = async () => {
    while (!text.includes('\n\n')) {
      const chunk = await reader?.read().catch(() => undefined)
      if (!chunk || chunk.done) return undefined
      text += chunk.value
    }
    const end = text.indexOf('\n\n')
    const first = text.slice(0, end)
    text = text.slice(end + 2)
    return first
  }
  const next: EventReader['next'] = async () => {
    for (;;) {
      const lines = await block()
      if (lines === undefined) return undefined
      const fields = /^event: job\nid: (.+)\ndata: (.+)$/.exec(lines)
      if (fields) return { id: fields[1]!, job: JSON.parse(fields[2]!) }
      if (!lines.startsWith(':')) throw new Error(`This is no event of ours: ${lines}`)
    }
  }
  const close = async () => leaving.abort()
  return {
    status: response.status,
    block,
    next,
    async until(fits) {
      const events: ServerEvent[] = []
      for (;;) {
        const event = await next()
        if (!event) throw new Error(`The stream ended after ${JSON.stringify(events)}`)
        events.push(event)
        if (fits(event)) return events
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
