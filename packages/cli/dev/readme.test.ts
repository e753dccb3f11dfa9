/** The TypeScript of the README and of the page about providers is type-checked and run, each block as a program of its own in an empty folder. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { probe } from '@safelight/media'
import { afterAll, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const pages = ['README.md', 'docs/providers/README.md'].map(page => readFileSync(join(root, page), 'utf8')).join('\n')
const blocks = [...pages.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block = ''], index) => ({
  name: `block ${index + 1}`,
  block,
}))

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safelight-readme-'))
  symlinkSync(join(root, 'packages/cli/node_modules'), join(folder, 'node_modules'), 'dir')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  blocks.forEach(({ name, block }) => writeFileSync(join(folder, `${name.replace(' ', '-')}.ts`), block))
  const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')] }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }),
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('begins with the quickstart, in at most six lines', () => {
  const [first] = blocks
  expect(first?.block).toBe(readFileSync(join(root, 'examples/quickstart/index.ts'), 'utf8'))
  expect(first?.block.split('\n').filter(line => line.trim() !== '').length).toBeLessThanOrEqual(6)
})

it('type-checks', async () => {
  const compiler = join(root, 'node_modules/typescript-native/bin/tsc')
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})

it.concurrent.each(blocks)('$name runs', async ({ name }) => {
  const file = join(folder, `${name.replace(' ', '-')}.ts`)
  const { stderr } = await run(process.execPath, ['--conditions=@safelight/source', file], { cwd: folder })
  expect(stderr).toBe('')
})

it('writes the picture it speaks of', async () => {
  expect(readdirSync(folder)).toContain('fox.png')
  expect(await probe(readFileSync(join(folder, 'fox.png')))).toMatchObject({
    contentType: 'image/png',
    width: 1024,
    height: 1024,
  })
})
