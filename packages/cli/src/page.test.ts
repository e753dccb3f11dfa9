import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { builtPage } from './page.ts'

let root = ''
let builds = 0
const build = (): Promise<string> => builtPage(root, () => builds++)
const built = async (): Promise<string> => readFile(join(await build(), 'index.html'), 'utf8')
const write = (file: string, text: string): Promise<void> => writeFile(join(root, file), text)

beforeEach(async () => {
  builds = 0
  root = await mkdtemp(join(tmpdir(), 'safelight-page-'))
  await mkdir(join(root, 'src'))
  await write('index.html', '<!doctype html><title>first</title><script type="module" src="/src/main.ts"></script>')
  await write('src/main.ts', `document.title += '!'`)
})
afterEach(() => rm(root, { recursive: true, force: true }))

it('builds once, and again only when something it is made of has changed', async () => {
  expect(await built()).toContain('first')
  await build()
  await write('src/main.test.ts', 'a test is no part of the page')
  await build()
  expect(builds).toBe(1)

  await write('src/main.ts', `document.title += '?'`)
  await build()
  expect(builds).toBe(2)
  await write('index.html', '<!doctype html><title>second</title>')
  expect(await built()).toContain('second')
  expect(builds).toBe(3)
})

it('leaves nothing behind but the page', async () => {
  await build()
  await write('src/main.ts', `document.title += '?'`)
  await build()
  expect(await readdir(root)).toEqual(['dist', 'index.html', 'src'])
})

it('keeps the page that was there when the new one cannot be built', async () => {
  await build()
  await write('src/main.ts', 'const = 1')
  await expect(build()).rejects.toThrow()
  expect(await readFile(join(root, 'dist/index.html'), 'utf8')).toContain('first')
  expect(await readdir(root)).toEqual(['dist', 'index.html', 'src'])
})

it('is whole when two start at once', async () => {
  const [one, other] = await Promise.all([built(), built()])
  expect([one, other]).toEqual([expect.stringContaining('first'), expect.stringContaining('first')])
})
