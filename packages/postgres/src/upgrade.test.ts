/** From the tables of the app before safelight to ours: nobody gains, nobody loses, and doing it twice is doing it once. */
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { dumpSchema, schemaFile } from '../dev/schema.ts'
import { databaseFolder } from '../dev/generate.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { migrate, migrationsAsOneFile } from './migrate.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { job, originalApp, originalJob, type OriginalUser, user } from './testing/original-app.ts'

const before = readFileSync(new URL('upgrade/before.sql', databaseFolder), 'utf8')
const after = readFileSync(new URL('upgrade/after.sql', databaseFolder), 'utf8')

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    beforeAll(async () => void (engine = await start()))
    afterAll(() => engine.close())

    const empty = async (): Promise<SqlDriver> => {
      const driver = await engine.open({ migrated: false, connections: 1 })
      onTestFinished(() => driver.close())
      return driver
    }
    const upgraded = async (
      users: OriginalUser[],
      alter: (driver: SqlDriver) => Promise<unknown> = async () => undefined,
    ) => {
      const driver = await empty()
      await originalApp(driver, users)
      await alter(driver)
      await driver.query(before)
      await migrate(driver)
      const report = await driver.query(after)
      return { driver, report, database: postgres(driver) }
    }
    const ledgerOf = async (driver: SqlDriver, number: number) => {
      const { items } = await postgres(driver).ledger.entries({ userId: user(number), limit: 100 })
      return items
        .map(({ kind, delta, balanceAfter, description }) => [kind, delta, balanceAfter, description])
        .toReversed()
    }
    const leftBehind = async (driver: SqlDriver) =>
      (await driver.query('select what from original.left_behind order by what')).map(row => row['what'])
    const expectBooksInOrder = async (driver: SqlDriver) => {
      const { summary } = await postgres(driver).reconcileCreditLedger({ whole: true })
      expect(summary.discrepancies).toBe(0)
    }

    test('balances and history come over, and the bonus is not given a second time', async () => {
      const { driver, database, report } = await upgraded(
        [
          {
            number: 1,
            entries: [
              [-500, 'image', 1],
              [-2000, 'video_3s', 2],
              [2000, 'refund', 2],
            ],
          },
          { number: 2 },
        ],
        async old => {
          await originalJob(old, { number: 1, of: 1, status: 'completed' })
          await originalJob(old, { number: 2, of: 1, status: 'failed', operation: 'video_3s', cost: 2000 })
        },
      )
      expect(await database.ledger.balance(user(1))).toBe(2500)
      expect(await database.ledger.balance(user(2))).toBe(3000)
      expect(await ledgerOf(driver, 1)).toEqual([
        ['grant', 3000, 3000, 'Sign-up bonus'],
        ['adjustment', -3000, 0, 'Sign-up bonus, given by the original app already'],
        ['grant', 3000, 3000, 'signup_bonus'],
        ['charge', -500, 2500, 'image'],
        ['charge', -2000, 500, 'video_3s'],
        ['refund', 2000, 2500, 'refund'],
      ])
      expect(await leftBehind(driver)).toEqual([])
      expect(report).toMatchObject([{ what: null }])
      expect([Number(report[0]!['credits_there']), Number(report[0]!['credits_here'])]).toEqual([5500, 5500])
      await expectBooksInOrder(driver)
      const jobs = await database.jobs.list({ userId: user(1), limit: 10 })
      expect(
        jobs.items.map(({ id, state, kind, price, refundedCredits }) => ({ id, state, kind, price, refundedCredits })),
      ).toEqual(
        expect.arrayContaining([
          { id: job(1), state: 'succeeded', kind: 'image', price: 500, refundedCredits: 0 },
          { id: job(2), state: 'failed', kind: 'video', price: 2000, refundedCredits: 2000 },
        ]),
      )
      expect(JSON.stringify(await driver.query('select * from public.credit_ledger'))).not.toContain('says too much')
    })

    test('doing any of it again changes nothing, and who is new since then is left alone', async () => {
      const { driver, database } = await upgraded([{ number: 1, entries: [[-500, 'image']] }])
      const known = randomUUID()
      await driver.query('insert into auth.users (id, email, email_confirmed_at) values ($1, $2, now())', [
        known,
        'new@example.test',
      ])
      const charge = { userId: user(1), amount: 1000, reference: randomUUID(), description: 'x', kind: 'edit' } as const
      expect((await database.ledger.charge(charge)).outcome).toBe('charged')
      const state = () => driver.query('select * from public.credit_ledger order by user_id, seq')
      const was = await state()
      await driver.query(before)
      await driver.query(migrationsAsOneFile())
      await driver.query(after)
      expect(await state()).toEqual(was)
      expect(await database.ledger.balance(known)).toBe(3000)
      expect(await database.ledger.balance(user(1))).toBe(1500)
      await driver.query('drop function public.unrelated()')
      expect(await dumpSchema(driver)).toBe(readFileSync(schemaFile, 'utf8'))
      await expectBooksInOrder(driver)
    })

    test('whoever comes back under another account gets no second bonus', async () => {
      const { driver, database } = await upgraded([{ number: 1, email: 'ada.lovelace@gmail.com', credits: 0 }])
      await driver.query('delete from auth.users where id = $1', [user(1)])
      const again = randomUUID()
      await driver.query('insert into auth.users (id, email, email_confirmed_at) values ($1, $2, now())', [
        again,
        'AdaLovelace+2@gmail.com',
      ])
      expect(await database.ledger.balance(again)).toBe(0)
    })

    test('a job that never ended is given back, one that failed unpaid stays as it was and is told', async () => {
      const { driver, database } = await upgraded(
        [
          {
            number: 1,
            entries: [
              [-500, 'image', 1],
              [-1000, 'edit', 2],
            ],
          },
        ],
        async old => {
          await originalJob(old, { number: 1, of: 1, status: 'processing' })
          await originalJob(old, { number: 2, of: 1, status: 'failed', operation: 'edit', cost: 1000 })
        },
      )
      expect(await database.ledger.balance(user(1))).toBe(2000)
      expect(await database.jobs.find(job(1))).toMatchObject({ state: 'failed', refundedCredits: 500 })
      expect(await database.jobs.find(job(2))).toMatchObject({ state: 'failed', refundedCredits: 0 })
      expect(await leftBehind(driver)).toEqual([
        'a failed job that was paid and never given back: grant it if you want to',
      ])
      expect(await database.ledger.refund({ reference: job(1), reason: 'again' })).toMatchObject({
        outcome: 'replayed',
      })
      await expectBooksInOrder(driver)
    })

    test('books that never added up come over with the balance that people saw', async () => {
      const { driver, database } = await upgraded([
        { number: 1, credits: 7000, entries: [[-500, 'image']] },
        {
          number: 2,
          credits: 100,
          entries: [
            [-5000, 'video_5s'],
            [-2000, 'image'],
          ],
        },
        { number: 3, credits: -40, entries: [[-3040, 'video_5s']] },
        {
          number: 4,
          credits: 3000,
          entries: [
            [-500, 'image', 9],
            [500, 'refund', 9],
            [500, 'refund', 9],
            [900, 'refund', 8],
          ],
        },
        {
          number: 5,
          credits: 3000,
          entries: [
            [null, 'image'],
            [0, 'image'],
          ],
        },
      ])
      const balances = await Promise.all([1, 2, 3, 4, 5].map(number => database.ledger.balance(user(number))))
      expect(balances).toEqual([7000, 100, 0, 3000, 3000])
      expect((await ledgerOf(driver, 2)).slice(2)).toEqual([
        ['adjustment', 4000, 4000, 'Credits from before the first entry'],
        ['grant', 3000, 7000, 'signup_bonus'],
        ['charge', -5000, 2000, 'video_5s'],
        ['charge', -2000, 0, 'image'],
        ['adjustment', 100, 100, 'To the balance of the original app'],
      ])
      expect(await leftBehind(driver)).toEqual([
        'a user with a negative balance, who has 0 here',
        'an entry of no known user, or without a usable amount',
        'an entry of no known user, or without a usable amount',
      ])
      await expectBooksInOrder(driver)
    })

    test('rows of nobody, and amounts that are none, are listed and stay', async () => {
      const { driver } = await upgraded([{ number: 1 }], async old => {
        await old.query('insert into public.credit_ledger (user_id, delta) values ($1, 5)', [randomUUID()])
        await originalJob(old, { number: 3, of: 77, status: 'completed' })
        await old.query(
          `insert into public.generation_jobs (id, user_id, cost, status) values ($1, $2, null, 'completed')`,
          [job(4), user(1)],
        )
        await old.query('alter table public.users drop constraint users_pkey cascade, alter id drop not null')
        await old.query('insert into public.users (id, credits) values (null, 10)')
      })
      expect(await leftBehind(driver)).toHaveLength(4)
      await expectBooksInOrder(driver)
    })

    test('nothing of it stays open: tables are closed, functions are gone, the trigger of the sign-in too', async () => {
      const { driver } = await upgraded([{ number: 1 }])
      const rights = await driver.query(`
        select c.relname from pg_class c, unnest(array['anon', 'authenticated', 'service_role']) role
         where c.relnamespace = 'original'::regnamespace and c.relkind in ('r', 'v')
           and (has_table_privilege(role, c.oid, 'select') or has_schema_privilege(role, 'original', 'usage'))
        union all
        select f.proname from pg_proc f, unnest(array['anon', 'authenticated']) role
         where has_function_privilege(role, f.oid, 'execute') and f.prosecdef
           and f.pronamespace in ('public'::regnamespace, 'original'::regnamespace)`)
      expect(rights).toEqual([])
      const ours =
        await driver.query(`select count(*)::integer as n from pg_proc where pronamespace = 'public'::regnamespace
        and proname in ('atomic_charge_credits', 'refund_credits', 'wipe', 'handle_new_user', 'unrelated')`)
      expect(ours).toEqual([{ n: 3 }])
      const [dropped] = await driver.query('select definition from original.dropped_functions')
      expect(dropped?.['definition']).toContain('handle_new_user')
    })

    test('there is nothing to do in an empty database, and another app’s tables are not touched', async () => {
      const driver = await empty()
      await driver.query(before)
      expect(await driver.query(`select to_regnamespace('original') as schema`)).toEqual([{ schema: null }])
      await driver.query('create table public.users (id integer, name text)')
      await expect(driver.query(before)).rejects.toThrow('this is not the database of the original app')
      await expect(driver.query(after)).rejects.toThrow('apply the migrations first')
      await driver.query('drop table public.users')
      await migrate(driver)
      await expect(driver.query(after)).rejects.toThrow('there is nothing to bring over')
    })
  })
}
