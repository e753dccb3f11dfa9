/** Byte ranges of a `GET` (RFC 9110 §14), one at a time: several, or what is malformed, is answered with the whole. */
export type ByteRange = { start: number; end: number }

/** `undefined`: send everything. `null`: nothing of it exists (416). `end` is inclusive. */
export function parseRange(header: string | undefined, bytes: number): ByteRange | null | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), bytes)
    return length === 0 ? null : { start: bytes - length, end: bytes - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= bytes) return null
  return { start, end: last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1) }
}

/** Whether `If-None-Match` names this tag; weak and strong compare alike. */
export function namesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(entry => entry.trim() === '*' || entry.trim().replace(/^W\//, '') === tag)
}
