import { join } from 'node:path'
import { SafelightError } from '@safelight/core'

const MAX_KEY_CHARACTERS = 512
const MAX_SEGMENT_CHARACTERS = 128
/** No leading dot, so neither `.`, `..` nor our own `.partial` can be named; no separator but `/`; nothing to decode. */
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** Splits a key such as `<job>/<attempt>/0` into its segments, or throws `invalid_input`. */
export function keySegments(key: string): string[] {
  const segments = key.split('/')
  const fits =
    key.length <= MAX_KEY_CHARACTERS &&
    segments.every(segment => segment.length <= MAX_SEGMENT_CHARACTERS && SEGMENT.test(segment))
  if (!fits)
    throw new SafelightError(
      'invalid_input',
      'A media key is made of words of letters, digits, ".", "_" and "-", with "/" between them.',
    )
  return segments
}

/** The folder that holds everything beginning with `prefix`, and what the names in it begin with. */
export function prefixParts(prefix: string): { folder: string[]; start: string } {
  const cut = prefix.lastIndexOf('/')
  const start = prefix.slice(cut + 1)
  if (start !== '') keySegments(start)
  return { folder: cut === -1 ? [] : keySegments(prefix.slice(0, cut)), start }
}

/** Segments as a path below `root`. */
export function pathOf(root: string, segments: readonly string[]): string {
  return join(root, ...segments)
}
