import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { migrations, shim } from './generated/sql.ts'
import { migrate } from './migrate.ts'
import { type Engine, ENGINES } from './testing/engines.ts'
import { lateEntryCase } from './testing/late-entry.ts'
import { problemsOf, userWith } from './testing/upkeep-steps.ts'

// What upkeep promises is asked of every driver in conformance.test.ts. Here is what takes a whole database.
describe('upkeep', () => {
  let engine: Engine
  let driver: SqlDriver
  beforeAll(async () => {
    engine = await ENGINES.postgres()
    driver = await engine.open()
  })
  afterAll(async () => {
    await driver.close()
    await engine.close()
  })

  const late = lateEntryCase(() => driver)
  test(late.name, late.run)

  test('a hundred who reconcile and charge at once find nothing wrong, and nothing is left unread', async () => {
    const stage = { driver, database: postgres(driver) }
    const users = await Promise.all(Array.from({ length: 10 }, () => userWith(stage, 1000)))
    const busy = users.map(async (userId, index) => {
      for (let n = 0; n < 20; n++) {
        await stage.database.ledger.charge({ userId, amount: 1, reference: `${userId}:${n}`, description: 'p', kind: 'image' }) // prettier-ignore
        if (n % 10 === index) expect(await problemsOf(stage, userId)).toEqual([])
      }
    })
    await Promise.all(busy)
    await stage.database.reconcileCreditLedger()
    const behind = await driver.query(`
      select from public.credit_accounts account left join public.credit_checkpoints checked using (user_id)
       where (account.seq, account.balance) is distinct from (checked.seq, checked.balance) and user_id = any ($1)`, [users]) // prettier-ignore
    expect(behind).toEqual([])
    for (const userId of users) expect(await problemsOf(stage, userId, { whole: true })).toEqual([])
  })

  test('a database that was copied into a server with fewer transactions is read again', async () => {
    const stage = { driver, database: postgres(driver) }
    await driver.query('update public.credit_reconciliation set read_to = 9000000000000000')
    const userId = await userWith(stage, 100)
    await driver.query(
      `insert into public.credit_ledger (user_id, seq, kind, delta, balance_after, reference, description)
                        values ($1, 9, 'grant', 5, 105, gen_random_uuid()::text, 'Forged')`,
      [userId],
    )
    expect((await problemsOf(stage, userId)).map(([problem]) => problem)).toContain('sequence')
    const [{ read_to: readTo } = {}] = await driver.query('select read_to::integer from public.credit_reconciliation')
    expect(readTo).toBeLessThan(1_000_000)
  })

  test('a ledger that is there already is not written again for it, and stays append-only', async () => {
    const old = await engine.open({ migrated: false, connections: 1 })
    await old.query([shim, ...migrations.filter(({ version }) => version < 13).map(({ sql }) => sql)].join('\n'))
    const stage = { driver: old, database: postgres(old) }
    const userId = await userWith(stage, 100)
    const file = async () =>
      (await old.query(`select pg_relation_filenode('public.credit_ledger') as node`))[0]?.['node']
    const before = await file()
    await migrate(old)
    expect(await file()).toBe(before)
    await stage.database.ledger.grant({ userId, amount: 5, key: 'later', description: 'Later' })
    const entries = await old.query(
      'select seq::integer, transaction_id > 0 as is_known from public.credit_ledger order by seq',
    )
    expect(entries).toEqual([
      { seq: 1, is_known: false },
      { seq: 2, is_known: true },
    ])
    expect((await stage.database.reconcileCreditLedger()).summary).toMatchObject({
      discrepancies: 0,
      accountsChecked: 1,
    })
    await expect(old.query('update public.credit_ledger set transaction_id = 0')).rejects.toMatchObject({
      code: '42501',
    })
    await old.close()
  })

  test('entries that were there before reconciliation was are read through their accounts', async () => {
    const old = await engine.open({ connections: 1 })
    const stage = { driver: old, database: postgres(old) }
    const userId = await userWith(stage, 100)
    await old.query(`
      alter table public.credit_ledger disable trigger ledger_is_append_only;
      update public.credit_ledger set transaction_id = 0, balance_after = 90;
      alter table public.credit_ledger enable always trigger ledger_is_append_only;`)
    expect(await problemsOf(stage, userId)).toEqual([
      ['balance', 90, 100],
      ['chain', 100, 90],
    ])
    await old.close()
  })
})
