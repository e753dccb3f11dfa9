/** Real processes of the command line, and a person who talks to them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { freePort } from '../dev/free-port.ts'
import { templateFolder } from './template.ts'

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
/** Nothing of the machine's own settings reaches a test. */
const NO_SETTINGS = {
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'],
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  /** What it has said so far. */
  said(): string
  /** Resolves with all it said once that matches; rejects when the process ends before. */
  until(words: RegExp): Promise<string>
  ended: Promise<Ended>
}

/** What the tests of a file leave behind; they may run at once, so it is cleared when the last one is over. */
const leftOver: { end: () => Promise<unknown> }[] = []
afterAll(async () => {
  for (const { end } of leftOver.splice(0).toReversed()) await end()
})

/** An empty folder that is gone after the tests. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'safelight-test-'))
  leftOver.push({ end: () => rm(folder, { recursive: true, force: true }) })
  return folder
}

/** An empty folder but for a migrated database. */
export async function folderWithDatabase(): Promise<string> {
  const folder = await emptyFolder()
  await cp(await templateFolder(), folder, { recursive: true })
  return folder
}

export function safelight(args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Running {
  return watchProcess(
    spawn(process.execPath, ['--conditions=@safelight/source', BIN, ...args], {
      cwd: options.cwd,
      env: { ...NO_SETTINGS, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

/** Ends with the tests, if it has not by then. */
export function watchProcess(child: ChildProcess): Running {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // Not the event `close`: after a channel was cut it never comes.
  const exited = new Promise<Pick<Ended, 'code' | 'signal'>>(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const silent = [child.stdout, child.stderr].map(async stream => stream && finished(stream))
  const ended = Promise.all([exited, ...silent]).then(([how]): Ended => ({ ...how, stdout, stderr }))
  leftOver.push({
    end: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      return ended
    },
  })
  const said = (): string => stdout + stderr
  const until = (words: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (words.test(said())) resolve(said())
      }
      child.stdout?.on('data', look)
      child.stderr?.on('data', look)
      void ended.then(({ code }) => reject(new Error(`ended with ${code} before saying ${words}:\n${said()}`)))
      look()
    })
  return { child, said, until, ended }
}

export interface Server extends Running {
  url: string
  port: number
}

/** A server that is ready, beside an empty database of its own unless told otherwise. */
export async function startServer(
  options: { cwd?: string; port?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Server> {
  const { cwd = await folderWithDatabase(), port = await freePort(), env } = options
  const running = safelight(['start', '--no-page'], { cwd, env: { PORT: String(port), ...env } })
  await running.until(/safelight is ready/)
  return { ...running, port, url: `http://localhost:${port}` }
}
