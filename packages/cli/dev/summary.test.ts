import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const config = `import { Summary } from ${JSON.stringify(fileURLToPath(new URL('summary.ts', import.meta.url)))}
export default { test: { pool: 'forks', reporters: ['default', new Summary({ skippedFails: process.env.STRICT === '1' })] } }`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safelight-summary-'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  await writeFile(join(folder, 'vitest.config.ts'), config)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The exit code and the last line of a run of these tests. */
async function run(tests: string, isStrict = false): Promise<[number | null, string]> {
  await writeFile(join(folder, 'a.test.ts'), `import { it } from 'vitest'\n${tests}`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const env = { PATH: process.env['PATH'], STRICT: isStrict ? '1' : '0' }
  return new Promise(resolve => {
    const child = execFile(process.execPath, [vitest, 'run'], { cwd: folder, env }, (_error, stdout) =>
      resolve([child.exitCode, stdout.trimEnd().split('\n').at(-1) ?? '']),
    )
  })
}

it('closes a run with one line of counts', async () => {
  expect(await run(`it('a', () => {})\nit('b', () => {})`)).toEqual([0, '2 passed, 0 failed'])
  expect(await run(`it('a', () => {})\nit('b', () => { throw new Error('no') })`)).toEqual([1, '1 passed, 1 failed'])
})

it('counts a file that cannot be loaded as a failure', async () => {
  expect(await run(`it('a', () => {})\nthrow new Error('no')`)).toEqual([1, '0 passed, 1 failed'])
})

it('lets a skipped test fail the run only where told to', async () => {
  const tests = `it('a', () => {})\nit.skip('b', () => {})\nit.todo('c')`
  expect(await run(tests)).toEqual([0, '1 passed, 0 failed, 2 skipped'])
  expect(await run(tests, true)).toEqual([1, '1 passed, 0 failed, 2 skipped'])
})
