/** The environment, read once and checked as a whole: whoever starts the server sees every problem at once. */
import { isLoopbackUrl, readProviders, type ProviderVariables } from './provider-variables.ts'
import { readSupabase, supabaseNameIn, type SupabaseProject } from './supabase-variables.ts'
import * as shapes from './variables.ts'
import type { Variable } from './variables.ts'

/** What the environment says, with everything it leaves open filled in. */
export interface Environment extends ProviderVariables {
  port: number
  host: string
  dataDirectory: string
  /** Null: embedded, so it is made in the data directory. */
  secret: string | null
  oldSecret: string | null
  /** Where jobs, money and people are kept. */
  database:
    | { kind: 'pglite' }
    | { kind: 'postgres'; url: string }
    | { kind: 'supabase'; url: string; secretKey: string }
  /** The project that people sign in to; null: accounts are local. */
  supabase: SupabaseProject | null
  /** Set where local accounts are open to other machines. */
  localPassword: string | null
  publicUrl: string | null
  trustedProxies: string | null
  corsOrigins: string[]
  adminEmails: string[]
  sweepSecret: string | null
  metricsToken: string | null
  drainSeconds: number
  logDirectory: string | null
  /** One sentence each, for the log. */
  warnings: string[]
}

type Variables = Readonly<Record<string, string | undefined>>

/** Reads one variable: its value, or undefined where it is not set or does not fit, which is then noted. */
export interface VariableReader {
  read<Value>(name: string, variable: Variable<Value>): Value | undefined
  /** The first of several names that is set. */
  first<Value>(names: readonly string[], variable: Variable<Value>): Value | undefined
  names: readonly string[]
  problem(sentence: string): void
  warn(sentence: string): void
}

const OURS = [
  'SAFELIGHT_DATA_DIR',
  'SAFELIGHT_SECRET',
  'SAFELIGHT_SECRET_OLD',
  'SAFELIGHT_PUBLIC_URL',
  'SAFELIGHT_TRUSTED_PROXIES',
  'SAFELIGHT_ADMIN_EMAILS',
  'SAFELIGHT_LOCAL_AUTH',
  'SAFELIGHT_LOCAL_PASSWORD',
  'SAFELIGHT_SWEEP_SECRET',
  'SAFELIGHT_METRICS_TOKEN',
  'SAFELIGHT_DRAIN_SECONDS',
  'SAFELIGHT_CORS_ORIGINS',
  'SAFELIGHT_LOG_DIR',
  'SAFELIGHT_EPHEMERAL',
]
/** Set by platforms whose disks do not outlive a deployment. */
const THROW_AWAY_DISKS = ['REPLIT_DEPLOYMENT', 'VERCEL', 'K_SERVICE']
/** Understood, and without effect until the part that reads it is there. */
const NOT_YET = ['SAFELIGHT_METRICS_TOKEN', 'SAFELIGHT_LOG_DIR', 'SAFELIGHT_ADMIN_EMAILS']

const DEFAULTS = { port: 5000, dataDirectory: '.safelight', drainSeconds: 10 }
/** Local accounts are for this machine; whoever signs in elsewhere comes from anywhere. */
const DEFAULT_HOSTS = { local: '127.0.0.1', supabase: '0.0.0.0' }

/**
 * What the variables say. Throws one `Error` whose message has a line for every problem: the variable and what it should
 * look like, never its value.
 */
export function readEnvironment(variables: Variables): Environment {
  const problems: string[] = []
  const warnings: string[] = []
  const reader = createReader(variables, problems, warnings)
  const supabase = readSupabase(reader)
  const environment: Environment = {
    port: reader.read('PORT', shapes.port) ?? DEFAULTS.port,
    host: reader.read('HOST', shapes.host) ?? DEFAULT_HOSTS[supabase ? 'supabase' : 'local'],
    dataDirectory: reader.read('SAFELIGHT_DATA_DIR', shapes.path) ?? DEFAULTS.dataDirectory,
    ...readSecrets(reader),
    database: readDatabase(reader, supabase),
    supabase,
    localPassword: readLocalPassword(reader, supabase),
    publicUrl: reader.read('SAFELIGHT_PUBLIC_URL', shapes.origin)?.replace(/\/$/, '') ?? null,
    trustedProxies: reader.read('SAFELIGHT_TRUSTED_PROXIES', shapes.trustedProxies) ?? null,
    corsOrigins: reader.read('SAFELIGHT_CORS_ORIGINS', shapes.origins) ?? [],
    adminEmails: reader.read('SAFELIGHT_ADMIN_EMAILS', shapes.emails) ?? [],
    sweepSecret: reader.first(['SAFELIGHT_SWEEP_SECRET', 'CRON_SECRET'], shapes.shortSecret) ?? null,
    metricsToken: reader.read('SAFELIGHT_METRICS_TOKEN', shapes.shortSecret) ?? null,
    drainSeconds: reader.read('SAFELIGHT_DRAIN_SECONDS', shapes.seconds) ?? DEFAULTS.drainSeconds,
    logDirectory: reader.read('SAFELIGHT_LOG_DIR', shapes.path) ?? null,
    ...readProviders(reader),
    warnings,
  }
  checkWhole(reader, environment)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return environment
}

