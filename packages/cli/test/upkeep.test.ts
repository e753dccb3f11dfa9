/** The commands of whoever runs the app, on the database in the folder and on a Postgres. */
import { pg } from '@safelight/postgres/pg'
import { migrate, postgres } from '@safelight/postgres'
import { newUser, startPostgres, type PostgresServer } from '@safelight/postgres/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emptyFolder, folderWithDatabase, safelight } from './processes.ts'

it('an empty database in the folder adds up', async () => {
  const cwd = await folderWithDatabase()
  expect(await safelight(['reconcile', '--whole'], { cwd }).ended).toMatchObject({
    code: 0,
    stdout: 'The books add up: 0 accounts and 0 entries were looked at.\n',
  })
  expect(await safelight(['stats', '--hours', '2'], { cwd }).ended).toMatchObject({
    code: 0,
    stdout: 'No job in 2 hours.\n',
  })
  expect(await safelight(['stats', '--hours', '0'], { cwd }).ended).toMatchObject({ code: 2 })
})

it('a folder without a schema is told how to get one', async () => {
  const { code, stderr } = await safelight(['anomalies'], { cwd: await emptyFolder() }).ended
  expect([code, stderr]).toEqual([1, 'safelight: The database has no safelight schema yet. Run: safelight migrate\n'])
})

describe('on a Postgres', () => {
  let server: PostgresServer
  let DATABASE_URL: string
  beforeAll(async () => {
    server = await startPostgres()
    DATABASE_URL = await server.createDatabase()
  })
  afterAll(() => server.close())
  const run = async (...args: string[]) => safelight(args, { cwd: await emptyFolder(), env: { DATABASE_URL } }).ended

  it('what does not add up is said, with exit code 1, until it is closed', async () => {
    const driver = pg(DATABASE_URL)
    await migrate(driver)
    const userId = await newUser(driver)
    const { ledger } = postgres(driver)
    await ledger.grant({ userId, amount: 5000, key: 'cli', description: '' })
    expect(await run('reconcile')).toMatchObject({
      code: 0,
      stdout: 'The books add up: 1 accounts and 1 entries were looked at.\n',
    })
    await driver.query('update public.credit_accounts set balance = 9000')
    const { code, stdout } = await run('reconcile')
    expect(code).toBe(1)
    expect(stdout).toMatch(new RegExp(`^1 thing does not add up.*\n\nwhat .*\n─.*\nbalance +${userId} +5000 +9000 `))
    const { stdout: json } = await run('reconcile', '--json')
    const report = JSON.parse(json) as { summary: object; discrepancies: { id: string }[] }
    expect(report.summary).toMatchObject({ discrepancyRate: 1, discrepancies: 1 })
    await driver.query('update public.credit_accounts set balance = 5000')
    const id = report.discrepancies[0]!.id
    expect(await run('reconcile', '--close', id)).toMatchObject({ code: 2 })
    expect(await run('reconcile', '--close', id, '--note', 'Put back')).toMatchObject({ code: 0, stdout: 'Closed.\n' })
    expect(await run('reconcile', '--close', id, '--note', 'Put back')).toMatchObject({ code: 1 })
    expect((await run('reconcile')).code).toBe(0)
    expect((await run('anomalies')).stdout).toMatch(new RegExp(`grant_without_reason +${userId} `))
    await driver.close()
  })

  it('figures are a table', async () => {
    const driver = pg(DATABASE_URL)
    await driver.query(`
      insert into public.generation_jobs (id, user_id, model, kind, input, price, count, request_hash, state, queue_until,
                                          created_at, finished_at, attempt)
      select gen_random_uuid(), gen_random_uuid(), 'demo-image', 'image', '{"prompt": ""}', 500, 1, 'h', 'succeeded', now(),
             now() - interval '3 seconds', now(), '{"provider": "demo"}' from generate_series(1, 4)`)
    const { stdout, code } = await run('stats')
    expect(code).toBe(0)
    expect(stdout).toContain('4 jobs in 24 hours, 100.0 % completed, half of them within 3.0 s.')
    expect(stdout).toMatch(/\ndemo-image +4 +4 +0 +0 +2000 +0 +3.0 s\nat demo +4 +4 +0 +0 +2000 +0\n/)
    await driver.close()
  })
})
