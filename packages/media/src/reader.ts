import { damaged } from './damaged.ts'

/** Anything bytes can be read from by position: memory, a file, a remote object with ranges. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `offset`; fewer than `length` only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) }
}

/** Reads by position with a budget, so that no file can make a look at it expensive. */
export interface Reader {
  readonly size: number
  /** Exactly `length` bytes; a file that ends before is damaged. */
  at(offset: number, length: number): Promise<DataView>
}

/** Headers lie close together: one read usually serves the next few questions. */
const WINDOW_BYTES = 4_096
/** A box or segment of interest is never larger; whoever asks for more follows a lie. */
const MAX_READ_BYTES = 65_536
/** At 4 KiB each, 16 MiB in all. */
const MAX_READS = 4_000
/** Questions to the window count too: a file of many tiny parts costs no reads, but time. */
const MAX_QUESTIONS = 20_000

/** Gives up with `unsupported_media` when the budget is spent, or when asked for bytes that are not there. */
export function boundedReader(source: ByteSource): Reader {
  let window: Uint8Array = new Uint8Array()
  let windowStart = 0
  let reads = 0
  let questions = 0

  async function move(offset: number, length: number): Promise<void> {
    reads += 1
    if (reads > MAX_READS) throw damaged('it has too many parts')
    window = await source.read(offset, Math.max(length, WINDOW_BYTES))
    windowStart = offset
    if (window.length < length) throw damaged('it ends too early')
  }

  return {
    size: source.size,
    async at(offset, length) {
      questions += 1
      if (questions > MAX_QUESTIONS) throw damaged('it has too many parts')
      if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > source.size)
        throw damaged('it ends too early')
      if (length > MAX_READ_BYTES) throw damaged('one of its headers is too long')
      if (offset < windowStart || offset + length > windowStart + window.length) await move(offset, length)
      return new DataView(window.buffer, window.byteOffset + offset - windowStart, length)
    },
  }
}

/** Four characters, as formats name their parts. */
export function fourCharacters(view: DataView, offset = 0): string {
  return String.fromCharCode(
    view.getUint8(offset),
    view.getUint8(offset + 1),
    view.getUint8(offset + 2),
    view.getUint8(offset + 3),
  )
}
