/** One request for an output, or for the rest of it, and whether the answer belongs to what was read before. */
import { retryAfterSeconds } from '../adapter/refusals.ts'
import { SafelightError } from '../errors.ts'
import { trouble } from './trouble.ts'

/** What is known of a file: enough to tell whether the rest belongs to it. */
export interface Version {
  /** Null where the answer does not say. */
  total: number | null
  etag: string | null
  lastModified: string | null
}

export interface Part extends Version {
  reader: ReadableStreamDefaultReader<Uint8Array>
  /** Bytes at its beginning that were read before. */
  skip: number
}

interface Wanted {
  url: string
  signal: AbortSignal
  /** Of the first byte that is missing. */
  position: number
  /** What the first answer said about the file, where the rest of it is asked for. */
  seen: Version | null
}

/** Throws `gone`, and `Trouble`. The URL is the provider's: no key goes along. */
export async function openPart(fetch: typeof globalThis.fetch, wanted: Wanted): Promise<Part> {
  const { url, signal } = wanted
  let response: Response
  try {
    response = await fetch(url, { headers: headersFor(wanted), signal })
  } catch (error) {
    signal.throwIfAborted()
    throw trouble('The output could not be asked for', {
      cause: error,
      again: isRefusedAddress(error) ? 'later' : 'line',
    })
  }
  if (!response.ok) {
    if (response.body) await letGo(response.body.getReader())
    throw refusalOf(response)
  }
  const reader = (response.body ?? new Blob().stream()).getReader()
  try {
    const version = versionOf(response)
    return { ...version, reader, skip: skipOf(response, version, wanted) }
  } catch (error) {
    await letGo(reader)
    throw error
  }
}

/** A line that is broken already has nothing more to say. */
export async function letGo(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  await reader.cancel().catch(() => undefined)
}

function headersFor({ position, seen }: Wanted): Record<string, string> {
  // Packed bytes have other positions than the file's.
  const headers = { accept: 'image/*,video/*;q=0.9,*/*;q=0.5', 'accept-encoding': 'identity' }
  if (position === 0) return headers
  const validator = seen && (strongEtag(seen) ?? seen.lastModified)
  return { ...headers, range: `bytes=${position}-`, ...(validator ? { 'if-range': validator } : {}) }
}

/** A weak one promises the same meaning, not the same bytes. */
function strongEtag({ etag }: Version): string | null {
  return etag?.startsWith('"') ? etag : null
}

function refusalOf({ status, headers }: Response): Error {
  if (status === 404 || status === 410) return new SafelightError('gone', 'The output is gone.')
  const seconds = retryAfterSeconds(headers)
  if (status === 416) return changed()
  // An address that has expired, or never was for us: a fresh one may help, asking again does not.
  const again = status === 401 || status === 403 ? 'later' : 'line'
  return trouble(`The output answered ${status}`, { again, seconds })
}

function versionOf(response: Response): Version {
  const { headers, status } = response
  const length = status === 206 ? rangeOf(response).total : (headers.get('content-length') ?? '')
  // A platform that unpacks by itself gives more bytes than were on the line.
  const isPacked = (headers.get('content-encoding') ?? 'identity') !== 'identity'
  const total = /^\d+$/.test(length) && !isPacked ? Number(length) : null
  return { total, etag: headers.get('etag'), lastModified: headers.get('last-modified') }
}

function rangeOf({ headers }: Response): { start: number; total: string } {
  const [, start = '-1', total = ''] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  return { start: Number(start), total }
}

/** How much of the answer was read before. Throws where it may be of another file. */
function skipOf(response: Response, version: Version, { position, seen }: Wanted): number {
  const isWhole = response.status !== 206
  const start = isWhole ? 0 : rangeOf(response).start
  if (start < 0 || start > position) throw changed()
  if (!seen) return position - start
  const isOther =
    isDifferent(version.total, seen.total) ||
    isDifferent(version.etag, seen.etag) ||
    isDifferent(version.lastModified, seen.lastModified)
  // All of it again, and nothing that says it is the same file.
  const isUnknown = isWhole && !strongEtag(version) && !(version.lastModified && version.total)
  if (isOther || isUnknown) throw changed()
  return position - start
}

function isDifferent(now: string | number | null, before: string | number | null): boolean {
  return now !== null && before !== null && now !== before
}

function changed(): Error {
  return trouble('The rest of the output may belong to another file', { again: 'file' })
}

function isRefusedAddress(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'ERR_ADDRESS_REFUSED'
}
