/**
 * The page that the server hands out. The published package carries it built; in a checkout of the sources it is built
 * here, whenever one of its inputs changed.
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const PUBLISHED = fileURLToPath(new URL('./page/', import.meta.url))
const WEB = fileURLToPath(new URL('../../web/', import.meta.url))
const LOCKFILE = fileURLToPath(new URL('../../../pnpm-lock.yaml', import.meta.url))
/** Holds the hash of the inputs that a build was made from. */
const STAMP = '.inputs'
const NOT_INPUTS = /^(dist|dist-.*|node_modules|test|\..*)$|\.test\.tsx?$/

/** The directory with the built page; `onBuild` is called before a build that takes some seconds. */
export async function pageDirectory(onBuild: () => void): Promise<string> {
  return existsSync(PUBLISHED) ? PUBLISHED : builtPage(WEB, onBuild)
}

/** Builds the page whose sources lie in `root`, unless that was done before with the same ones. */
export async function builtPage(root: string, onBuild: () => void): Promise<string> {
  const target = join(root, 'dist')
  const inputs = await hashOf(root, [LOCKFILE, ...(await filesIn(root))])
  if ((await stampOf(target)) === inputs) return target
  onBuild()
  await build(root, target, inputs)
  return target
}

function stampOf(target: string): Promise<string> {
  return readFile(join(target, STAMP), 'utf8').catch(() => '')
}

/** Builds aside and swaps, so that a server beside us never serves half a page. Two builders at once are fine: one wins. */
async function build(root: string, target: string, inputs: string): Promise<void> {
  const { build: viteBuild } = await import('vite')
  const aside = join(root, `dist-${randomUUID()}`)
  const old = `${aside}-old`
  try {
    await viteBuild({ root, logLevel: 'error', mode: 'production', build: { outDir: aside, emptyOutDir: true } })
    await writeFile(join(aside, STAMP), inputs)
    await mkdir(target, { recursive: true })
    try {
      await rename(target, old)
      await rename(aside, target)
    } catch (error) {
      if ((await stampOf(target)) !== inputs) throw error
    }
  } finally {
    await rm(aside, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const nested = entries
    .filter(entry => !NOT_INPUTS.test(entry.name))
    .map(async entry => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? filesIn(path) : [path]
    })
  return (await Promise.all(nested)).flat()
}

async function hashOf(root: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files.toSorted())
    hash
      .update(`${relative(root, file)}\0`)
      .update(await readFile(file))
      .update('\0')
  return hash.digest('hex')
}
