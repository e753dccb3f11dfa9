import { expect, test } from 'vitest'
import { deliveries } from './deliveries.ts'
import { retrying } from './driver.ts'
import { ENGINES } from './testing/engines.ts'
import { letTimePass } from './testing/harness.ts'

test('what is older than a day goes, two with each new one, and those of today stay', async () => {
  const engine = await ENGINES.pglite()
  const driver = await engine.open()
  const { remember, seen } = deliveries(retrying(driver))
  const count = async () => Number((await driver.query('select count(*) from webhook_deliveries'))[0]?.['count'])
  for (let old = 0; old < 5; old++) await remember('p', `old ${old}`)
  await letTimePass(driver, 2 * 86_400)
  await remember('p', 'one')
  expect(await count()).toBe(4)
  await remember('p', 'one') // nothing new, nothing goes
  expect(await count()).toBe(4)
  await remember('p', 'two')
  await remember('p', 'three')
  expect(await count()).toBe(3)
  for (const id of ['one', 'two', 'three']) expect(await seen('p', id)).toBe(true)
  await driver.close()
  await engine.close()
})
