/** A large output on its way from a provider into the store of files: what it needs of memory and time. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, row } from './numbers.ts'
import type { Taken } from './stream-client.ts'

const CLIP_BYTES = 300 * 1_048_576
const GOALS = { one: 90, eight: 150, wallPercent: 110 }
const RUNS = 5
const RUNS_OF_EIGHT = 2

export async function run(): Promise<void> {
  const server = child('stream-server.ts', [])
  try {
    const [origin] = (await once(server, 'message')) as [string]
    await one(origin)
    await eight(origin)
  } finally {
    server.kill()
  }
}

/** In turn, so that what else the machine does hits all of them. */
async function one(origin: string): Promise<void> {
  const taken: Record<string, Taken[]> = { loop: [], pipeline: [], safelight: [] }
  for (let round = 0; round < RUNS; round++) {
    for (const [way, all] of Object.entries(taken)) all.push(await measure(way, origin, 1))
  }
  const { loop = [], pipeline = [], safelight = [] } = taken
  console.log(`300 MiB to a file, medians of ${RUNS}`)
  console.log(row('safelight: highest peak memory over base', highest(safelight), 'MiB', GOALS.one))
  console.log(row('safelight: time', of(safelight, 'wallMilliseconds'), 'ms'))
  console.log(row('safelight: CPU', of(safelight, 'cpuMilliseconds'), 'ms'))
  for (const [name, other] of [
    ['fetch → pipeline → file', pipeline],
    ['fetch → loop of writes', loop],
  ] as const) {
    console.log(row(`${name}: highest peak`, highest(other), 'MiB'))
    console.log(row(`${name}: time`, of(other, 'wallMilliseconds'), 'ms'))
    console.log(row(`${name}: CPU`, of(other, 'cpuMilliseconds'), 'ms'))
    const ratio = of(safelight, 'wallMilliseconds') / of(other, 'wallMilliseconds')
    console.log(row('safelight against it: time', 100 * ratio, '%', GOALS.wallPercent))
  }
}

async function eight(origin: string): Promise<void> {
  const all: Taken[] = []
  for (let round = 0; round < RUNS_OF_EIGHT; round++) all.push(await measure('safelight', origin, 8))
  console.log('eight of 300 MiB at once')
  console.log(row('safelight: highest peak memory over base', highest(all), 'MiB', GOALS.eight))
  console.log(row('safelight: time', of(all, 'wallMilliseconds'), 'ms'))
}

function highest(all: readonly Taken[]): number {
  return Math.max(...all.map(({ peakMebibytes }) => peakMebibytes))
}

function of(all: readonly Taken[], what: keyof Taken): number {
  return median(all.map(each => each[what]))
}

async function measure(way: string, origin: string, count: number): Promise<Taken> {
  const directory = mkdtempSync(join(tmpdir(), 'safelight-stream-'))
  try {
    const client = child('stream-client.ts', [way, origin, String(CLIP_BYTES), String(count), directory])
    const ended = once(client, 'exit')
    const [taken] = (await Promise.race([once(client, 'message'), ended.then(() => [])])) as [Taken?]
    await ended
    if (!taken) throw new Error(`${way} ended without a figure`)
    return taken
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function child(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [...args])
}
