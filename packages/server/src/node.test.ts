import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'safelight-process-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function start() {
  const file = fileURLToPath(new URL('../test/process.ts', import.meta.url))
  const env = { PATH: process.env['PATH'], PORT: '0', SAFELIGHT_DATA_DIR: directory }
  const child = spawn(process.execPath, ['--conditions=@safelight/source', file], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  reader.on('line', line => lines.push(line))
  const until = async (fits: (line: string) => boolean) => {
    for (;;) {
      const found = lines.find(fits)
      if (found !== undefined) return found
      await once(reader, 'line')
    }
  }
  const url = (await until(line => line.startsWith('listening '))).slice('listening '.length)
  return { child, exit, lines, until, url }
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it in good order with 0', async signal => {
  const { child, exit, url, lines } = await start()
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  child.kill(signal)
  expect(await exit).toEqual([0, null])
  const events = lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line))
  expect(events.map(({ event }) => event)).toEqual(['request', 'stopping'])
  expect(events[0]).toMatchObject({ level: 'info', method: 'GET', path: '/healthz', status: 200 })
})

test('an error that nobody caught ends it in good order with 1', async () => {
  const { child, exit, until } = await start()
  child.stdin.write('throw\n')
  expect(await until(line => line.includes('an error that nobody caught'))).toContain('thrown by a timer')
  expect(await exit).toEqual([1, null])
})

test('a rejection that nobody caught is told, and the server goes on', async () => {
  const { child, exit, until, url } = await start()
  child.stdin.write('reject\n')
  expect(await until(line => line.includes('a rejection that nobody caught'))).toContain('rejected by nobody')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await exit).toEqual([0, null])
})
