/** A whole database for `createStudio` on a Supabase project. */
import type { Database } from '@safelight/core'
import { postgres, type PostgresOptions } from '@safelight/postgres'
import { createClient } from '@supabase/supabase-js'
import { overSupabase } from './driver.ts'
import { checkSecretKey, checkUrl } from './keys.ts'

export interface SupabaseOptions extends PostgresOptions {
  /** Of the project, as in `https://abc.supabase.co`; plain http only on this machine. */
  url: string
  /** `sb_secret_…`, or the older service_role key. It may do everything: it never leaves the server. */
  secretKey: string
  /** A call that takes longer fails; 30 by default. */
  timeoutSeconds?: number
  /** Instead of the platform's. */
  fetch?: typeof globalThis.fetch
}

/**
 * All ports over the project's SQL functions, with admission, begin and settlement in one request each. The schema must be
 * there: docs/operations/supabase.md says how. Throws where the URL or the key is not one that can work.
 */
export function supabase(options: SupabaseOptions): Required<Database> {
  const { url, secretKey, timeoutSeconds = 30, fetch = globalThis.fetch, ...others } = options
  checkUrl(url)
  checkSecretKey(secretKey)
  const client = createClient(url, secretKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: patiently(fetch, timeoutSeconds) },
  })
  return postgres(overSupabase(client), { howToMigrate, ...others })
}

/** Functions are all that can be called here, so the schema comes another way. */
const howToMigrate =
  'Run: safelight migrate with DATABASE_URL naming the project’s own database, or paste what safelight migrate --print ' +
  'writes into its SQL editor (docs/operations/supabase.md).'

/** The key goes to the project and nowhere else, and nobody waits for ever. */
function patiently(fetch: typeof globalThis.fetch, seconds: number): typeof globalThis.fetch {
  return (input, init) => {
    const late = AbortSignal.timeout(seconds * 1000)
    const signal = init?.signal ? AbortSignal.any([init.signal, late]) : late
    return fetch(input, { ...init, signal, redirect: 'error' })
  }
}
