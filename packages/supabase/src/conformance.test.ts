import { migrate, type SqlDriver } from '@safelight/postgres'
import { portCases } from '@safelight/postgres/testing'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CANNOT_RUN, type Stack, startStack } from '../test/stack.ts'
import { overSupabase } from './driver.ts'

describe.skipIf(CANNOT_RUN)(
  `every promise of every port over supabase-js${CANNOT_RUN ? ` (${CANNOT_RUN})` : ''}`,
  () => {
    let stack: Stack
    let driver: SqlDriver
    beforeAll(async () => {
      stack = await startStack()
      await migrate(stack.database)
      await stack.reload()
      const { url, secretKey } = stack.project
      // Called through the API; only what tests do to the past goes past it.
      driver = { ...stack.database, ...overSupabase(createClient(url, secretKey)) }
    })
    afterAll(() => stack.close())

    for (const [port, cases] of Object.entries(
      portCases(() => driver, { runs: 3, signIn: async email => (await stack.signIn(email)).user }),
    ))
      describe(port, () => {
        for (const each of cases) test(each.name, each.run)
      })
  },
)
