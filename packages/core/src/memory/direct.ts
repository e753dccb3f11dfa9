/** What the parts of one memory share: they call each other directly, everyone else gets a port of copies. */
import type { Instant, Page } from '../contracts.ts'
import { SafelightError } from '../errors.ts'

/** A port without its promises. What runs in one turn of the event loop is one transaction. */
export type Direct<Port> = {
  [Name in keyof Port]-?: NonNullable<Port[Name]> extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result
    : never
}

export type Clock = () => Instant

/** Answers by promise, takes copies and gives copies: no caller reaches into the store. */
export function portOf<Port extends object>(direct: Direct<Port>): Port {
  const methods = Object.entries(direct as { [name: string]: (...args: unknown[]) => unknown })
  const port = methods.map(([name, method]) => [name, async (...args: unknown[]) => copyOf(method(...copyOf(args)))])
  return Object.fromEntries(port) as Port
}

/** Rows are small and plain: for these, `structuredClone` takes several times as long. */
function copyOf<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf) as Value
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value)
  // Spread first: by then even a field called `__proto__` is one like any other.
  const copy = { ...value } as Record<string, unknown>
  for (const name of Object.keys(copy)) copy[name] = copyOf(copy[name])
  return copy as Value
}

/** What a change names: a field that is absent, or undefined, stays as it is. */
export function named<Change extends object>(change: Change): Change {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Change
}

/**
 * One page of `rows`, which lie in the order they came in, newest first. The cursor is the id of the last row shown; it
 * is found before the filter applies, so that a row which stops matching between two pages moves nothing.
 */
export function page<Row extends { id: string }>(
  rows: Iterable<Row>,
  query: { limit: number; cursor?: string },
  matches: (row: Row) => boolean,
): Page<Row> {
  const newestFirst = [...rows].toReversed()
  const start = query.cursor === undefined ? 0 : newestFirst.findIndex(row => row.id === query.cursor) + 1
  if (query.cursor !== undefined && start === 0) throw new SafelightError('invalid_input', 'This cursor is not ours.')
  const found = newestFirst.slice(start).filter(matches)
  const items = found.slice(0, query.limit)
  return { items, nextCursor: found.length > items.length ? (items.at(-1)?.id ?? null) : null }
}
