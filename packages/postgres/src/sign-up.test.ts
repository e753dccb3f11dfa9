/** Who comes in gets an account; whoever has a verified e-mail gets the bonus, once per person. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { type Engine, ENGINES } from './testing/engines.ts'

for (const [name, start] of Object.entries(ENGINES)) {
  describe(`over ${name}`, () => {
    let engine: Engine
    let driver: SqlDriver
    beforeAll(async () => {
      engine = await start()
      driver = await engine.open()
    })
    afterAll(async () => {
      await driver.close()
      await engine.close()
    })
    const balanceOf = (userId: string) => postgres(driver).ledger.balance(userId)
    const add = async (email: string | null, verified: boolean, meta: object = {}) => {
      const [row] = await driver.query(
        `insert into auth.users (email, email_confirmed_at, raw_user_meta_data)
         values ($1, case when $2::boolean then now() end, $3) returning id`,
        [email, verified, JSON.stringify(meta)],
      )
      return String(row?.['id'])
    }

    test('a verified e-mail brings profile, account and bonus; the ledger shows a grant', async () => {
      const id = await add('Ada@Example.test', true, { full_name: 'Ada' })
      expect(await postgres(driver).users.find(id)).toEqual({
        id,
        email: 'Ada@Example.test',
        name: 'Ada',
        role: 'user',
      })
      const { items } = await postgres(driver).ledger.entries({ userId: id, limit: 10 })
      expect(items).toMatchObject([
        { kind: 'grant', delta: 3000, balanceAfter: 3000, description: 'Sign-up bonus', jobId: null },
      ])
    })

    test('who is banned is nobody until the ban ends, and who was deleted is nobody', async () => {
      const { users } = postgres(driver)
      const id = await add(`${randomUUID()}@example.test`, true)
      await driver.query(
        'alter table auth.users add column banned_until timestamptz, add column deleted_at timestamptz',
      )
      const isFoundAfter = async (change: string) => {
        await driver.query(`update auth.users set ${change} where id = $1`, [id])
        return (await users.find(id)) !== null
      }
      expect(await isFoundAfter(`banned_until = now() + interval '1 hour'`)).toBe(false)
      expect(await isFoundAfter(`banned_until = 'infinity'`)).toBe(false)
      expect(await isFoundAfter(`banned_until = now() - interval '1 second'`)).toBe(true)
      expect(await isFoundAfter('deleted_at = now()')).toBe(false)
      await driver.query('alter table auth.users drop column banned_until, drop column deleted_at')
      expect((await users.find(id))?.id).toBe(id)
    })

    test('an e-mail that nobody verified brings an account with nothing on it, and the bonus when it is verified', async () => {
      const id = await add(`${randomUUID()}@example.test`, false)
      expect(await balanceOf(id)).toBe(0)
      for (let again = 0; again < 2; again++)
        await driver.query('update auth.users set email_confirmed_at = now() where id = $1', [id])
      expect(await balanceOf(id)).toBe(3000)
    })

    test('one person with many spellings and many accounts has one bonus', async () => {
      const first = await add('grace.hopper+news@gmail.com', true)
      expect(await balanceOf(first)).toBe(3000)
      for (const email of ['GraceHopper@Gmail.com', 'g.r.a.c.e.hopper@googlemail.com', 'gracehopper+2@gmail.com']) {
        expect(await balanceOf(await add(email, true)), email).toBe(0)
      }
      const dotted = await add('grace.hopper@example.test', true)
      const undotted = await add('gracehopper@example.test', true)
      expect([await balanceOf(dotted), await balanceOf(undotted)]).toEqual([3000, 3000])
    })

    test('who leaves takes the profile along; account and ledger stay, and coming back brings no second bonus', async () => {
      const id = await add('back@example.test', true)
      await driver.query('delete from auth.users where id = $1', [id])
      expect(await postgres(driver).users.find(id)).toBeNull()
      expect(await driver.query('select 1 from public.profiles where user_id = $1', [id])).toEqual([])
      expect(await balanceOf(id)).toBe(3000)
      expect(await balanceOf(await add('back@example.test', true))).toBe(0)
    })

    test('nobody without an e-mail gets it', async () => {
      for (const email of [null, '']) expect(await balanceOf(await add(email, true))).toBe(0)
    })

    test('the bonus is the one of the settings, and none where that is 0', async () => {
      const { settings, users } = postgres(driver)
      await settings.write({ signupBonus: 0 })
      expect(await balanceOf((await users.signIn('none@example.test')).id)).toBe(0)
      await settings.write({ signupBonus: 42 })
      expect(await balanceOf((await users.signIn('some@example.test')).id)).toBe(42)
      await settings.write({ signupBonus: 3000 })
    })

    test('twenty sign-ins of one new e-mail at once make one user with one bonus', async () => {
      const { users } = postgres(driver)
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, n) => users.signIn(n % 2 ? ' Twenty@Example.test' : 'twenty@example.test')),
      )
      expect(new Set(all.map(({ id }) => id)).size).toBe(1)
      expect(await balanceOf(all[0]!.id)).toBe(3000)
    })
  })
}
