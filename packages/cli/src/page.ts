/**
 * The page that the server hands out. The published package carries it built; in a checkout of the sources it is built
 * here, whenever one of its inputs changed.
 */
import { createHash } from 'node:crypto'
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
export async function pageDirectory(onBuild: () => void = () => undefined): Promise<string> {
  if (existsSync(PUBLISHED)) return PUBLISHED
  const target = join(WEB, 'dist')
  const inputs = await hashOf([LOCKFILE, ...(await filesIn(WEB))])
  if ((await readFile(join(target, STAMP), 'utf8').catch(() => '')) === inputs) return target
  onBuild()
  await build(target, inputs)
  return target
}

/** Builds aside and swaps, so that a server beside us never serves half a page. Two builders at once are fine: one wins. */
async function build(target: string, inputs: string): Promise<void> {
  const { build: viteBuild } = await import('vite')
  const aside = join(WEB, `dist-${process.pid}`)
  const old = `${aside}-old`
  try {
    await viteBuild({ root: WEB, logLevel: 'error', mode: 'production', build: { outDir: aside, emptyOutDir: true } })
    await writeFile(join(aside, STAMP), inputs)
    await mkdir(target, { recursive: true })
    try {
      await rename(target, old)
      await rename(aside, target)
    } catch (error) {
      if ((await readFile(join(target, STAMP), 'utf8').catch(() => '')) !== inputs) throw error
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

async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files.toSorted())
    hash
      .update(`${relative(WEB, file)}\0`)
      .update(await readFile(file))
      .update('\0')
  return hash.digest('hex')
}
