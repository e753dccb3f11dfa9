/** Lists, newest first: one row more than asked for tells whether there is a next page, the cursor where it begins. */
import { type Page, SafelightError } from '@safelight/core'

/** Cuts the extra row off; the cursor names the last row that was shown. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  place: (row: Row) => readonly (number | string)[],
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(place(last)) : null
  return { items: shown.map(toItem), nextCursor }
}

function encodeCursor(place: readonly (number | string)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** Where a page begins in a list ordered by (created_at, id); nulls for the first page. */
export function placeInTime(cursor: string | undefined): { before_at: string | null; before_id: string | null } {
  if (cursor === undefined) return { before_at: null, before_id: null }
  const [at, id] = decodeCursor(cursor)
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || !isUuid(id)) throw foreignCursor()
  return { before_at: at, before_id: id }
}

/** Where a page begins in a list ordered by a number. */
export function placeInSequence(cursor: string | undefined): number | null {
  if (cursor === undefined) return null
  const [seq] = decodeCursor(cursor)
  if (!Number.isSafeInteger(seq)) throw foreignCursor()
  return seq as number
}

function decodeCursor(cursor: string): unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(place)) return place
  } catch (error) {
    throw foreignCursor(error)
  }
  throw foreignCursor()
}

function foreignCursor(cause?: unknown): SafelightError {
  return new SafelightError('invalid_input', 'This cursor is not ours.', {}, { cause })
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Ids in SQL are UUIDs; nothing can be found under anything else. */
export function isUuid(id: unknown): id is string {
  return typeof id === 'string' && UUID.test(id)
}
