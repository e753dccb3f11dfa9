/** Migrations: applied by whoever, in whatever way, at the same time or again, the result is the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generatedModule, readMigrations } from '../dev/generate.ts'
import { dumpSchema } from '../dev/schema.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { migrations, shim } from './generated/sql.ts'
import { migrate, migrationsAsOneFile } from './migrate.ts'
import { pg } from './pg.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { startPostgres } from './testing/start-postgres.ts'
import { readFileSync } from 'node:fs'

const ALL = migrations.map(({ name }) => name)
const rowsOf = (driver: SqlDriver) => driver.query('select * from public.safelight_migrations order by version')

test('the SQL in the package is that of /database', () => {
  const files = readMigrations()
  expect(generatedModule(files)).toBe(readFileSync(new URL('generated/sql.ts', import.meta.url), 'utf8'))
  for (const { url, sql } of files) expect(sql).toBe(readFileSync(url, 'utf8'))
})

test('every file has a name that the Supabase CLI does not skip', () => {
  for (const { name, version } of migrations)
    expect(name).toMatch(new RegExp(`^${String(version).padStart(6, '0')}_[a-z-]+$`))
  expect(ALL.slice(1, 3)).toEqual(['000002_atomic-credit-system', '000003_add-rate-limiting'])
})

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
    })
    afterAll(() => engine.close())
    const open = async (migrated: boolean) => {
      driver = await engine.open({ migrated, connections: 1 })
      return { driver, async [Symbol.asyncDispose]() { await driver.close() } } // prettier-ignore
    }

    test('an empty database gets all of it, once', async () => {
      await using _opened = await open(false)
      await expect(postgres(driver).check()).rejects.toThrow(
        'The database has no safelight schema yet. Run: safelight migrate',
      )
      const lines: string[] = []
      expect(await migrate(driver, { log: line => lines.push(line) })).toEqual({ applied: ALL })
      expect(lines).toEqual(ALL.map(each => `applied ${each}`))
      const before = await rowsOf(driver)
      expect(await migrate(driver)).toEqual({ applied: [] })
      expect(await rowsOf(driver)).toEqual(before)
      await postgres(driver).check()
    })

    test('one pasted file does the same, and again, and then there is nothing left for the runner', async () => {
      await using _opened = await open(false)
      await driver.query(migrationsAsOneFile())
      const [schema, rows] = [await dumpSchema(driver), await rowsOf(driver)]
      await driver.query(migrationsAsOneFile())
      expect(await migrate(driver)).toEqual({ applied: [] })
      expect([await dumpSchema(driver), await rowsOf(driver)]).toEqual([schema, rows])
    })

    test('any single file can be applied again, in any order, and changes nothing', async () => {
      await using _opened = await open(true)
      await driver.query(`insert into auth.users (email, email_confirmed_at) values ('again@example.test', now())`)
      const state = async () => [
        await dumpSchema(driver),
        await rowsOf(driver),
        await driver.query('select * from public.credit_ledger order by user_id, seq'),
        await driver.query('select * from public.app_settings order by setting_key'),
      ]
      const before = await state()
      for (const { sql } of migrations.toReversed()) await driver.query(sql)
      expect(await state()).toEqual(before)
    })

    test('a file asks for the one before it', async () => {
      await using _opened = await open(false)
      await expect(driver.query(migrations[0]!.sql)).rejects.toThrow('apply database/platform/shim.sql first')
      await driver.query(shim)
      await expect(driver.query(migrations[2]!.sql)).rejects.toThrow('apply 000001_foundation.sql first')
      await driver.query(migrations[0]!.sql)
      await expect(driver.query(migrations[3]!.sql)).rejects.toThrow('apply 000003_add-rate-limiting.sql first')
      expect((await rowsOf(driver)).length).toBe(1)
    })

    test('a schema that stopped half-way says what is missing, and goes on from there', async () => {
      await using _opened = await open(false)
      for (const sql of [shim, ...migrations.slice(0, 5).map(each => each.sql)]) await driver.query(sql)
      await expect(postgres(driver).check()).rejects.toThrow('000006_job-lifecycle is missing. Run: safelight migrate')
      expect(await migrate(driver)).toEqual({ applied: ALL.slice(5) })
    })

    test('a newer schema is fine unless it says that it is not', async () => {
      await using _opened = await open(true)
      await driver.query(`insert into public.safelight_migrations values (900, '000900_later', 'abc')`)
      expect(await migrate(driver)).toEqual({ applied: [] })
      await postgres(driver).check()
      await driver.query('update public.safelight_migrations set breaking = true where version = 900')
      await expect(migrate(driver)).rejects.toThrow('newer safelight (000900_later) that this one cannot work with')
      await expect(postgres(driver).check()).rejects.toThrow('newer safelight (000900_later)')
    })

    test('a migration that was changed after it was applied is found out', async () => {
      await using _opened = await open(true)
      await driver.query(`update public.safelight_migrations set checksum = 'other' where version = 2`)
      await expect(migrate(driver)).rejects.toThrow('000002_atomic-credit-system in the database is not the one')
    })

    test('a failing migration names itself and leaves nothing behind', async () => {
      await using _opened = await open(false)
      await driver.query('create table public.rate_limits (mine integer)')
      await expect(migrate(driver)).rejects.toThrow('Migration 000003_add-rate-limiting could not be applied')
      expect((await rowsOf(driver)).map(row => row['version'])).toEqual([1, 2])
      expect(await driver.query(`select 1 from pg_proc where proname = 'take_hits'`)).toEqual([])
    })

    test('a schema auth that somebody else made is left alone, and local sign-in is refused there', async () => {
      await using _opened = await open(false)
      await driver.query(`
        create schema auth;
        create table auth.users (id uuid primary key default gen_random_uuid(), email text, email_confirmed_at timestamptz,
          raw_user_meta_data jsonb, invited_at timestamptz);
        create function auth.uid() returns uuid language sql stable as 'select null::uuid';
        insert into auth.users (email, email_confirmed_at) values ('early@example.test', now()), ('unsure@example.test', null);`)
      await migrate(driver)
      const here = await driver.query(`select proname as name from pg_proc where pronamespace = 'auth'::regnamespace
        union all select relname from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r'`)
      expect(new Set(here.map(row => row['name']))).toEqual(new Set(['uid', 'users']))
      const balances = await driver.query('select balance::integer from public.credit_accounts order by balance')
      expect(balances).toEqual([{ balance: 0 }, { balance: 3000 }])
      await expect(postgres(driver).users.signIn('new@example.test')).rejects.toThrow('local accounts exist only where')
    })
  })
}

test('where roles cannot be made the schema works without them', async () => {
  const engine = await ENGINES.pglite()
  const driver = await engine.open({ migrated: false })
  await driver.query(
    'create role plain; grant create on database postgres to plain; alter schema public owner to plain; set role plain',
  )
  expect((await migrate(driver)).applied).toEqual(ALL)
  expect(
    await driver.query(`select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role')`),
  ).toEqual([])
  const user = await postgres(driver).users.signIn('someone@example.test')
  expect(await postgres(driver).ledger.balance(user.id)).toBe(3000)
  await driver.close()
  await engine.close()
})

test('eight processes that migrate one database at once apply everything exactly once', async () => {
  const server = await startPostgres()
  const url = await server.createDatabase()
  const drivers = Array.from({ length: 8 }, () => pg(url, { connections: 1 }))
  const results = await Promise.all(drivers.map(each => migrate(each)))
  for (const { applied } of results) for (const each of applied) expect(ALL).toContain(each)
  expect(await rowsOf(drivers[0]!)).toHaveLength(ALL.length)
  await postgres(drivers[0]!).check()
  const [settings] = await drivers[0]!.query('select count(*)::integer as count from public.app_settings')
  expect(settings).toEqual({ count: 6 })
  await Promise.all(drivers.map(each => each.close()))
  await server.close()
})
