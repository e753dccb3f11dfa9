/** What arrives when an app imports the core, what reading it costs, and what its types cost a compiler. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, row } from './numbers.ts'
import { isBuilt, packages } from './size-built.ts'
import { bundled, type Bundle } from './size-bundle.ts'
import { reportTypes } from './size-types.ts'

const GOAL_KILOBYTES = 12
const GOAL_IMPORT_MILLISECONDS = 15
const IMPORTS = 15
/** The goal is theirs; the others are measured beside them. */
const GOAL_PROVIDER = 'fal'

export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'safelight-size-'))
  try {
    console.log('Minified and gzipped: at first, and in all with what may be loaded later')
    report('core', await bundled(appOf(), join(folder, 'core'), 'sources'))
    for (const name of remoteProviders()) {
      const bundle = await bundled(appOf(name), join(folder, name), 'sources')
      report(`core + ${name}`, bundle, name === GOAL_PROVIDER ? GOAL_KILOBYTES : undefined)
      if (name === GOAL_PROVIDER) reportImport(folder, bundle.entry)
    }
    if (!isBuilt()) return
    const built = await bundled(appOf(GOAL_PROVIDER), join(folder, 'built'), 'built')
    report(`core + ${GOAL_PROVIDER}, as built`, built, GOAL_KILOBYTES)
    reportTypes(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Everything that is exported counts, used or not. */
function appOf(provider?: string): string {
  const core = `export * from '@safelight/core'\n`
  return provider === undefined ? core : `${core}export * from '@safelight/providers/${provider}'\n`
}

/** The demo draws with native code on this machine; only the others end up in an app. */
function remoteProviders(): string[] {
  const { exports } = JSON.parse(readFileSync(join(packages, 'providers/package.json'), 'utf8')) as { exports: object }
  const names = Object.keys(exports).map(name => name.replace(/^\.\/?/, ''))
  return names.filter(name => !['', 'demo', 'catalogue', 'registry', 'testing', 'package.json'].includes(name))
}

function report(what: string, { firstKilobytes, wholeKilobytes }: Bundle, goal?: number): void {
  console.log(row(`${what}: at first`, firstKilobytes, 'kB', goal))
  console.log(row(`${what}: in all`, wholeKilobytes, 'kB'))
}

/** Both in the same run and in turn, each in a process of its own, so that the difference is the import alone. */
function reportImport(folder: string, entry: string): void {
  const empty = join(folder, 'empty.mjs')
  writeFileSync(empty, 'export {}\n')
  const times = { empty: [] as number[], bundle: [] as number[] }
  for (let round = 0; round < IMPORTS; round++) {
    times.empty.push(importMilliseconds(empty))
    times.bundle.push(importMilliseconds(entry))
  }
  const floor = median(times.empty)
  const all = median(times.bundle)
  console.log(row('  CPU of importing an empty module', floor, 'ms'))
  console.log(row('  CPU of importing that, beyond it', all - floor, 'ms', GOAL_IMPORT_MILLISECONDS))
}

function importMilliseconds(file: string): number {
  const program = `const before = process.cpuUsage(); await import(${JSON.stringify(file)})
    const { user, system } = process.cpuUsage(before); console.log((user + system) / 1000)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' }))
}
