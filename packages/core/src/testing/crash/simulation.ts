/**
 * Whole jobs under a seed: providers drawn at random, several processes, and at any call anything may go wrong: a process
 * dies, an answer is lost on its way, a webhook comes twice, hours pass. Then nothing goes wrong any more, and every job has
 * to come to an end that everybody's books agree with. The same seed is the same run wherever the parts are as quick.
 */
import assert from 'node:assert/strict'
import { createStudio } from '../../create-studio.ts'
import { SafelightError } from '../../errors.ts'
import { isEnded } from '../../lifecycle.ts'
import { type Random, randomOf } from '../conformance/random.ts'
import type { Make } from '../conformance/suite.ts'
import { happenings, webhook } from './happenings.ts'
import { checkRest, checkWorld } from './invariants.ts'
import { finish } from './life.ts'
import type { Script } from './provider.ts'
import {
  type CrashHarness,
  endOf,
  GRANT,
  Killed,
  LineBroke,
  PRICE,
  type Process,
  type Scenario,
  World,
} from './world.ts'

/** Every one of them broke an engine that lacked a guard of ours; they are run for ever. */
export const REMEMBERED_SEEDS: readonly number[] = [1910, 2087, 2544, 2782, 2975, 3539, 4504, 7661, 8821, 1220798428]

/** How a job may end when anything may happen to it. */
const ENDS = [
  'succeeded',
  'canceled',
  'failed: submit_unknown',
  'failed: no_capacity',
  'failed: timed_out',
  'failed: refused',
  'failed: content_policy',
  'failed: provider_failed',
  'failed: no_output',
  'failed: storage_failed',
]

const ROUNDS = 14
const PROCESSES = 3
/** At each call. */
const CHANCE_OF_FAULT = 0.03
const CHANCE_OF_LOST_ANSWER = 0.03

export interface SimulationOptions {
  /** The engine under test. */
  createStudio?: typeof createStudio
  /** Uses the single ports even where fused calls are offered. */
  separate?: boolean
}

/** What a simulation went through, to see that it went through something. */
export interface Simulated {
  end: string
  faults: number
  calls: number
}

/** One seed. Throws with the seed in the message where an invariant does not hold. */
export async function simulate(
  make: Make<CrashHarness>,
  seed: number,
  options: SimulationOptions = {},
): Promise<Simulated> {
  const random = randomOf(seed)
  const scenario = drawScenario(random, seed)
  const harness = await make()
  const { random: platformRandom } = Math
  // The engine draws pauses, and nothing else, from the platform.
  Math.random = () => random.integer(0, 1e9) / (1e9 + 1)
  try {
    const userId = await harness.newUser(scenario.balance ?? GRANT)
    const world = new World(options.createStudio ?? createStudio, harness, scenario, userId)
    world.separate = options.separate ?? false
    const faults = await disturbed(world, random)
    await finish(world)
    await checkWorld(world, [...ENDS, scenario.ends])
    await checkRest(world)
    const [job] = await world.jobs()
    return { end: job ? endOf(job) : 'no job', faults, calls: world.calls }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`Seed ${seed}: ${message} (${JSON.stringify(scenario.providers)})`, { cause: error })
  } finally {
    Math.random = platformRandom
    await harness.close()
  }
}

/** The part in which anything may happen. Answers how often it did. */
async function disturbed(world: World, random: Random): Promise<number> {
  // Whoever dawdles may find that hours have passed.
  world.dawdle = async () => {
    const turns = random.chance(0.05) ? random.integer(1, 4) : 0
    for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
  }
  let faults = 0
  let budget = random.integer(0, 8)
  world.happens = async ({ phase }, kill) => {
    if (budget === 0) return
    if (random.chance(CHANCE_OF_LOST_ANSWER)) {
      budget--
      faults++
      throw new LineBroke(phase === 'before' ? 'The line broke on the way there' : 'The line broke on the way back')
    }
    if (!random.chance(CHANCE_OF_FAULT)) return
    budget--
    faults++
    const [first, ...rest] = happenings
    await random.pick([first!, ...rest]).happen(world, kill)
  }
  // A death makes hours pass for all that are left, and those that could not notice have to be alone.
  const most = world.harness.movesRows ? 1 : PROCESSES
  const processes: Process[] = []
  const ended = new Map<string, unknown>()
  for (let round = 0; round < ROUNDS; round++) {
    const alive = processes.filter(process => process.isAlive())
    if (alive.length === 0 || (alive.length < most && random.chance(0.3))) {
      alive.unshift(world.process({ counted: true }))
      processes.push(alive[0]!)
    }
    await step(world, random, random.pick([alive[0]!, ...alive.slice(1)]), round)
    await checkEnds(world, ended)
  }
  for (const process of processes) {
    process.kill()
    await process.studio.close()
  }
  world.happens = async () => undefined
  world.dawdle = async () => undefined
  return faults
}

