/**
 * Packs every package as npm would, and asks publint and are-the-types-wrong about the tarballs: what a stranger installs
 * has to resolve, not what lies in this checkout.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pnpmCommand } from './pnpm-command.ts'

interface Manifest {
  name: string
  private?: boolean
  exports?: Record<string, unknown>
}

const root = fileURLToPath(new URL('../../..', import.meta.url))
const tool = (name: string): string => join(root, 'node_modules/.bin', name)
const isWindows = process.platform === 'win32'

function check(directory: string, into: string): string[] {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
  if (manifest.private) return []
  // "workspace:" versions are written out by pnpm's own pack, so it has to be pnpm.
  const [command, ...before] = pnpmCommand()
  const args = [...before, 'pack', '--json', '--pack-destination', into]
  const packed = execFileSync(command, args, { cwd: directory, encoding: 'utf8', shell: isWindows })
  const { filename } = JSON.parse(packed) as { filename: string }
  const failed: string[] = []
  if (!ask('publint', ['run', filename, '--strict'])) failed.push(`publint: ${manifest.name}`)
  // A package without an importable entry, such as a mere command, has no types to be wrong.
  const hasTypes = Object.values(manifest.exports ?? {}).some(entry => typeof entry === 'object')
  if (hasTypes && !ask('attw', [filename, '--profile', 'esm-only'])) failed.push(`attw: ${manifest.name}`)
  return failed
}

/** Prints what the tool says only when it is not content. */
function ask(name: string, args: string[]): boolean {
  const { status, stdout, stderr } = spawnSync(tool(name), args, { encoding: 'utf8', shell: isWindows })
  if (status !== 0) process.stderr.write(`${stdout}${stderr}`)
  return status === 0
}

const into = mkdtempSync(join(tmpdir(), 'safelight-packed-'))
try {
  const packages = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name))
  const failed = packages.flatMap(directory => check(directory, into))
  for (const each of failed) console.error(`Not content: ${each}`)
  if (failed.length > 0) process.exitCode = 1
  else console.log(`Packed and checked ${packages.length} packages.`)
} finally {
  rmSync(into, { recursive: true, force: true })
}
