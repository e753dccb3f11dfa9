/**
 * Brings a database to the schema of this package. Each migration is one statement that waits for whoever is applying
 * one, checks what is there and records itself, so any number of processes may do this at once, in any of three ways:
 * here, in Supabase's SQL editor, or by its command line.
 */
import { type SqlDriver, sqlState } from './driver.ts'
import { type Migration, migrations, shim } from './generated/sql.ts'

/** A migration as the database recorded it. */
export interface RecordedMigration {
  version: number
  name: string
  checksum: string
  breaking: boolean
}

/** The API of a Supabase project keeps a copy of the schema (postgrest.org, schema cache); elsewhere nobody listens. */
const tellTheApi = `notify pgrst, 'reload schema';`

export interface MigrateOptions {
  /** Told of each migration that is applied. */
  log?: (line: string) => void
}

/** Applies what is missing. Throws, and applies nothing, where the schema is not one this package can work with. */
export async function migrate(
  driver: SqlDriver,
  { log = () => undefined }: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const before = await recordedMigrations(driver)
  const problem = incompatibility(before)
  if (problem) throw new Error(problem)
  const missing = missingFrom(before)
  if (missing.length === 0) return { applied: [] }
  await driver.query(shim)
  for (const { name, sql } of missing) {
    await driver.query(sql).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`Migration ${name} could not be applied: ${reason}`, { cause: error })
    })
    log(`applied ${name}`)
  }
  await driver.query(tellTheApi)
  return { applied: missing.map(({ name }) => name) }
}

/** Everything that a database without a schema needs, to be pasted into an SQL editor; what is there already is passed over. */
export function migrationsAsOneFile(): string {
  const title = `-- safelight: the whole schema, up to ${migrations.at(-1)?.name}. Applying it again changes nothing.\n`
  return [title, shim, ...migrations.map(({ sql }) => sql), `${tellTheApi}\n`].join('\n')
}

/** Throws with a plain sentence where the code of this package must not run on the schema, and ends it with `howToMigrate`. */
export async function checkSchema(call: SqlDriver['call'], howToMigrate: string): Promise<void> {
  const recorded = await call<RecordedMigration[]>('read_migrations', {}).catch((error: unknown) => {
    throw isWithoutSchema(error)
      ? new Error(`The database has no safelight schema yet. ${howToMigrate}`, { cause: error })
      : error
  })
  const problem = incompatibility(recorded)
  if (problem) throw new Error(problem)
  const [next] = missingFrom(recorded)
  if (next) throw new Error(`The database schema is behind: ${next.name} is missing. ${howToMigrate}`)
}

function isWithoutSchema(error: unknown): boolean {
  const state = sqlState(error)
  return state === '42883' || state === '3F000' || state === 'PGRST202'
}

/** What was applied to this database, in order; nothing where it has no schema. */
export async function recordedMigrations(driver: SqlDriver): Promise<RecordedMigration[]> {
  const [found] = await driver.query(`select to_regclass('public.safelight_migrations') is not null as is_there`)
  if (!found?.['is_there']) return []
  const rows = await driver.query(
    'select version, name, checksum, breaking from public.safelight_migrations order by version',
  )
  return rows as object[] as RecordedMigration[]
}

function missingFrom(recorded: readonly RecordedMigration[]): Migration[] {
  const there = new Set(recorded.map(({ version }) => version))
  return migrations.filter(({ version }) => !there.has(version))
}

/** A migration that we do not know is fine unless it says otherwise; one that we know has to be the one that we know. */
export function incompatibility(recorded: readonly RecordedMigration[]): string | undefined {
  for (const { version, name, checksum, breaking } of recorded) {
    const ours = migrations.find(migration => migration.version === version)
    if (!ours && breaking)
      return `The database was migrated by a newer safelight (${name}) that this one cannot work with. Update safelight.`
    if (ours && ours.checksum !== checksum)
      return `Migration ${name} in the database is not the one of this safelight: its checksum differs.`
  }
  return undefined
}
