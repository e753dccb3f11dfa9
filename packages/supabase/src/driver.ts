/** The SQL functions over supabase-js: one HTTP request each, as `service_role`. */
import type { SqlArguments, SqlDriver } from '@safelight/postgres'
import type { SupabaseClient } from '@supabase/supabase-js'

/** A driver for `postgres()`. PostgREST runs functions and no statements, so migrations go another way. */
export function overSupabase(client: Pick<SupabaseClient, 'rpc'>): Pick<SqlDriver, 'call' | 'close'> {
  return {
    async call<Answer>(name: string, args: SqlArguments) {
      const { data, error, status } = await client.rpc(name, named(args))
      if (error) throw new SupabaseCallFailed(name, error, status)
      return data as Answer
    },
    // Every request is one by itself: there is nothing to close.
    close: async () => undefined,
  }
}

/**
 * A function that could not be called or raised. `code` is the SQLSTATE, or PostgREST's own (postgrest.org, errors), or
 * empty where no answer came: then nobody knows whether the function ran.
 */
export class SupabaseCallFailed extends Error {
  override readonly name = 'SupabaseCallFailed'
  readonly code: string
  readonly status: number
  /** The connection broke, or what stands before the database answered that it is not there. */
  readonly unanswered: boolean

  constructor(functionName: string, { code, message, details, hint }: RpcError, status: number) {
    super(`${functionName} failed with ${code || status || 'no answer'}: ${message}`, { cause: { details, hint } })
    this.code = code
    this.status = status
    const isLate = /^(TimeoutError|AbortError)/.test(message)
    this.unanswered = (status === 0 && !isLate) || [502, 503, 504].includes(status)
  }
}

interface RpcError {
  code: string
  message: string
  details: unknown
  hint: unknown
}

/** PostgREST finds a function by the names of its arguments: one that is left out makes it another function. */
function named(args: SqlArguments): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [`p_${name}`, value ?? null]))
}