/** What somebody does next. */
async function step(world: World, random: Random, process: Process, round: number): Promise<void> {
  if (round === 0 || random.chance(0.1)) await survived(process.studio.submit(world.request))
  const jobs = await world.jobs()
  for (const { id } of jobs) if (random.chance(0.6)) await survived(process.studio.resume(id))
  if (random.chance(0.3)) await survived(process.studio.sweep())
  if (random.chance(0.08)) await webhook(world)
  if (random.chance(0.04)) for (const { id } of jobs) await survived(process.studio.cancel(id))
  if (random.chance(0.05)) process.kill()
  await world.answered()
  await world.advance(random.pick([0.5, 2, 6, 31, 61, random.integer(100, 700)]))
}

/** Whoever asked sees that nothing came back, or a refusal, and asks again later. Any other error is a defect. */
async function survived(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Killed || error instanceof LineBroke || SafelightError.is(error))) throw error
  }
}

/** Without its times: some harnesses let time pass by moving what is stored into the past. */
async function checkEnds(world: World, ended: Map<string, unknown>): Promise<void> {
  for (const job of await world.jobs()) {
    const { id, state, version, revision, failure, refundedCredits, attempt, media } = job
    const now = { state, version, revision, failure, refundedCredits, attempt: attempt?.id, media: media.map(({ key }) => key) } // prettier-ignore
    if (ended.has(id)) assert.deepEqual(now, ended.get(id), 'a terminal state never changes')
    else if (isEnded(job)) ended.set(id, now)
  }
}

function drawScenario(random: Random, seed: number): Scenario {
  const count = random.pick([1, 1, 2, 3])
  const providers = Array.from({ length: random.integer(1, 3) }, () => drawScript(random, count))
  const storage = random.chance(0.15) ? { storageDownSeconds: random.pick([40, 150, 1e6]) } : {}
  const isPoor = random.chance(0.05)
  const balance = isPoor ? { balance: PRICE * count - 1 } : {}
  return { name: `seed ${seed}`, providers, count, ...storage, ...balance, ends: 'insufficient_credits' }
}

function drawScript(random: Random, count: number): Script {
  const some = <Value>(probability: number, value: () => Value) => (random.chance(probability) ? value() : undefined)
  const made = Array.from({ length: count }, () => random.pick(['good', 'good', 'good', 'good', 'broken', 'flagged']))
  const refusals = ['provider_error', 'rate_limited', 'concurrency', 'content_policy', 'credits_exhausted'] as const
  const script = {
    recovery: random.pick(['idempotent', 'lookup', 'atMostOnce']),
    mode: random.pick(['queue', 'queue', 'sync', 'syncUrl']),
    seconds: random.pick([0, 5, 30, 1e6]),
    refuse: some(0.25, () => ({
      times: random.pick([1, 2, 9]),
      kind: random.pick(refusals),
      scope: 'provider' as const,
    })),
    losesAnswers: some(0.2, () => random.integer(1, 3)),
    losesRequests: some(0.1, () => 1),
    fails: some(0.15, () => ({ kind: 'provider_error' as const, paid: random.pick(['yes', 'no', 'unknown']) })),
    outputs: some(0.3, () => (random.chance(0.1) ? [] : made)) ?? Array.from({ length: count }, () => 'good' as const),
    keepsSeconds: some(0.2, () => random.pick([60, 3600])),
  }
  return Object.fromEntries(Object.entries(script).filter(([, value]) => value !== undefined)) as unknown as Script
}
