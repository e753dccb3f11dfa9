/** What arrives when an app imports the core, what reading it costs, and what its types cost a compiler. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { median, row } from './numbers.ts'
import { reportTypes } from './size-types.ts'

const GOAL_KILOBYTES = 12
const GOAL_IMPORT_MILLISECONDS = 15
const IMPORTS = 15
const packages = fileURLToPath(new URL('../../..', import.meta.url))

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'safelight-size-'))
  try {
    const bundle = join(folder, 'core.mjs')
    await report('core', `export * from '@safelight/core'`, bundle)
    for (const provider of remoteProviders())
      await report(`core + ${provider}`, `export * from '@safelight/core'\nexport * from '${provider}'`, bundle)
    reportImport(folder, bundle)
    reportTypes()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The demo provider draws with native code on this machine; only the others end up in an app. */
function remoteProviders(): string[] {
  const { exports } = JSON.parse(readFileSync(join(packages, 'providers/package.json'), 'utf8')) as { exports: object }
  const names = Object.keys(exports).map(name => name.replace(/^\.\/?/, ''))
  return names
    .filter(name => !['', 'demo', 'testing', 'package.json'].includes(name))
    .map(name => `@safelight/providers/${name}`)
}

async function report(what: string, contents: string, outfile: string): Promise<void> {
  const resolveDir = join(packages, 'cli')
  await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    external: ['node:*'],
    conditions: ['@safelight/source'],
    logLevel: 'error',
  })
  console.log(
    row(`${what}, min+gzip`, gzipSync(readFileSync(outfile), { level: 9 }).length / 1000, 'kB', GOAL_KILOBYTES),
  )
}

/** Both in the same run and in turn, each in a process of its own, so that the difference is the import alone. */
function reportImport(folder: string, bundle: string): void {
  const empty = join(folder, 'empty.mjs')
  writeFileSync(empty, 'export {}\n')
  const times = { empty: [] as number[], bundle: [] as number[] }
  for (let round = 0; round < IMPORTS; round++) {
    times.empty.push(importMilliseconds(empty))
    times.bundle.push(importMilliseconds(bundle))
  }
  const floor = median(times.empty)
  const all = median(times.bundle)
  console.log(row('CPU of importing an empty module', floor, 'ms'))
  console.log(row('CPU of importing the last bundle, beyond that', all - floor, 'ms', GOAL_IMPORT_MILLISECONDS))
}

function importMilliseconds(file: string): number {
  const program = `const before = process.cpuUsage(); await import(${JSON.stringify(file)})
    const { user, system } = process.cpuUsage(before); console.log((user + system) / 1000)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }))
}
