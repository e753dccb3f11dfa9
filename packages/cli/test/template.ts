/** A data directory with a migrated database, made once for a whole run of the tests: that takes seconds, copying does not. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url))

/** Of the test runner, which is the parent of every process that runs a file of tests. */
const placeFor = (runner: number): string => join(tmpdir(), `safelight-template-${runner}`)

/** The template's path; makes it where nobody has yet. Two that come at once both make one, and one of them wins. */
export async function templateFolder(): Promise<string> {
  const place = placeFor(process.ppid)
  if (existsSync(place)) return place
  const aside = await mkdtemp(`${place}-`)
  const args = ['--conditions=@safelight/source', BIN, 'migrate']
  await promisify(execFile)(process.execPath, args, { cwd: aside, env: { PATH: process.env['PATH'] } })
  await rename(aside, place).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    await rm(aside, { recursive: true, force: true })
  })
  return place
}

/** For the test runner itself, when everything has been run. */
export async function teardown(): Promise<void> {
  await rm(placeFor(process.pid), { recursive: true, force: true })
}
