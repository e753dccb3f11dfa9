/** A short form of `pnpm chaos postgres`, and that it sees what it looks for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Entry, perform } from '../chaos/operations.ts'
import { chaos, prepare } from '../chaos/postgres.ts'
import { verify } from '../chaos/verify.ts'
import { postgres } from './database.ts'
import type { SqlDriver } from './driver.ts'
import { pg } from './pg.ts'
import { type PostgresServer, startPostgres } from './testing/start-postgres.ts'

test('clients are killed, backends terminated, the server crashes: nothing that was told is lost, nothing is done twice', async () => {
  const result = await chaos({ operations: 4000, seed: Math.floor(Math.random() * 2 ** 31), pauseMs: 200 })
  expect(result).toMatchObject({ lost: [], twice: [], broken: [], minted: [] })
  expect(result.acknowledged).toBeGreaterThan(2000)
  expect(result.ledgerRows).toBeGreaterThan(300)
  expect(result.killedClients + result.terminatedBackends + result.crashes).toBeGreaterThan(3)
})

describe('what goes wrong is seen:', () => {
  const NOTHING = { lost: [], twice: [], broken: [], minted: [] }
  let server: PostgresServer
  let driver: SqlDriver
  const entries: Entry[] = []
  const perform_ = async (kind: Entry['kind'], number: number) => {
    const outcome = await perform(postgres(driver), kind, number)
    entries.push({ kind, number, outcome: null }, { kind, number, outcome })
    return outcome
  }
  beforeAll(async () => {
    server = await startPostgres()
    const url = await server.createDatabase()
    await prepare(url)
    driver = pg(url)
    for (const [kind, number] of [
      ['charge', 1],
      ['refund', 1],
      ['grant', 2],
      ['admit', 3],
      ['deliver', 3],
      ['admit', 4],
      ['fail', 4],
    ] as const)
      // prettier-ignore
      await perform_(kind, number)
  })
  afterAll(async () => {
    await driver.close()
    await server.close()
  })

  test('nothing, where nothing did', async () => {
    expect(entries.filter(({ outcome }) => outcome !== null).map(({ outcome }) => outcome)).toEqual(['charged', 'refunded', 'granted', 'admitted', 'succeeded', 'admitted', 'failed']) // prettier-ignore
    expect(await verify(driver, entries)).toEqual(NOTHING)
  })

  test('an acknowledgement without its effect', async () => {
    const promised = [['charge', 11, 'charged'], ['grant', 12, 'granted'], ['admit', 13, 'admitted'], ['fail', 3, 'failed']] as const // prettier-ignore
    const lies = promised.map(([kind, number, outcome]) => ({ kind, number, outcome }))
    expect((await verify(driver, [...entries, ...lies])).lost).toHaveLength(4)
  })

  test('money that nobody asked for', async () => {
    expect((await verify(driver, entries.filter(({ kind }) => kind !== 'grant'))).minted).toHaveLength(1) // prettier-ignore
    expect((await verify(driver, [])).minted).toHaveLength(7)
  })

  test('a balance that is not the sum of its entries', async () => {
    await driver.query('update public.credit_accounts set balance = balance + 1 where seq = 1')
    expect((await verify(driver, entries)).broken.length).toBeGreaterThan(0)
    await driver.query('update public.credit_accounts set balance = balance - 1 where seq = 1')
    expect(await verify(driver, entries)).toEqual(NOTHING)
  })

  test('a refund of the wrong amount', async () => {
    await driver.query(`update public.generation_jobs set price = price - 100 where state = 'failed'`)
    expect((await verify(driver, entries)).twice).toHaveLength(1)
    await driver.query(`update public.generation_jobs set price = price + 100 where state = 'failed'`)
  })
})
