/** What other processes see: jobs that survive a kill, scripts that end, servers that are not held up. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Json } from '@safelight/core'
import { expect, onTestFinished, test } from 'vitest'
import { accepted, bytesOf, finished, look, made } from '../../test/demo.ts'
import { demo } from './index.ts'

function start(script: URL, ...args: string[]) {
  const child = spawn(process.execPath, ['--conditions=@safelight/source', fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'safelight-demo-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

/** Begins a job in another process, and kills that when `when` says so. */
async function abandoned(directory: string, prompt: string, when: (operation: Json) => Promise<void>): Promise<Json> {
  const child = start(new URL('../../test/submit-and-wait.ts', import.meta.url), directory, prompt, 'attempt-1')
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const operation = JSON.parse(line.toString()) as Json
  await when(operation)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return operation
}

async function untouched(prompt: string): Promise<Uint8Array[]> {
  return made(demo(), { body: { prompt, width: 256, height: 256 } })
}

test('a job goes on after its process was killed before anything was drawn', async () => {
  const directory = await newDirectory()
  const operation = await abandoned(directory, 'a lake #seconds=1', async () => undefined)
  const provider = demo({ directory })
  const { last } = await finished(provider, operation)
  if (last.status !== 'done') throw new Error(last.message)
  expect(await Promise.all(last.outputs.map(output => bytesOf(provider, output)))).toEqual(
    await untouched('a lake #seconds=0'),
  )
  // the engine, which does not know what became of its submit, sends it again
  expect(
    await accepted(provider, {
      attemptId: 'attempt-1',
      body: { prompt: 'a lake #seconds=1', width: 256, height: 256 },
    }),
  ).toEqual(operation)
})

test('a job that was drawn already is only waited for, and its time runs on', async () => {
  const directory = await newDirectory()
  const operation = await abandoned(directory, 'a lake #seconds=5', async open => {
    const { id } = open as { id: string }
    while (!(await readdir(join(directory, id))).includes('done.json')) await new Promise(setImmediate)
  })
  const provider = demo({ directory })
  const { acceptedAt } = operation as { acceptedAt: number }
  const progress = await look(provider, operation)
  const passed = (Date.now() - acceptedAt) / 1_000
  if (progress.status === 'running') expect(progress.fraction).toBeGreaterThan(Math.min(0.9, (passed - 2) / 5))
  const { last } = await finished(provider, operation)
  if (last.status !== 'done') throw new Error(last.message)
  expect(await Promise.all(last.outputs.map(output => bytesOf(provider, output)))).toEqual(
    await untouched('a lake #seconds=0'),
  )
})

test('two processes on one directory share a job: while one is at it the other waits', async () => {
  const directory = await newDirectory()
  let seenElsewhere: unknown = null
  const operation = await abandoned(directory, 'a forest #seconds=0', async open => {
    seenElsewhere = await look(demo({ directory }), open)
  })
  expect(seenElsewhere).toMatchObject({ status: expect.stringMatching(/running|done/) as string })
  expect((await finished(demo({ directory }), operation)).last.status).toBe('done')
})

test('a script that has its picture ends by itself', async () => {
  const child = start(new URL('../../test/one-picture.ts', import.meta.url))
  const [output] = (await once(child.stdout, 'data')) as [Buffer]
  expect(Number(output.toString())).toBeGreaterThan(1_000)
  const exited = once(child, 'exit')
  const late = AbortSignal.timeout(4_000)
  await Promise.race([exited, once(late, 'abort').then(() => expect.fail('it did not end'))])
  expect(child.exitCode).toBe(0)
})

test('the built package finds its worker, and draws the same', async () => {
  const home = fileURLToPath(new URL('../..', import.meta.url))
  // below the package, so that what it depends on is found from there
  const outDirectory = await mkdtemp(join(home, 'node_modules', '.build-'))
  onTestFinished(() => rm(outDirectory, { recursive: true, force: true }))
  const tsup = fileURLToPath(new URL('../../../../node_modules/tsup/dist/cli-default.js', import.meta.url))
  const build = spawn(process.execPath, [tsup, '--no-dts', '--silent', '--out-dir', outDirectory], {
    cwd: home,
    stdio: 'inherit',
  })
  const [code] = (await once(build, 'exit')) as [number]
  expect(code).toBe(0)

  const child = start(
    new URL('../../test/from-build.ts', import.meta.url),
    pathToFileURL(join(outDirectory, 'demo/index.js')).href,
  )
  const parts: Buffer[] = []
  for await (const part of child.stdout as AsyncIterable<Buffer>) parts.push(part)
  const [same] = await made(demo(), { body: { prompt: 'a lake #seconds=0' } })
  expect(Buffer.concat(parts).toString()).toBe(Buffer.from(same ?? new Uint8Array()).toString('base64'))
})

test('drawing does not hold up the thread that serves', async () => {
  const provider = demo()
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let busiest = 0
  let before = process.threadCpuUsage()
  // the machine may be busy with other things: what counts is the processor time that this thread takes between two ticks
  const ticks = setInterval(() => {
    const now = process.threadCpuUsage()
    busiest = Math.max(busiest, (now.user - before.user + now.system - before.system) / 1_000)
    before = now
  }, 5)
  const wish = { prompt: 'mountains #seconds=0', width: 768, height: 768 }
  await Promise.all([
    made(provider, { body: { ...wish, count: 4 } }),
    made(provider, { endpoint: 'demo/video', body: { ...wish, width: 384, height: 384, duration: 3 } }),
  ])
  clearInterval(ticks)
  delay.disable()
  expect(busiest).toBeLessThan(50)
  expect(delay.percentile(50) / 1e6).toBeLessThan(50)
})
