/** What a job costs with our client and with fal.ai's own, over the same loopback server, in turn and in one run. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Spent } from './clients-client.ts'
import { median, row } from './numbers.ts'

const OURS = 'safelight'
const NAMES: Record<string, string> = {
  [OURS]: 'safelight',
  adapter: 'its adapter and transport alone',
  byHand: 'undici by hand, nothing checked',
  polling: '@fal-ai/client, polling',
  streaming: '@fal-ai/client, streaming',
}
const RUNS = 3
const JOB_SECONDS = 5.3

interface Load {
  jobs: number
  atOnce: number
  seconds: number
}
interface Figures {
  cpu: number
  perSecond: number
  requests: number
  lag: number
  lagMax: number
  peak: number
}

export async function run(): Promise<void> {
  await instant()
  await lag()
  await fleet()
}

async function instant(): Promise<void> {
  const load = { jobs: 4000, atOnce: 64, seconds: 0 }
  const all = await compare(['safelight', 'adapter', 'byHand', 'polling', 'streaming'], load, RUNS)
  console.log(`instant jobs, ${load.atOnce} at once, medians of ${RUNS} runs of ${load.jobs}`)
  for (const [name, figures] of all) {
    console.log(fine(`${NAMES[name]}: CPU`, figures.cpu, 'ms/job', name === OURS ? 0.65 : undefined))
    console.log(row(`${NAMES[name]}: jobs`, figures.perSecond, '/s'))
    console.log(row(`${NAMES[name]}: requests`, figures.requests, '/job'))
  }
  ratios(all, 50)
}

async function lag(): Promise<void> {
  const all = await compare(['safelight', 'polling', 'streaming'], { jobs: 8, atOnce: 8, seconds: JOB_SECONDS }, 1)
  console.log(`jobs of ${JOB_SECONDS} s, 8 at once`)
  for (const [name, figures] of all) {
    const isOurs = name === OURS
    console.log(row(`${NAMES[name]}: from done to here, median`, figures.lag, 'ms', isOurs ? 25 : undefined))
    console.log(row(`${NAMES[name]}: requests`, figures.requests, '/job', isOurs ? 4 : undefined))
  }
}

async function fleet(): Promise<void> {
  const all = await compare(['safelight', 'polling', 'streaming'], { jobs: 500, atOnce: 500, seconds: JOB_SECONDS }, 1)
  console.log(`500 jobs of ${JOB_SECONDS} s, all at once`)
  for (const [name, figures] of all) {
    const isOurs = name === OURS
    console.log(fine(`${NAMES[name]}: CPU`, figures.cpu, 'ms/job', isOurs ? 2 : undefined))
    console.log(row(`${NAMES[name]}: requests`, figures.requests, '/job', isOurs ? 4 : undefined))
    console.log(row(`${NAMES[name]}: from done to here, median`, figures.lag, 'ms'))
    console.log(row(`${NAMES[name]}: from done to here, longest`, figures.lagMax, 'ms'))
    console.log(row(`${NAMES[name]}: memory at most`, figures.peak, 'MiB'))
  }
  ratios(all)
}

/** Every client in every round, so that what else the machine does hits all of them. */
async function compare(names: readonly string[], load: Load, runs: number): Promise<Map<string, Figures>> {
  const taken = new Map<string, Figures[]>(names.map(name => [name, []]))
  for (let round = 0; round < runs; round++) {
    for (const [name, all] of taken) all.push(await measure(name, load))
  }
  return new Map([...taken].map(([name, all]) => [name, medians(all)]))
}

function medians(all: readonly Figures[]): Figures {
  const of = (what: keyof Figures): number => median(all.map(each => each[what]))
  return {
    cpu: of('cpu'),
    perSecond: of('perSecond'),
    requests: of('requests'),
    lag: of('lag'),
    lagMax: of('lagMax'),
    peak: of('peak'),
  }
}

function ratios(all: ReadonlyMap<string, Figures>, goalPercent?: number): void {
  const ours = all.get(OURS)?.cpu ?? Number.NaN
  for (const name of ['polling', 'streaming']) {
    const percent = (100 * ours) / (all.get(name)?.cpu ?? Number.NaN)
    console.log(row(`CPU against ${NAMES[name]}`, percent, '%', goalPercent))
  }
}

/** A process of its own for the server and for the client each time. */
async function measure(name: string, { jobs, atOnce, seconds }: Load): Promise<Figures> {
  const server = child('clients-server.ts', [])
  try {
    const [origin] = (await once(server, 'message')) as [string]
    const client = child('clients-client.ts', [name, origin, String(jobs), String(atOnce), String(seconds)])
    const ended = once(client, 'exit').then((): [] => [])
    const [spent] = (await Promise.race([once(client, 'message'), ended])) as [Spent?]
    if (!spent) throw new Error(`${name} ended without a figure`)
    const { requests, doneAt } = (await (await fetch(`${origin}/books`)).json()) as {
      requests: number
      doneAt: number[]
    }
    await ended
    const lags = spent.returnedAt.map((returnedAt, index) => returnedAt - (doneAt[index] ?? Number.NaN))
    return {
      cpu: spent.cpuMilliseconds / jobs,
      perSecond: (1000 * jobs) / spent.wallMilliseconds,
      requests: requests / jobs,
      lag: median(lags),
      lagMax: Math.max(...lags),
      peak: spent.peakMebibytes,
    }
  } finally {
    server.kill()
  }
}

/** As `row`, where a tenth is too coarse. */
function fine(what: string, value: number, unit: string, goal?: number): string {
  const verdict = goal === undefined ? '' : `   goal ${goal} ${unit}: ${value <= goal ? 'met' : 'MISSED'}`
  return `${what.padEnd(44)} ${value.toFixed(3).padStart(8)} ${unit}${verdict}`
}

function child(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [...args])
}
