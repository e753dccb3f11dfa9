/**
 * What the environment says about a Supabase project. A key in the wrong place is found here: the secret key where the
 * public one belongs would be published, and the public one where the secret key belongs can do nothing.
 */
import type { VariableReader } from './environment.ts'
import { supabaseJwtSecret, supabasePublicKey, supabaseSecretKey, supabaseUrl } from './variables.ts'

/** A project that people sign in to and, without a `DATABASE_URL`, that everything is kept in. */
export interface SupabaseProject {
  /** Without a slash at its end. */
  url: string
  publishableKey: string
  /** Null only where the database is reached in another way. */
  secretKey: string | null
  /** Of projects that still sign access tokens with it (HS256). */
  jwtSecret: string | null
}

/** New names first; where several are set, each has to be good and the first is used. */
const NAMES = {
  url: ['SUPABASE_URL', 'NEXT_PUBLIC_SUPABASE_URL'],
  publishableKey: ['SUPABASE_PUBLISHABLE_KEY', 'SUPABASE_ANON_KEY', 'NEXT_PUBLIC_SUPABASE_ANON_KEY'],
  secretKey: ['SUPABASE_SECRET_KEY', 'SUPABASE_SERVICE_ROLE_KEY'],
  jwtSecret: ['SUPABASE_JWT_SECRET'],
} as const satisfies Record<keyof SupabaseProject, readonly string[]>

/** Completes "NAME must be set where OTHER is: …". */
const WHAT = {
  url: 'the address of the project, such as https://abc.supabase.co',
  publishableKey: 'the public key of the project (sb_publishable_…, or SUPABASE_ANON_KEY)',
  secretKey: 'the secret key of the project (sb_secret_…, or SUPABASE_SERVICE_ROLE_KEY), or DATABASE_URL instead',
} as const

/** One of the variables that are set and name a project. */
export function supabaseNameIn({ names }: Pick<VariableReader, 'names'>): string | undefined {
  return Object.values(NAMES)
    .flat()
    .find(name => names.includes(name))
}

/** Null where no variable names a project, or where one is missing or wrong, which is then noted. */
export function readSupabase(reader: VariableReader): SupabaseProject | null {
  const set = supabaseNameIn(reader)
  if (set === undefined) return null
  const found = {
    url: readUrl(reader),
    publishableKey: readAll(reader, NAMES.publishableKey, supabasePublicKey)[0],
    secretKey: readAll(reader, NAMES.secretKey, supabaseSecretKey)[0],
    jwtSecret: readAll(reader, NAMES.jwtSecret, supabaseJwtSecret)[0],
  }
  const { url, publishableKey, secretKey = null, jwtSecret = null } = found
  const isElsewhere = reader.names.includes('DATABASE_URL')
  for (const part of ['url', 'publishableKey', 'secretKey'] as const) {
    if (part === 'secretKey' && isElsewhere) continue
    if (NAMES[part].some(name => reader.names.includes(name))) continue
    reader.problem(`${NAMES[part][0]} must be set where ${set} is: ${WHAT[part]}.`)
  }
  return url === undefined || publishableKey === undefined ? null : { url, publishableKey, secretKey, jwtSecret }
}

function readUrl(reader: VariableReader): string | undefined {
  const [url, other] = readAll(reader, NAMES.url, supabaseUrl).map(each => each.replace(/\/+$/, ''))
  if (other !== undefined && other !== url) reader.problem(`${NAMES.url.join(' and ')} name two projects: unset one.`)
  return url
}

function readAll(
  reader: VariableReader,
  names: readonly string[],
  variable: Parameters<typeof reader.read<string>>[1],
): string[] {
  return names.flatMap(name => reader.read(name, variable) ?? [])
}
