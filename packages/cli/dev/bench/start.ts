/** From the command to the first answer, as a person types it. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
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
  const env: NodeJS.ProcessEnv = { ...outside(), ...environment, PORT: String(port) }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    while (!(await answers(`http://127.0.0.1:${port}/api/models`))) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} before it answered`)
      if (performance.now() - begun > GIVE_UP_SECONDS * 1000) throw new Error(`no answer in ${GIVE_UP_SECONDS} s`)
      await sleep(20)
    }
    const seconds = (performance.now() - begun) / 1000
    await end(child.pid ?? 0, await serverOf(resolve(cwd, env['SAFELIGHT_DATA_DIR'] ?? '.safelight')))
    return seconds
  } finally {
    child.kill()
  }
}

/** As in a fresh terminal: the script runner around us has put its own settings and programs in. */
function outside(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^p?npm_/i.test(name))
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) }
}

/** It is written a moment after the first answer may come. */
async function serverOf(dataDirectory: string): Promise<number> {
  for (;;) {
    const text = await readFile(join(dataDirectory, 'server.json'), 'utf8').catch(() => null)
    if (text !== null) return (JSON.parse(text) as { pid: number }).pid
    await sleep(20)
  }
}

/** The launchers may end before the server does, and only when it has is its data directory free. */
async function end(launcher: number, server: number): Promise<void> {
  for (const pid of [launcher, server]) {
    if (isAlive(pid)) process.kill(pid, 'SIGTERM')
  }
  while (isAlive(server)) await sleep(20)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => null)
  await response?.body?.cancel()
  return response?.status === 200
}
