/** Postgres over node-postgres. */
import { createHash } from 'node:crypto'
import { Pool } from 'pg'
import { callStatement, type SqlArguments, type SqlDriver, sqlState } from './driver.ts'

export interface PgOptions {
  /** Connections at most; 10 by default. */
  connections?: number
  /** A call that takes longer fails; 30 by default. Plain queries, as of migrations, take as long as they take. */
  timeoutSeconds?: number
  /** Told of a connection that was lost while nobody used it. The pool opens another when it needs one. */
  onLostConnection?: (error: Error) => void
}

const CONNECT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 30_000

/** A driver on `postgres://user:password@host:port/database`. Connects when it is first used. */
export function pg(connectionString: string, options: PgOptions = {}): SqlDriver {
  const { connections = 10, timeoutSeconds = 30, onLostConnection = () => undefined } = options
  const pool = new Pool({
    connectionString,
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'safelight',
  })
  // Without a listener, a server that restarts would end this process.
  pool.on('error', onLostConnection)
  // A prepared statement saves the server a tenth of an admission and a quarter of a refusal.
  let prepares = true

  async function run<Answer>(name: string, args: SqlArguments): Promise<Answer> {
    const { text, values } = callStatement(name, args)
    // The timeout is kept on this side: poolers refuse one that is sent along when a connection starts.
    const query = { text, values, query_timeout: timeoutSeconds * 1000 }
    const { rows } = await pool.query<{ answer: Answer }>(prepares ? { ...query, name: statementName(text) } : query)
    return rows[0]!.answer
  }

  return {
    async call<Answer>(name: string, args: SqlArguments) {
      try {
        return await run<Answer>(name, args)
      } catch (error) {
        if (!prepares || !isLostStatement(error)) throw error
        prepares = false
        return run<Answer>(name, args)
      }
    },
    async query(text, values) {
      const result = await (values === undefined ? pool.query(text) : pool.query(text, [...values]))
      // Several statements have several results; the rows of the last one are the answer.
      const last = Array.isArray(result) ? result.at(-1) : result
      return (last?.rows ?? []) as Record<string, unknown>[]
    },
    close: () => pool.end(),
  }
}

/** Behind a pooler that changes servers between transactions statements get lost. Nothing has run then. */
function isLostStatement(error: unknown): boolean {
  const state = sqlState(error)
  return state === '26000' || state === '42P05'
}

const names = new Map<string, string>()

/** The same text has the same name in every version of this package, and another text another one. */
function statementName(text: string): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = `safelight_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
  names.set(text, name)
  return name
}
