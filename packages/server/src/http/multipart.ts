/** The one file of a multipart form (RFC 7578), as a stream: nothing of it is ever held as a whole. */
import { SafelightError } from '@safelight/core'

const PREAMBLE_MAX_BYTES = 1024
const HEADERS_MAX_BYTES = 8 * 1024
const LINE = encode('\r\n')
const BLANK_LINE = encode('\r\n\r\n')
const END = encode('--')

/** Undefined where this is no form with a boundary. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const [type, ...parameters] = (contentType ?? '').split(';')
  if (type?.trim().toLowerCase() !== 'multipart/form-data') return undefined
  const values = parameters.map(parameter => /^\s*boundary=(?:"([^"]{1,70})"|([^\s"]{1,70}))\s*$/i.exec(parameter))
  const found = values.find(match => match !== null)
  return found?.[1] ?? found?.[2]
}

export interface FormFile {
  source: ReadableStream<Uint8Array>
  /** What was wrong with the form, once the source has failed because of it. */
  problem(): SafelightError | undefined
}

/**
 * The content of the field `name`, which has to be the only one. The stream fails with `invalid_input` where the form
 * turns out to be broken, so that what reads it stores nothing.
 */
export async function fileOf(body: ReadableStream<Uint8Array>, boundary: string, name: string): Promise<FormFile> {
  const scanner = createScanner(body)
  const delimiter = encode(`\r\n--${boundary}`)
  let problem: SafelightError | undefined
  /** Whatever goes wrong, the body is left to whoever looks after unread ones. */
  const guarded = async <Value>(step: () => Promise<Value>): Promise<Value> => {
    try {
      return await step()
    } catch (error) {
      if (SafelightError.is(error)) problem = error
      scanner.stop()
      throw error
    }
  }
  const next = async () => {
    const chunk = await scanner.upTo(delimiter)
    if (chunk.length > 0) return chunk
    if (!(await scanner.skip(END))) throw broken(`The form may have one field, "${name}", with one file.`)
    scanner.stop()
    return null
  }
  await guarded(() => skipToContent(scanner, delimiter, name))
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await guarded(next)
        if (chunk) controller.enqueue(chunk)
        else controller.close()
      },
      cancel: () => scanner.stop(),
    },
    { highWaterMark: 0 },
  )
  return { source, problem: () => problem }
}

async function skipToContent(scanner: Scanner, delimiter: Uint8Array, name: string): Promise<void> {
  await scanner.until(delimiter, PREAMBLE_MAX_BYTES)
  if (await scanner.skip(END)) throw broken(`The form has no field "${name}".`)
  if (!(await scanner.skip(LINE))) throw broken('The form is malformed.')
  const headers = new TextDecoder().decode(await scanner.until(BLANK_LINE, HEADERS_MAX_BYTES))
  if (fieldName(headers) !== name) throw broken(`The form may have one field, "${name}", with the file.`)
}

interface Scanner {
  /** Everything before `mark`, which is stepped over; fails after `maxBytes`. */
  until(mark: Uint8Array, maxBytes: number): Promise<Uint8Array>
  /** The next bytes before `mark`; none where it has been reached, and then it is stepped over. */
  upTo(mark: Uint8Array): Promise<Uint8Array>
  /** Steps over `mark` if it comes next. */
  skip(mark: Uint8Array): Promise<boolean>
  /** Reads no further. */
  stop(): void
}

function createScanner(body: ReadableStream<Uint8Array>): Scanner {
  const reader = body.getReader()
  // The first boundary has no line before it; this one makes all of them alike.
  let held: Uint8Array = LINE

  const more = async () => {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
    if (done || !value) throw broken('The form ended before it was complete.')
    const longer = new Uint8Array(held.length + value.length)
    longer.set(held)
    longer.set(value, held.length)
    held = longer
  }
  const take = (count: number) => {
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }
  return {
    async until(mark, maxBytes) {
      for (;;) {
        const at = indexOf(held, mark)
        if (at > maxBytes || (at < 0 && held.length > maxBytes + mark.length)) throw broken('The form is malformed.')
        if (at >= 0) {
          const before = take(at)
          take(mark.length)
          return before
        }
        await more()
      }
    },
    async upTo(mark) {
      while (held.length <= mark.length) await more()
      const at = indexOf(held, mark)
      if (at === 0) return take(mark.length).subarray(0, 0)
      // Its last bytes may be the beginning of the mark.
      return take(at > 0 ? at : held.length - mark.length + 1)
    },
    async skip(mark) {
      while (held.length < mark.length) await more()
      if (!startsWith(held, mark, 0)) return false
      take(mark.length)
      return true
    },
    stop: () => reader.releaseLock(),
  }
}

function fieldName(headers: string): string | undefined {
  const disposition = headers.split('\r\n').find(line => /^content-disposition:\s*form-data\s*;/i.test(line))
  const match = /;\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition ?? '')
  return match?.[1] ?? match?.[2]
}

function indexOf(bytes: Uint8Array, mark: Uint8Array): number {
  const first = mark[0] ?? 0
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + mark.length > bytes.length) return -1
    if (startsWith(bytes, mark, at)) return at
  }
  return -1
}

function startsWith(bytes: Uint8Array, mark: Uint8Array, at: number): boolean {
  return mark.every((byte, index) => bytes[at + index] === byte)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function broken(message: string): SafelightError {
  return new SafelightError('invalid_input', message, { fields: [{ path: 'file', message: 'must be one file' }] })
}
