/** `pnpm run dev`: the page and the API on one port, and a server that starts again when its sources change. */
import { spawn } from 'node:child_process'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { freePort } from '../dev/free-port.ts'
import { hasEnded, signIn, untilGone, type JobAnswer } from './person.ts'
import { folderWithDatabase, watchProcess } from './processes.ts'

const DEV = fileURLToPath(new URL('../dev/dev.ts', import.meta.url))
const SOURCE = fileURLToPath(new URL('../src/log.ts', import.meta.url))

it('restarts the server when a source changes, and open jobs go on', { timeout: 180_000 }, async () => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const dataDirectory = join(await folderWithDatabase(), '.safelight')
  const dev = watchProcess(
    spawn(process.execPath, ['--conditions=@safelight/source', DEV], {
      env: { PATH: process.env['PATH'], PORT: String(port), SAFELIGHT_DATA_DIR: dataDirectory },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
  await dev.until(/Ctrl-C stops it/)
  expect(await (await fetch(url, { headers: { Accept: 'text/html' } })).text()).toContain('/@vite/client')

  // The first request waits for the server behind.
  const person = await signIn(url)
  const { id } = await person.order('demo-image', { prompt: 'a fox #seconds=4' })
  await person.follow(id, ({ state }) => state === 'running')
  await utimes(SOURCE, new Date(), new Date())
  await dev.until(/log\.ts changed: starting the server again/)
  let job: JobAnswer
  do {
    await sleep(200)
    job = (await person.get<{ job: JobAnswer }>(`/api/jobs/${id}`)).job
  } while (!hasEnded(job))
  expect(job.state).toBe('succeeded')

  dev.child.kill('SIGTERM')
  expect(await dev.ended).toMatchObject({ code: 0 })
  expect(await untilGone(url, 1)).toBe(true)
})
