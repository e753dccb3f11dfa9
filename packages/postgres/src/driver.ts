/**
 * What stands between the ports and a database: it calls one of our SQL functions and answers its JSON. Everything that
 * touches money or limits happens inside the function; a driver only carries.
 */
import { SafelightError } from '@safelight/core'
import { readers } from './generated/sql.ts'

/** Objects and arrays are sent as JSON, undefined as null. */
export type SqlArguments = Readonly<Record<string, undefined | null | boolean | number | string | object>>

export interface SqlDriver {
  /**
   * Calls `public.<name>` with arguments by their names without `p_`. One round trip, one transaction. `Answer` is the
   * shape that the function is known to answer; nobody checks it again. It throws errors with a SQLSTATE as `code`; one
   * whose `unanswered` is true says that no answer came from the database.
   */
  call<Answer>(name: string, args: SqlArguments): Promise<Answer>
  /** Plain SQL for migrations and tools; without values it may be several statements. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** The statement of a call, its arguments in the order of `values`. */
export function callStatement(
  name: string,
  args: SqlArguments,
): { text: string; values: (null | boolean | number | string)[] } {
  const names = Object.keys(args)
  for (const word of [name, ...names]) {
    if (!/^[a-z][a-z0-9_]*$/.test(word)) throw new TypeError(`${JSON.stringify(word)} is no SQL name of ours`)
  }
  const list = names.map((argument, index) => `p_${argument} => $${index + 1}`)
  return { text: `select public.${name}(${list.join(', ')}) as answer`, values: Object.values(args).map(encoded) }
}

function encoded(value: SqlArguments[string]): null | boolean | number | string {
  if (value === undefined || value === null) return null
  return typeof value === 'object' ? JSON.stringify(value) : value
}

/** Text that Postgres cannot hold (a NUL, half a surrogate pair), an id that is no UUID, a number out of its range. */
const UNSTORABLE = new Set(['22P05', '22P02', '22021', '22003'])

/** The SQLSTATE of an error, from whichever driver it comes. */
export function sqlState(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Sockets that broke, as Node.js names it, and the SQLSTATEs of a server that went away: appendix A of Postgres's manual. */
const BROKEN = /^(ECONNRESET|ECONNREFUSED|EPIPE|UND_ERR_SOCKET|08\d\d\d|57P0[123])$/

/** The connection broke before an answer came: nobody knows whether the function ran. A timeout has waited long enough. */
function isUnanswered(error: unknown): boolean {
  if (BROKEN.test(sqlState(error) ?? '')) return true
  if (!(error instanceof Error)) return false
  // What node-postgres says has no code.
  return ('unanswered' in error && error.unanswered === true) || error.message.startsWith('Connection terminated')
}

const TRIES_MAX = 8
const READS_MAX = 3
const FIRST_PAUSE_MS = 2

/**
 * A lost race (SQLSTATE class 40) has undone everything and is tried again: the next try reads the truth and mostly ends
 * in a typed answer. Each pause is drawn from twice the range of the one before, so that rivals do not meet again.
 * A function that only reads is called again when its answer was lost; any other one may have run, and its caller has to know.
 * What cannot be stored is the caller's fault and says so.
 */
export function retrying(driver: Pick<SqlDriver, 'call'>): SqlDriver['call'] {
  return async <Answer>(name: string, args: SqlArguments) => {
    for (let tries = 1; ; tries++) {
      try {
        return await driver.call<Answer>(name, args)
      } catch (error) {
        const state = sqlState(error) ?? ''
        if (UNSTORABLE.has(state)) {
          const message = 'The request has text, an id or a number that cannot be stored.'
          throw new SafelightError('invalid_input', message, {}, { cause: error })
        }
        if (tries >= triesMax(name, error)) throw error
        await new Promise(resolve => setTimeout(resolve, Math.random() * FIRST_PAUSE_MS * 2 ** tries))
      }
    }
  }
}

function triesMax(name: string, error: unknown): number {
  if (sqlState(error)?.startsWith('40')) return TRIES_MAX
  return readers.has(name) && isUnanswered(error) ? READS_MAX : 1
}
