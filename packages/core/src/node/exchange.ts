/**
 * One request on one connection, and its answer as a standard `Response`. undici is driven by its dispatch handler: its
 * `fetch` costs five times the CPU (0.16 against 0.033 ms a request), and it does not say when a request began.
 */
import type { Agent, Dispatcher } from 'undici'
import type { Outgoing } from './request.ts'

export interface Limits {
  /** A request that waits longer for its connection is given up, unsent. */
  startSeconds: number
  /** Of answers that are no files. */
  maxTextBytes: number
  maxFileBytes: number
}

/** Resolves with the headers; never follows a redirect, never sends anything twice. */
export type Exchange = (request: Outgoing) => Promise<Response>

export function createExchange(agent: (request: Outgoing) => Promise<Agent>, limits: Limits): Exchange {
  return async request => {
    request.signal?.throwIfAborted()
    const dispatcher = await agent(request)
    request.signal?.throwIfAborted()
    const { url, method, headers, body } = request
    return new Promise((resolve, reject) => {
      const exchange = new Exchanging(request, limits, resolve, reject)
      const { origin, pathname, search } = url
      // What undici takes as a body is more than its types say: anything that can be iterated.
      const options = {
        origin,
        path: pathname + search,
        method,
        headers,
        body: body as NonNullable<Dispatcher.DispatchOptions['body']> | null,
      }
      try {
        dispatcher.dispatch(options, exchange)
      } catch (error) {
        exchange.onResponseError(null, error as Error)
      }
    })
  }
}

/** Small answers are taken in at once, read or not, so that their connection is free again. */
const READ_AHEAD_BYTES = 65_536
const WITHOUT_BODY = new Set([204, 205, 304])
const FILES = /^(image|video|audio)\/|^application\/octet-stream/

class Exchanging implements Dispatcher.DispatchHandler {
  readonly #request: Outgoing
  readonly #limits: Limits
  readonly #resolve: (response: Response) => void
  readonly #reject: (error: unknown) => void
  readonly #waiting: ReturnType<typeof setTimeout>
  #line: Dispatcher.DispatchController | null = null
  #body: ReadableStreamDefaultController<Uint8Array> | null = null
  #isEnded = false
  #bytes = 0
  #maxBytes = 0

  constructor(
    request: Outgoing,
    limits: Limits,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.#request = request
    this.#limits = limits
    this.#resolve = resolve
    this.#reject = reject
    request.signal?.addEventListener('abort', this.#onAbort, { once: true })
    const late = () => this.#fail(new Error(`No connection was free in ${limits.startSeconds} s`))
    this.#waiting = setTimeout(late, limits.startSeconds * 1000)
  }

  /** The connection is there, and the next thing is the first byte. */
  onRequestStart(line: Dispatcher.DispatchController): void {
    clearTimeout(this.#waiting)
    const isAgain = this.#line !== null
    this.#line = line
    if (this.#isEnded) line.abort(new Error('Nobody waits for this request any more'))
    else if (isAgain) line.abort(new Error('A request is sent once'))
  }

  onResponseStart(line: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    // 100 to 199 announce the answer that is still to come.
    if (status < 200) return
    const { maxTextBytes, maxFileBytes } = this.#limits
    this.#maxBytes = FILES.test(String(headers['content-type'])) ? maxFileBytes : maxTextBytes
    if (Number(headers['content-length']) > this.#maxBytes) return this.#fail(tooLarge(this.#maxBytes))
    const isEmpty = WITHOUT_BODY.has(status) || this.#request.method === 'HEAD'
    const response = new Response(isEmpty ? null : this.#open(line), { status, headers: headersOf(headers) })
    this.#resolve(response)
  }

  onResponseData(line: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#body || this.#isEnded) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) return this.#fail(tooLarge(this.#maxBytes))
    this.#body.enqueue(new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.length))
    if ((this.#body.desiredSize ?? 0) <= 0) line.pause()
  }

  onResponseEnd(): void {
    if (this.#isEnded) return
    this.#end()
    this.#body?.close()
  }

  onResponseError(_: unknown, error: Error): void {
    this.#fail(error)
  }

  readonly #onAbort = (): void => this.#fail(this.#request.signal?.reason)

  #open(line: Dispatcher.DispatchController): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: body => {
          this.#body = body
        },
        pull: () => line.resume(),
        cancel: reason => {
          this.#end()
          line.abort(asError(reason))
        },
      },
      { highWaterMark: READ_AHEAD_BYTES, size: chunk => chunk.length },
    )
  }

  /** Whatever happens before the request has its connection has surely sent nothing. */
  #fail(reason: unknown): void {
    if (this.#isEnded) return
    this.#end()
    const isAborted = this.#request.signal?.aborted === true
    const error = this.#line || isAborted ? reason : neverSent(reason)
    this.#body?.error(error)
    this.#reject(error)
    this.#line?.abort(asError(reason))
  }

  #end(): void {
    this.#isEnded = true
    clearTimeout(this.#waiting)
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
  }
}

/** Headers that came several times stay several: cookies cannot be joined. */
function headersOf(headers: Record<string, unknown>): Record<string, string> | [string, string][] {
  const values = Object.values(headers)
  if (!values.some(Array.isArray)) return headers as Record<string, string>
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, String(each)]),
  )
}

/** What `wasNeverSent` looks for; the code stays what it was. */
function neverSent(reason: unknown): Error {
  const cause = asError(reason)
  const { code } = cause as { code?: string }
  const about = { neverSent: true, ...(code === undefined ? {} : { code }) }
  return Object.assign(new Error(`The request was never sent: ${cause.message}`, { cause }), about)
}

function tooLarge(maxBytes: number): Error {
  return Object.assign(new Error(`The answer is larger than ${maxBytes} bytes`), { code: 'ERR_ANSWER_TOO_LARGE' })
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was given up', { cause: reason })
}
