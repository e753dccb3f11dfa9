/** The node-postgres driver: lost connections, timeouts, lost races. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { retrying, type SqlDriver } from './driver.ts'
import { pg } from './pg.ts'
import { type PostgresServer, startPostgres } from './testing/start-postgres.ts'

let server: PostgresServer
let url: string
beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
})
afterAll(() => server.close())

const terminateOthers = `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and application_name = 'safelight'`

test('a connection that is lost while nobody uses it is told, and replaced', async () => {
  const lost = Promise.withResolvers<Error>()
  const driver = pg(url, { onLostConnection: lost.resolve })
  const other = pg(url)
  expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }])
  await other.query(terminateOthers)
  expect(await lost.promise).toBeInstanceOf(Error)
  expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }])
  await Promise.all([driver.close(), other.close()])
})

test('a connection that is lost in the middle of a call fails that call alone', async () => {
  const driver = pg(url, { connections: 1 })
  const other = pg(url)
  await driver.query(
    `create function public.sleep_long() returns jsonb language sql as 'select to_jsonb(pg_sleep(30)::text)'`,
  )
  const call = driver.call('sleep_long', {}).catch((error: unknown) => error)
  const running = `select 1 from pg_stat_activity where query like '%sleep_long()%' and wait_event = 'PgSleep'`
  while ((await other.query(running)).length === 0);
  await other.query(terminateOthers)
  expect(await call).toMatchObject({ code: '57P01' })
  expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }])
  await Promise.all([driver.close(), other.close()])
})

test('a call that only reads is made again when its connection was lost, any other is not', async () => {
  const driver = pg(url, { connections: 1 })
  const dying = (name: string) => `
    create sequence public.calls_of_${name};
    create function public.${name}() returns jsonb language plpgsql as $$ begin
      if nextval('public.calls_of_${name}') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if;
      return to_jsonb('answered'::text);
    end $$`
  await driver.query(dying('read_settings'))
  await driver.query(dying('charge'))
  expect(await retrying(driver)('read_settings', {})).toBe('answered')
  await expect(retrying(driver)('charge', {})).rejects.toMatchObject({ code: '57P01' })
  await driver.close()
})

test('a call that takes too long fails, and its connection is not used again', async () => {
  const driver = pg(url, { connections: 1, timeoutSeconds: 0.2 })
  await driver.query(
    `create or replace function public.sleep_long() returns jsonb language sql as 'select to_jsonb(pg_sleep(30)::text)'`,
  )
  await expect(driver.call('sleep_long', {})).rejects.toThrow(/timeout/)
  expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }])
  await driver.close()
})

test('a server that is not there is an error, not a hang', async () => {
  const driver = pg('postgres://postgres:postgres@127.0.0.1:1/none')
  await expect(driver.call('read_settings', {})).rejects.toThrow(/ECONNREFUSED/)
  await driver.close()
})

test('behind a pooler that loses prepared statements, calls go on without them', async () => {
  const driver = pg(url, { connections: 1 })
  await driver.query(
    `create or replace function public.echo(p_word text) returns jsonb language sql as 'select to_jsonb(p_word)'`,
  )
  expect(await driver.call('echo', { word: 'one' })).toBe('one')
  expect(await driver.query('select count(*)::integer as count from pg_prepared_statements')).toEqual([{ count: 1 }])
  await driver.query('deallocate all')
  expect(await driver.call('echo', { word: 'two' })).toBe('two')
  expect(await driver.query('select count(*)::integer as count from pg_prepared_statements')).toEqual([{ count: 0 }])
  expect(await driver.call('echo', { word: 'three' })).toBe('three')
  await driver.close()
})

test('several statements answer the rows of the last', async () => {
  const driver = pg(url)
  expect(await driver.query('select 1 as a; select 2 as b')).toEqual([{ b: 2 }])
  await driver.close()
})

test('only names of ours become SQL', async () => {
  const driver = pg(url)
  await expect(driver.call('x(); drop table y', {})).rejects.toThrow('is no SQL name of ours')
  await expect(driver.call('find_job', { 'a => 1) --': 1 })).rejects.toThrow('is no SQL name of ours')
  await driver.close()
})

function failing(codes: readonly string[]): { driver: SqlDriver; calls: () => number } {
  let calls = 0
  const call = async () => {
    const code = codes[calls++]
    if (code) throw Object.assign(new Error(code), { code })
    return 'done' as never
  }
  return { driver: { call, query: async () => [], close: async () => undefined }, calls: () => calls }
}

test('a lost race is tried again, a few times, and nothing else is', async () => {
  const twice = failing(['40001', '40P01'])
  expect(await retrying(twice.driver)('admit_job', {})).toBe('done')
  expect(twice.calls()).toBe(3)
  const always = failing(Array.from({ length: 50 }, () => '40001'))
  await expect(retrying(always.driver)('admit_job', {})).rejects.toMatchObject({ code: '40001' })
  expect(always.calls()).toBe(8)
  const unstorable = failing(['22P05'])
  await expect(retrying(unstorable.driver)('admit_job', {})).rejects.toMatchObject({ code: 'invalid_input' })
  expect(unstorable.calls()).toBe(1)
  const broken = failing(['23505'])
  await expect(retrying(broken.driver)('admit_job', {})).rejects.toMatchObject({ code: '23505' })
  expect(broken.calls()).toBe(1)
})
