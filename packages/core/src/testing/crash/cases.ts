/**
 * The crash suite: every scenario, with every happening, at every moment, before and after every call; and seeded races
 * of several workers. No worker loop runs: requests and sweeps alone bring every job to its end.
 */
import { createStudio } from '../../create-studio.ts'
import { property, type Random } from '../conformance/random.ts'
import type { Case, Make } from '../conformance/suite.ts'
import { at, type Happening, happenings, webhook } from './happenings.ts'
import { checkRest, checkStopped, checkWhole, checkWorld } from './invariants.ts'
import { finish, live } from './life.ts'
import { scenarios } from './scenarios.ts'
import { REMEMBERED_SEEDS, simulate } from './simulation.ts'
import { type CrashHarness, GRANT, type Moment, orRefusal, type Scenario, World } from './world.ts'

export interface CrashOptions {
  /** The engine under test. */
  createStudio?: typeof createStudio
  /** Uses the single ports even where fused calls are offered. */
  separate?: boolean
  /** Only every so many moments; 1 tries them all. */
  stride?: number
  races?: { runs: number; seed?: number }
  /** Whole jobs under a seed each; the seeds that once failed come on top. */
  simulations?: { runs: number; seed?: number }
}

const CALLS_MAX = 400

export function crashCases(make: Make<CrashHarness>, options: CrashOptions = {}): Case[] {
  const { races = { runs: 150 }, simulations = { runs: 150 } } = options
  return [
    ...scenarios.flatMap(scenario => [
      { name: `${scenario.name}: nothing happens`, run: () => undisturbed(make, options, scenario) },
      ...happenings.map(happening => ({
        name: `${scenario.name}: ${happening.name}`,
        run: () => everyMoment(make, options, scenario, happening),
      })),
    ]),
    { name: 'several workers race', run: () => property(races, random => race(make, options, random)) },
    { name: 'whole jobs under a seed', run: () => simulateMany(make, options, simulations) },
  ]
}

async function undisturbed(make: Make<CrashHarness>, options: CrashOptions, scenario: Scenario): Promise<void> {
  await inWorld(make, options, scenario, async world => {
    await live(world, options)
    await checkWorld(world, [scenario.ends])
    await checkWhole(world)
    await checkRest(world)
  })
}

async function everyMoment(
  make: Make<CrashHarness>,
  options: CrashOptions,
  scenario: Scenario,
  happening: Happening,
): Promise<void> {
  const ends = [scenario.ends, ...happening.alsoEnds(scenario)]
  const { stride = 1 } = options
  // With a stride, each case begins elsewhere: together they still stop everywhere.
  const begin = (scenario.name.length + happening.name.length) % stride
  for (const phase of ['before', 'after'] as const) {
    for (let index = begin; index < CALLS_MAX; index += stride) {
      const moment = { index, phase }
      const calls = await inWorld(make, options, scenario, async world => {
        world.happens = at(moment, happening, world)
        await naming(moment, scenario, async () => {
          await live(world, options)
          await checkWorld(world, ends)
          if (happening.isHeard) await checkStopped(world)
          if (happening.losesNothing?.(scenario)) await checkWhole(world)
          await checkRest(world)
        })
        return world.calls
      })
      if (index >= calls) break
    }
  }
}

async function race(make: Make<CrashHarness>, options: CrashOptions, random: Random): Promise<void> {
  const scenario = scenarios[random.integer(0, scenarios.length - 1)]!
  await inWorld(make, options, scenario, async world => {
    world.dawdle = async () => {
      const ticks = random.chance(0.1) ? random.integer(0, 60) : random.integer(0, 4)
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
    }
    const member = async () => {
      const process = world.process(options)
      for (let round = 0; round < 5; round++) {
        for (const job of await world.jobs()) await orRefusal(process.studio.resume(job.id))
        if (random.chance(0.1)) await webhook(world)
        if (random.chance(0.5)) await world.advance(random.chance(0.2) ? 61 : 1)
        await process.studio.sweep()
        if (random.chance(0.1)) process.kill()
      }
    }
    const submitter = world.process(options)
    const canceling = random.chance(0.2)
    await Promise.all([
      orRefusal(submitter.studio.submit(world.request)),
      orRefusal(world.process(options).studio.submit(world.request)),
      orRefusal(member()),
      orRefusal(member()),
      canceling ? happenings[1]!.happen(world, submitter.kill) : undefined,
    ])
    await submitter.studio.close()
    await finish(world, options)
    const anyEnd = [
      scenario.ends,
      'succeeded',
      'canceled',
      'failed: submit_unknown',
      'failed: no_capacity',
      'failed: timed_out',
    ]
    await naming({ index: -1, phase: 'before' }, scenario, async () => {
      await checkWorld(world, anyEnd)
      await checkRest(world)
    })
  })
}

async function simulateMany(
  make: Make<CrashHarness>,
  options: CrashOptions,
  { runs, seed = Math.floor(Math.random() * 2 ** 31) }: { runs: number; seed?: number },
): Promise<void> {
  const seeds = Array.from({ length: runs }, (_, run) => seed + run)
  for (const each of [...REMEMBERED_SEEDS, ...seeds]) await simulate(make, each, options)
}

async function inWorld<Value>(
  make: Make<CrashHarness>,
  options: CrashOptions,
  scenario: Scenario,
  run: (world: World) => Promise<Value>,
): Promise<Value> {
  const harness = await make()
  try {
    const userId = await harness.newUser(scenario.balance ?? GRANT)
    const world = new World(options.createStudio ?? createStudio, harness, scenario, userId)
    world.separate = options.separate ?? false
    return await run(world)
  } finally {
    await harness.close()
  }
}

async function naming(moment: Moment, scenario: Scenario, check: () => Promise<void>): Promise<void> {
  try {
    await check()
  } catch (error) {
    const where = moment.index < 0 ? 'In a race' : `${moment.phase} call ${moment.index}`
    throw new Error(`${where} of "${scenario.name}": ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
