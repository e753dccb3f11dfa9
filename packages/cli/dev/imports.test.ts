import { expect, it } from 'vitest'
import { violationsIn } from './imports.ts'

const messages = (file: string, text: string): string[] => violationsIn(file, text).map(each => each.message)

const broken: [string, string, string, RegExp][] = [
  [
    'core imports a package of ours',
    'packages/core/src/a.ts',
    `import { demo } from '@safelight/providers/demo'`,
    /core may not import providers/,
  ],
  [
    '… as a type',
    'packages/core/src/a.ts',
    `import type { Sql } from '@safelight/postgres'`,
    /core may not import postgres/,
  ],
  ['… inside a type', 'packages/core/src/a.ts', `let a: import('@safelight/media').Media`, /core may not import media/],
  ['… lazily', 'packages/core/src/a.ts', `await import('@safelight/media')`, /core may not import media/],
  ['… as a re-export', 'packages/core/src/a.ts', `export * from '@safelight/server'`, /core may not import server/],
  ['… by a path', 'packages/core/src/a.ts', `import '../../media/src/index.ts'`, /core may not import media/],
  ['a path where a name is due', 'packages/postgres/src/a.ts', `import '../../core/src/index.ts'`, /by its name/],
  ['the core imports Node', 'packages/core/src/a.ts', `import { join } from 'node:path'`, /wherever there is fetch/],
  [
    'a provider imports another layer',
    'packages/providers/src/fal/index.ts',
    `import '@safelight/media'`,
    /providers may not/,
  ],
  [
    'the server imports a driver',
    'packages/server/src/app.ts',
    `import '@safelight/postgres/pglite'`,
    /server may not import postgres/,
  ],
  [
    'the server imports the command line',
    'packages/server/src/app.ts',
    `import 'safelight'`,
    /server may not import cli/,
  ],
  ['postgres imports media', 'packages/postgres/src/a.ts', `import '@safelight/media'`, /postgres may not/],
  ['test parts in production', 'packages/server/src/app.ts', `import '@safelight/core/testing'`, /is for tests/],
  ['zod in a provider', 'packages/providers/src/fal/index.ts', `import { z } from 'zod'`, /too heavy/],
  ['undici in the core', 'packages/core/src/a.ts', `import { fetch } from 'undici'`, /too heavy/],
  ['process.env', 'packages/server/src/app.ts', `const a = process.env.PORT`, /reads the environment/],
  ['process.env, bracketed', 'packages/postgres/src/a.ts', `const a = process['env']`, /reads the environment/],
  [
    'process.env, taken apart',
    'packages/media/src/a.ts',
    `const { env } = globalThis.process`,
    /reads the environment/,
  ],
  [
    'process.env, imported',
    'packages/providers/src/demo/a.ts',
    `import { env } from 'node:process'`,
    /reads the environment/,
  ],
]
it.each(broken)('catches: %s', (_name, file, text, message) => {
  expect(messages(file, text)).toContainEqual(expect.stringMatching(message))
})

const fine: [string, string, string][] = [
  ['the core among itself', 'packages/core/src/a.ts', `import { b } from './memory/b.ts'`],
  ['Node in core/node', 'packages/core/src/node/transport.ts', `import 'node:tls'`],
  ['Node in core/testing', 'packages/core/src/testing/crash.ts', `import 'node:fs'`],
  ['core from a provider', 'packages/providers/src/fal/index.ts', `import type { Provider } from '@safelight/core'`],
  ['zod/mini in a provider', 'packages/providers/src/fal/index.ts', `import * as z from 'zod/mini'`],
  ['types of zod in a provider', 'packages/providers/src/fal/index.ts', `import type { z } from 'zod'`],
  ['undici when it is needed', 'packages/core/src/node/transport.ts', `const u = await import('undici')`],
  ['anything in a test', 'packages/server/src/app.test.ts', `import '@safelight/postgres'; process.env.CI`],
  ['anything in the command line', 'packages/cli/src/start.ts', `import '@safelight/postgres'; process.env.PORT`],
  ['the environment in the node entry', 'packages/server/src/node.ts', `process.env.PORT`],
  ['the word in a comment or a string', 'packages/core/src/a.ts', `// process.env\nconst a = "import 'node:fs'"`],
  ['another property of process', 'packages/server/src/app.ts', `process.memoryUsage()`],
]
it.each(fine)('lets pass: %s', (_name, file, text) => {
  expect(messages(file, text)).toEqual([])
})

it('names the line', () => {
  expect(violationsIn('packages/core/src/a.ts', `const a = 1\nimport 'node:fs'\n`)).toMatchObject([{ line: 2 }])
})