/** Only what they say about providers, for programs that need nothing else. Throws as `readEnvironment` does. */
export function readProviderVariables(variables: Variables): ProviderVariables & Pick<Environment, 'warnings'> {
  const problems: string[] = []
  const warnings: string[] = []
  const providers = readProviders(createReader(variables, problems, warnings))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { ...providers, warnings }
}

function createReader(variables: Variables, problems: string[], warnings: string[]): VariableReader {
  // Dashboards keep a variable that was emptied; it counts as not set.
  const names = Object.keys(variables).filter(name => variables[name] !== undefined && variables[name]?.trim() !== '')
  const read = <Value>(name: string, { shape, mustBe }: Variable<Value>): Value | undefined => {
    if (!names.includes(name)) return undefined
    const parsed = shape.safeParse(variables[name]?.trim())
    if (!parsed.success) problems.push(`${name} must be ${mustBe}.`)
    return parsed.data
  }
  return {
    read,
    first: (candidates, variable) => {
      const name = candidates.find(candidate => names.includes(candidate))
      return name === undefined ? undefined : read(name, variable)
    },
    names,
    problem: sentence => void problems.push(sentence),
    warn: sentence => void warnings.push(sentence),
  }
}

function readSecrets(reader: VariableReader): Pick<Environment, 'secret' | 'oldSecret'> {
  return {
    secret: reader.read('SAFELIGHT_SECRET', shapes.secret) ?? null,
    oldSecret: reader.read('SAFELIGHT_SECRET_OLD', shapes.secret) ?? null,
  }
}

function readDatabase(reader: VariableReader, supabase: SupabaseProject | null): Environment['database'] {
  const url = reader.read('DATABASE_URL', shapes.postgresUrl)
  if (reader.read('BLOB_READ_WRITE_TOKEN', shapes.blobToken) !== undefined) {
    reader.problem('BLOB_READ_WRITE_TOKEN selects Vercel Blob, which this version does not offer yet: unset it.')
  }
  if (reader.names.includes('DATABASE_URL')) return { kind: 'postgres', url: url ?? '' }
  return supabase?.secretKey
    ? { kind: 'supabase', url: supabase.url, secretKey: supabase.secretKey }
    : { kind: 'pglite' }
}

function readLocalPassword(reader: VariableReader, supabase: SupabaseProject | null): string | null {
  const isOpen = reader.read('SAFELIGHT_LOCAL_AUTH', shapes.flag)
  const password = reader.read('SAFELIGHT_LOCAL_PASSWORD', shapes.password)
  if (isOpen && !reader.names.includes('SAFELIGHT_LOCAL_PASSWORD')) {
    reader.problem('SAFELIGHT_LOCAL_PASSWORD must be set together with SAFELIGHT_LOCAL_AUTH=1: at least 12 characters.')
  }
  if (!isOpen && password !== undefined) {
    reader.warn('SAFELIGHT_LOCAL_PASSWORD has no effect without SAFELIGHT_LOCAL_AUTH=1.')
  }
  if (isOpen && supabase) reader.warn('SAFELIGHT_LOCAL_AUTH has no effect where people sign in to a Supabase project.')
  return isOpen && !supabase ? (password ?? null) : null
}

function checkWhole(reader: VariableReader, { secret, publicUrl }: Environment): void {
  const isEphemeral = reader.read('SAFELIGHT_EPHEMERAL', shapes.flag) ?? false
  const elsewhere = reader.names.includes('DATABASE_URL') ? 'DATABASE_URL' : supabaseNameIn(reader)
  if (elsewhere !== undefined && secret === null && !reader.names.includes('SAFELIGHT_SECRET')) {
    reader.problem(`SAFELIGHT_SECRET must be set where ${elsewhere} is: at least 32 characters.`)
  }
  const disk = THROW_AWAY_DISKS.find(name => reader.names.includes(name))
  if (elsewhere === undefined && disk !== undefined && !isEphemeral) {
    reader.problem(
      `DATABASE_URL or SUPABASE_URL must be set where ${disk} is, because everything kept on that disk is lost; ` +
        'SAFELIGHT_EPHEMERAL=1 says that this is fine.',
    )
  }
  if (publicUrl?.startsWith('http:') && !isLoopbackUrl(publicUrl))
    reader.warn('SAFELIGHT_PUBLIC_URL is no https address, so providers are not asked to call back.')
  for (const name of NOT_YET) if (reader.names.includes(name)) reader.warn(`${name} has no effect in this version.`)
  const unknown = reader.names.filter(name => name.startsWith('SAFELIGHT_') && !OURS.includes(name))
  for (const name of unknown) reader.warn(`${name} is no setting of safelight and has no effect.`)
}
