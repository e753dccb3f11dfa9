/** Before all tests: what the project on this machine is made of is installed where it is missing. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pnpmCommand } from '../../cli/dev/pnpm-command.ts'

const STACK = fileURLToPath(new URL('../stack/', import.meta.url))

export function setup(): void {
  if (isInstalled()) return
  const [program, ...args] = pnpmCommand()
  execFileSync(program, [...args, 'install', '--frozen-lockfile'], {
    cwd: STACK,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
}

/** pnpm keeps a copy of the lockfile beside what it installed. */
function isInstalled(): boolean {
  try {
    return (
      readFileSync(`${STACK}pnpm-lock.yaml`, 'utf8') === readFileSync(`${STACK}node_modules/.pnpm/lock.yaml`, 'utf8')
    )
  } catch {
    return false // nothing there yet
  }
}
