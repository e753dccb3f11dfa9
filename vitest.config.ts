import { defineConfig } from 'vitest/config'
import { Summary } from './packages/cli/dev/summary.ts'

// Packages find one another's sources, here and in the processes that tests start.
const conditions = ['@safelight/source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@safelight/source', 'node'] } },
  test: {
    include: ['packages/**/*.test.{ts,tsx}', 'examples/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./packages/cli/test/template.ts', './packages/supabase/test/install.ts'],
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--conditions=@safelight/source'],
    // Real databases and real processes start in some of them; a run that hangs still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['default', new Summary({ skippedFails: process.env['SAFELIGHT_REFUSE_SKIPPED'] === '1' })],
  },
})
