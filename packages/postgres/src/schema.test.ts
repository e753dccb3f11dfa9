/** What the schema is, who may do what with it, and that the deployment guide's statements run as they stand. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpSchema, schemaFile } from '../dev/schema.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { readers, shim } from './generated/sql.ts'
import { migrate } from './migrate.ts'
import { type Engine, ENGINES, newUser } from './testing/engines.ts'

const FUNCTIONS_OF_THE_GUIDE = new Set(['atomic_charge_credits', 'check_rate_limit', 'refund_credits'])
const OLD_DEFAULTS = ['tables', 'functions', 'sequences']
  .map(
    objects =>
      `alter default privileges in schema public grant all on ${objects} to anon, authenticated, service_role;`,
  )
  .join('\n')

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
      driver = await engine.open({ connections: 1 })
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })
    const column = async (text: string) => (await driver.query(text)).map(row => Object.values(row)[0])
    const as = async (role: string, userId: string | null, text: string) => {
      await driver.query(`select set_config('request.jwt.claims', $1, false)`, [JSON.stringify({ sub: userId, role })])
      await driver.query(`set role ${role}`)
      try {
        return await driver.query(text)
      } finally {
        await driver.query('reset role')
      }
    }

    test('schema.sql is what the migrations make', async () => {
      expect(await dumpSchema(driver)).toBe(readFileSync(schemaFile, 'utf8'))
    })

    test('it comes out the same where the platform grants everything to everyone by default', async () => {
      const open = await engine.open({ migrated: false, connections: 1 })
      await open.query(shim)
      await open.query(OLD_DEFAULTS)
      await migrate(open)
      expect(await dumpSchema(open)).toBe(readFileSync(schemaFile, 'utf8'))
      await open.close()
    })

    test('the functions that are called again after a lost answer are those that the database lets only read', async () => {
      const stable = await column(`select proname from pg_proc
        where pronamespace = 'public'::regnamespace and provolatile <> 'v' and prorettype = 'jsonb'::regtype`)
      expect(readers).toEqual(new Set(stable))
    })

    test('the verify queries of the guide answer three functions and two tables', async () => {
      const functions = await column(`SELECT proname FROM pg_proc 
        WHERE proname IN ('atomic_charge_credits', 'refund_credits', 'check_rate_limit')`)
      expect(functions).toHaveLength(3)
      expect(new Set(functions)).toEqual(FUNCTIONS_OF_THE_GUIDE)
      const tables = await column(`SELECT table_name FROM information_schema.tables 
        WHERE table_name IN ('generation_jobs', 'rate_limits')`)
      expect(tables).toHaveLength(2)
      expect(new Set(tables)).toEqual(new Set(['generation_jobs', 'rate_limits']))
    })

    test('the statements of the guide run as they stand', async () => {
      for (const table of ['images', 'videos', 'edited_images', 'credit_ledger', 'generation_jobs']) {
        await driver.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;`)
      }
      await driver.query('SELECT * FROM rate_limits LIMIT 1;')
      await driver.query('SELECT * FROM provider_logs ORDER BY created_at DESC LIMIT 10;')
      const [switched] = await driver.query(`SELECT * FROM app_settings WHERE setting_key = 'app_enabled';`)
      expect(switched).toMatchObject({ setting_key: 'app_enabled', setting_value: true })
      const userId = await newUser(driver)
      const charge = async () => {
        const [row] = await driver.query(`SELECT atomic_charge_credits(
          '${userId}'::uuid, 
          'image'::text, 
          500, 
          'Test charge'::text, 
          '{}'::jsonb, 
          null::uuid
        );`)
        return row?.['atomic_charge_credits']
      }
      expect(await charge()).toMatchObject({ outcome: 'insufficient_credits', balance: 0 })
      await postgres(driver).ledger.grant({ userId, amount: 600, key: `guide:${userId}`, description: 'For the guide' })
      expect(await charge()).toMatchObject({ outcome: 'charged', balance: 100 })
      const [entry] = await driver.query(`select metadata from credit_ledger where user_id = $1 and kind = 'charge'`, [
        userId,
      ])
      expect(entry?.['metadata']).toEqual({ manual: true, operation: 'image' })
    })

    test('the policies have the names of the guide', async () => {
      const names = await column('select polname from pg_policy')
      expect(names).toEqual(
        expect.arrayContaining([
          'Users can view own images',
          'Users can view own videos',
          'Users can view own edits',
          'Users can view own ledger',
          'Users can view own jobs',
        ]),
      )
    })

    test('every function is unique by name, pinned to an empty search path, and closed to everybody but the server', async () => {
      const functions = await driver.query(`
        select f.proname as name, f.pronamespace::regnamespace::text as schema, f.prosecdef as is_definer,
               coalesce(f.proconfig::text, '') as settings,
               has_function_privilege('anon', f.oid, 'execute') or has_function_privilege('authenticated', f.oid, 'execute') as is_open,
               has_function_privilege('service_role', f.oid, 'execute') as is_for_the_server
          from pg_proc f where f.pronamespace in ('public'::regnamespace, 'safelight'::regnamespace)`)
      expect(new Set(functions.map(row => row['name'])).size).toBe(functions.length)
      for (const { name: called, schema, settings, ...rest } of functions) {
        expect({ called, ...rest }).toEqual({
          called,
          is_definer: true,
          is_open: false,
          is_for_the_server: schema === 'public',
        })
        expect(settings, String(called)).toContain('search_path=')
        expect(settings, String(called)).toContain('enable_seqscan=off')
      }
    })

    test('every table and every partition has row security, and nobody but the owner may write anything', async () => {
      expect(
        await column(
          `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity`,
        ),
      ).toEqual([])
      const writers = await driver.query(`
        select c.relname, role from pg_class c, unnest(array['anon', 'authenticated', 'service_role']) role,
               unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
           and (has_table_privilege(role, c.oid, privilege)
                or (privilege in ('insert', 'update') and has_any_column_privilege(role, c.oid, privilege)))`)
      expect(writers).toEqual([])
      const strangers = await column(`select relname from pg_class c where relnamespace = 'public'::regnamespace
        and relkind in ('r', 'p') and has_any_column_privilege('anon', c.oid, 'select')`)
      expect(strangers).toEqual([])
    })

    test('every foreign key has an index', async () => {
      const bare = await driver.query(`
        select conrelid::regclass::text, conname from pg_constraint k
         where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0 and not exists (
           select from pg_index i where i.indrelid = k.conrelid
              and (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] operator(pg_catalog.@>) k.conkey)`)
      expect(bare).toEqual([])
    })

    test('a user sees the own rows and the granted columns of every partition, and nothing else', async () => {
      const database = postgres(driver)
      const [mine, other] = [await newUser(driver), await newUser(driver)]
      const file = {
        key: 'k',
        contentType: 'image/png',
        bytes: 3,
        width: 1,
        height: 1,
        durationSeconds: null,
        hash: 'h',
      }
      for (const userId of [mine, other]) {
        await database.ledger.grant({ userId, amount: 700, key: `see:${userId}`, description: 'To begin with' })
        for (const kind of ['image', 'edit', 'video', 'upload'] as const) {
          await database.library.add({
            id: crypto.randomUUID(),
            userId,
            kind,
            jobId: null,
            index: 0,
            file,
            expiresAt: null,
          })
        }
      }
      const granted =
        'id, kind, user_id, job_id, content_type, bytes, width, height, duration, saved, expires_at, created_at'
      for (const table of ['images', 'edited_images', 'videos', 'uploads']) {
        const rows = await as('authenticated', mine, `select ${granted} from public.${table}`)
        expect(
          rows.map(row => row['user_id']),
          table,
        ).toEqual([mine])
        await expect(as('authenticated', mine, `select storage_key from public.${table}`)).rejects.toMatchObject({
          code: '42501',
        })
        await expect(as('anon', null, `select id from public.${table}`)).rejects.toMatchObject({ code: '42501' })
      }
      expect(await as('authenticated', mine, 'select id from public.media')).toHaveLength(4)
      expect(await as('authenticated', mine, 'select balance from public.credit_accounts')).toMatchObject([
        { balance: expect.anything() },
      ])
      expect(await as('authenticated', mine, 'select user_id, delta from public.credit_ledger')).toMatchObject([
        { user_id: mine },
      ])
      expect(await as('authenticated', mine, 'select user_id, name, role from public.profiles')).toHaveLength(1)
      expect(await as('authenticated', null, 'select id from public.media')).toEqual([])
      for (const statement of [
        'select metadata from public.credit_ledger',
        `update public.profiles set role = 'admin'`,
        'update public.credit_accounts set balance = 1000000',
        `select public.grant_credits('${mine}', 1000, 'k', 'mine')`,
        'select * from public.app_settings',
        'select * from public.rate_limits',
        'select * from auth.users',
      ]) {
        await expect(as('authenticated', mine, statement), statement).rejects.toMatchObject({ code: '42501' })
      }
    })

    test('the service key reads, calls functions, and writes no balance', async () => {
      const userId = await newUser(driver)
      await as(
        'service_role',
        null,
        `select public.grant_credits('${userId}', 1000, 'service:${userId}', 'By function')`,
      )
      expect(
        await as('service_role', null, `select user_id from public.credit_accounts where user_id = '${userId}'`),
      ).toHaveLength(1)
      for (const statement of [
        'update public.credit_accounts set balance = 1000000',
        'insert into public.credit_accounts (user_id) values (gen_random_uuid())',
        'delete from public.credit_ledger',
        `select safelight.post_entry('${userId}', 'grant', 1, 'x', null, '', '{}')`,
      ]) {
        await expect(as('service_role', null, statement), statement).rejects.toMatchObject({ code: '42501' })
      }
    })

    test('the ledger is append-only, also where it is empty, and for its owner, and for a replica', async () => {
      const empty = await engine.open({ connections: 1 })
      for (const target of [driver, empty]) {
        for (const statement of [
          'update credit_ledger set delta = 1',
          'delete from credit_ledger',
          'truncate credit_ledger',
        ]) {
          await expect(target.query(statement), statement).rejects.toMatchObject({ code: '42501' })
          await target.query('set session_replication_role = replica')
          await expect(target.query(statement), statement).rejects.toMatchObject({ code: '42501' })
          await target.query('set session_replication_role = origin')
        }
      }
      await empty.close()
    })
  })
}
