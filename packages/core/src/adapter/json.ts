/** JSON as providers write it: their ids and seeds pass 2^53, where a number would quietly become another one. */

const decoder = new TextDecoder()
const LONG_INTEGER = /(?<![\w.])-?\d{16,}(?![\w.])/

/** The runtime's own parser gives a reviver the source text of each value; the standard library's types do not know yet. */
type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown

/** Parses; whole numbers beyond 2^53 come as their decimal digits. Throws `SyntaxError`. */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text)
  const keepDigits: Reviver = (_, value, context) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source
      ? context.source
      : value
  return JSON.parse(text, keepDigits)
}

/** The same for what may be none, as half a document or a page of HTML: then undefined. */
export function readJson(document: string | Uint8Array): unknown {
  try {
    return parseJson(typeof document === 'string' ? document : decoder.decode(document))
  } catch {
    // Whoever reads a stranger's document sees that there is nothing in it.
    return undefined
  }
}

/** The value behind a path of keys and indexes; undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined
    current = (current as Record<string | number, unknown>)[step]
  }
  return current
}

/** Text that says something; undefined for everything else. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** A number that is one; undefined for everything else. */
export function numberAt(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

/** A list; empty for everything else. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}
