/** Whoever launched the server and dies takes it along: no server lives on unseen. */
import { fork, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freePort } from '../dev/free-port.ts'
import { folderWithDatabase, watchProcess } from './processes.ts'
import { untilGone } from './person.ts'

const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url))
/** Longer than a look at the launchers and stopping in good order take together. */
const GONE_SECONDS = 15

it.runIf(process.platform === 'linux')('ends when npx alone is told to', async () => {
  const port = await freePort()
  // npx as the system shows it: a process called "npm exec …" above a shell above us. It hands no signal on.
  const npx = `process.title = 'npm exec pnpm@12 start'
    const { spawn } = await import('node:child_process')
    process.on('SIGTERM', () => process.exit(143))
    spawn('/bin/sh', ['-c', ${JSON.stringify(`"${process.execPath}" --conditions=@safelight/source "${BIN}" start --no-page; true`)}], { stdio: 'inherit' })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', npx], {
    cwd: await folderWithDatabase(),
    env: { PATH: process.env['PATH'], PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await watchProcess(child).until(/safelight is ready/)
  child.kill('SIGTERM')
  expect(await untilGone(`http://127.0.0.1:${port}`, GONE_SECONDS)).toBe(true)
})

it('ends when the program that holds its channel is gone', async () => {
  const port = await freePort()
  const child = fork(BIN, ['start', '--no-page'], {
    cwd: await folderWithDatabase(),
    env: { PATH: process.env['PATH'], PORT: String(port) },
    execArgv: ['--conditions=@safelight/source'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const server = watchProcess(child)
  await server.until(/safelight is ready/)
  child.disconnect()
  expect(await server.ended).toMatchObject({ code: 0 })
})
