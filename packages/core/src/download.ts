/**
 * An output on its way from a provider, as one stream: taken up again by `Range` where it was cut, from where its reader
 * stands, and never shorter or longer than it said it would be. Works over any `fetch`.
 */
import { SafelightError } from './errors.ts'
import { sleep } from './sleep.ts'
import { letGo, openPart, type Part } from './transfer/part.ts'
import { isWorthResuming, pauseSeconds, trouble } from './transfer/trouble.ts'

export interface DownloadOptions {
  url: string
  signal: AbortSignal
  maxBytes: number
}

/** How often a cut line is taken up again: in a row without a byte of progress, and in all. */
const RESUMES_MAX = { fruitless: 3, inAll: 30 }

/**
 * Opens an output. Throws `gone`, `too_large` and `Trouble`; so does the stream, and then nothing that it gave may be kept.
 * The URL is the provider's: no key goes along.
 */
export async function download(
  fetch: typeof globalThis.fetch,
  options: DownloadOptions,
): Promise<ReadableStream<Uint8Array>> {
  const { url, signal, maxBytes } = options
  const part = await openPart(fetch, { url, signal, position: 0, seen: null })
  if ((part.total ?? 0) > maxBytes) {
    await letGo(part.reader)
    throw new SafelightError('too_large', `The output has ${part.total} bytes; ${maxBytes} are allowed.`)
  }
  const line = new Line(fetch, options, part)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await line.next()
        if (bytes) controller.enqueue(bytes)
        else controller.close()
      },
      cancel: () => line.drop(),
    },
    { highWaterMark: 0 },
  )
}

class Line {
  readonly #fetch: typeof globalThis.fetch
  readonly #options: DownloadOptions
  readonly #first: Part
  #part: Part
  /** Bytes that the reader has. */
  #position = 0
  #resumes = { fruitless: 0, inAll: 0 }

  constructor(fetch: typeof globalThis.fetch, options: DownloadOptions, part: Part) {
    this.#fetch = fetch
    this.#options = options
    this.#first = part
    this.#part = part
  }

  /** The next bytes that the reader does not have; null at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      let chunk: Awaited<ReturnType<Part['reader']['read']>>
      try {
        chunk = await this.#part.reader.read()
        if (chunk.done && !this.#isWhole()) throw trouble(`The output ended after ${this.#position} bytes`)
      } catch (error) {
        await this.#resume(error)
        continue
      }
      if (chunk.done) return null
      const bytes = this.#fresh(chunk.value)
      if (bytes.length > 0) return bytes
    }
  }

  drop(): Promise<void> {
    return letGo(this.#part.reader)
  }

  #total(): number | null {
    return this.#first.total ?? this.#part.total
  }

  #isWhole(): boolean {
    return this.#position === (this.#total() ?? this.#position)
  }

  #fresh(bytes: Uint8Array): Uint8Array {
    const fresh = bytes.subarray(Math.min(this.#part.skip, bytes.length))
    this.#part.skip -= bytes.length - fresh.length
    this.#position += fresh.length
    if (fresh.length > 0) this.#resumes.fruitless = 0
    const total = this.#total()
    if (total !== null && this.#position > total) {
      void this.drop()
      throw trouble(`The output has more than the ${total} bytes that it said`, { again: 'file' })
    }
    return fresh
  }

  async #resume(cut: unknown): Promise<void> {
    const { url, signal } = this.#options
    void this.drop()
    for (let error = cut; ;) {
      signal.throwIfAborted()
      this.#resumes.inAll++
      this.#resumes.fruitless++
      const isTooOften = this.#resumes.fruitless > RESUMES_MAX.fruitless || this.#resumes.inAll > RESUMES_MAX.inAll
      if (isTooOften || !isWorthResuming(error)) throw error
      await sleep(pauseSeconds(this.#resumes.fruitless - 1, error), signal)
      try {
        this.#part = await openPart(this.#fetch, { url, signal, position: this.#position, seen: this.#first })
        return
      } catch (next) {
        error = next
      }
    }
  }
}
