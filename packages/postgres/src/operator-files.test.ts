/** What /database has for whoever runs it: examples, reports, and the statements for pg_cron. */
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readExamples, runExample, shown } from '../dev/examples.ts'
import { databaseFolder } from '../dev/generate.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { admittedJob, expiredPicture, userWith } from './testing/upkeep-steps.ts'

const reports = readdirSync(new URL('reports/', databaseFolder))
const textOf = (path: string) => readFileSync(new URL(path, databaseFolder), 'utf8')

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

    test.each(readExamples())('the example $name answers what is written down', async example => {
      const own = await engine.open({ connections: 1 })
      expect(await runExample(example, own)).toBe(readFileSync(example.recording, 'utf8'))
      await own.close()
    })

    test('every report says what is the matter, and nothing where nothing is', async () => {
      const ask = async () => {
        const found = reports.map(async file => {
          const rows = await driver.query(textOf(`reports/${file}`))
          return [file, rows.map(shown)] as const
        })
        return Object.fromEntries(await Promise.all(found))
      }
      for (const rows of Object.values(await ask())) expect(rows).toEqual([])
      const stage = { driver, database: postgres(driver) }
      const userId = await userWith(stage, 10_000)
      const model = `upkeep-${userId.slice(0, 8)}`
      await admittedJob(stage, userId, `state = 'running', run_until = now() - interval '1 hour'`)
      const ended = `finished_at = created_at + interval '5 seconds', attempt = '{"provider": "fal"}'`
      await admittedJob(stage, userId, `state = 'succeeded', ${ended}`)
      const failed = await admittedJob(stage, userId, `state = 'failed', ${ended}`)
      await stage.database.ledger.refund({ reference: failed, reason: 'Failed' })
      await driver.query('update public.credit_accounts set balance = 9100 where user_id = $1', [userId])
      await stage.database.reconcileCreditLedger()
      const found = await ask()
      expect(found['balances.sql']).toMatchObject([{ user_id: userId, balance: 9100, sum_of_entries: 9000, difference: 100 }]) // prettier-ignore
      expect(found['open-discrepancies.sql']).toMatchObject([{ problem: 'balance', expected: 9000, found: 9100 }])
      expect(found['open-jobs.sql']).toMatchObject([{ user_id: userId, state: 'running' }])
      expect(found['spend.sql']).toMatchObject([{ model, charges: 3, charged: 1500, refunded: 500, spent: 1000 }])
      const outcome = { provider: 'fal', jobs: 2, succeeded: 1, success_rate: 0.5, median_seconds: 5 }
      expect(found['providers.sql']).toMatchObject([outcome])
    })

    test('reports show nothing to whoever may not read what is below', async () => {
      for (const role of ['anon', 'authenticated', 'service_role']) {
        await driver.query(`set role ${role}`)
        try {
          await expect(driver.query('select * from safelight.balances_against_sums')).rejects.toMatchObject({ code: '42501' }) // prettier-ignore
        } finally {
          await driver.query('reset role')
        }
      }
    })

    test('pg_cron is told what to do where it is there, once, and every statement of it runs', async () => {
      const schedule = textOf('platform/pg_cron.sql')
      const own = await engine.open({ connections: 1 })
      await own.query(schedule)
      // The signature and the behaviour of pg_cron 1.4 and later: scheduling under a name again replaces.
      await own.query(`
        create schema cron;
        create table cron.job (jobname text primary key, schedule text, command text);
        create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
          insert into cron.job values ($1, $2, $3) on conflict (jobname) do update set schedule = $2, command = $3;
          select 1::bigint $$;`)
      await own.query(schedule)
      await own.query(schedule)
      const jobs = await own.query('select * from cron.job order by jobname')
      expect(jobs.map(row => row['jobname'])).toEqual(['archive', 'rate-limits', 'reconcile', 'reconcile-whole', 'trim'].map(task => `safelight-${task}`)) // prettier-ignore
      const stage = { driver: own, database: postgres(own) }
      const users = [await userWith(stage, 100), await userWith(stage, 100)]
      const behind = async () => (await own.query('select from public.credit_checkpoints where seq > 0')).length
      const picture = await expiredPicture(stage, users[0]!)
      for (const { command } of jobs) await own.query(String(command))
      expect(await behind()).toBe(2)
      expect((await stage.database.library.find(picture.id))?.archivedAt).not.toBeNull()
      expect(await own.query('select from public.upkeep_runs')).toHaveLength(5)
      await own.query('truncate public.credit_checkpoints')
      for (const { command } of jobs) await own.query(String(command))
      expect(await behind(), 'it was nobody’s turn').toBe(0)
      await own.close()
    })
  })
}
