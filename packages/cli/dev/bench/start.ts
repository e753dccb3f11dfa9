/** From the command to the first answer, as a person types it. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.ts'
import { median, row } from './numbers.ts'

const GOAL_WARM_SECONDS = 3
const RUNS = 5
const GIVE_UP_SECONDS = 300
const root = fileURLToPath(new URL('../../../..', import.meta.url))
const NPX = ['npx', '-y', 'pnpm@12', 'start']
const NODE = [process.execPath, '--conditions=@safelight/source', 'packages/cli/src/bin.ts', 'start']

export async function run(options: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'safelight-start-'))
  try {
    await (options.includes('--cold') ? cold(folder) : warm(folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function warm(folder: string): Promise<void> {
  const environment = { SAFELIGHT_DATA_DIR: join(folder, 'data') }
  console.log(row('first start in an empty data directory', await secondsToAnswer(NODE, root, environment), 's'))
  for (const [what, command, goal] of [
    ['node … start', NODE, GOAL_WARM_SECONDS],
    ['npx pnpm@12 start', NPX, undefined],
  ] as const) {
    const seconds: number[] = []
    for (let round = 0; round < RUNS; round++) seconds.push(await secondsToAnswer([...command], root, environment))
    console.log(row(`${what}, warm, median of ${RUNS}`, median(seconds), 's', goal))
  }
}

async function cold(folder: string): Promise<void> {
  const clone = (name: string): string => {
    execFileSync('git', ['clone', '--quiet', root, join(folder, name)])
    return join(folder, name)
  }
  const empty = { npm_config_store_dir: join(folder, 'store'), pnpm_config_store_dir: join(folder, 'store') }
  console.log(row('bare clone, nothing cached', await secondsToAnswer(NPX, clone('a'), empty), 's'))
  console.log(row('bare clone, packages cached', await secondsToAnswer(NPX, clone('b'), {}), 's'))
}

async function secondsToAnswer(
  [command = '', ...args]: string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const port = await freePort()
  const begun = performance.now()
  const env = { ...process.env, ...environment, PORT: String(port) }
  // A group of its own: the launchers in between are signalled along with the server.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  try {
    while (!(await answers(`http://127.0.0.1:${port}/api/models`))) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} before it answered`)
      if (performance.now() - begun > GIVE_UP_SECONDS * 1000) throw new Error(`no answer in ${GIVE_UP_SECONDS} s`)
      await sleep(20)
    }
    return (performance.now() - begun) / 1000
  } finally {
    if (child.pid !== undefined) await endGroup(child.pid)
  }
}

/** The launchers end before the server does, and only then is the data directory free. */
async function endGroup(leader: number): Promise<void> {
  try {
    process.kill(-leader, 'SIGTERM')
    for (;;) {
      process.kill(-leader, 0)
      await sleep(20)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => null)
  await response?.body?.cancel()
  return response?.status === 200
}
