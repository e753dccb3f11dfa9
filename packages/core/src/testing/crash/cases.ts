/**
 * The crash suite: every scenario, with every happening, at every moment, before and after every call; and seeded races
 * of several workers. No worker loop runs: requests and sweeps alone bring every job to its end.
 */
import assert from 'node:assert/strict'
import { createStudio } from '../../create-studio.ts'
import { isEnded } from '../../lifecycle.ts'
import { property, type Random } from '../conformance/random.ts'
import type { Case, Make } from '../conformance/suite.ts'
import { at, type Happening, happenings, webhook } from './happenings.ts'
import { checkRest, checkStopped, checkWhole, checkWorld } from './invariants.ts'
import { scenarios } from './scenarios.ts'
import { type CrashHarness, GRANT, type Moment, orRefusal, type Process, type Scenario, World } from './world.ts'

export interface CrashOptions {
  /** The engine under test. */
  createStudio?: typeof createStudio
  /** Uses the single ports even where fused calls are offered. */
  separate?: boolean
  /** Only every so many moments; 1 tries them all. */
  stride?: number
  races?: { runs: number; seed?: number }
}

/** A user whose request takes a few seconds looks at it this often. */
const ROUND_SECONDS = 2
const ROUNDS = 12
const SWEEP_SECONDS = 31
/** Longer than anything may take: an hour of outputs, ten minutes in a queue, ten more of failed looks. */
const SWEEPS_MAX = 400
const CALLS_MAX = 400

export function crashCases(make: Make<CrashHarness>, options: CrashOptions = {}): Case[] {
  const { races = { runs: 150 } } = options
  return [
    ...scenarios.flatMap(scenario => [
      { name: `${scenario.name}: nothing happens`, run: () => undisturbed(make, options, scenario) },
      ...happenings.map(happening => ({
        name: `${scenario.name}: ${happening.name}`,
        run: () => everyMoment(make, options, scenario, happening),
      })),
    ]),
    { name: 'several workers race', run: () => property(races, random => race(make, options, random)) },
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

/** A user asks and looks; then, whatever became of that, `finish`. */
export async function live(world: World, options: CrashOptions = {}): Promise<void> {
  const first = world.process({ ...options, counted: true })
  const submitted = await orRefusal(first.studio.submit(world.request))
  await first.studio.close()
  if ('id' in submitted) await watch(world, first, submitted.id)
  await finish(world, options)
}

async function watch(world: World, { studio }: Process, jobId: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const job = await orRefusal(studio.resume(jobId))
    if (!('id' in job) || isEnded(job)) return
    await world.advance(ROUND_SECONDS)
  }
}

/** The user asks again with the same key, and sweeps bring everything to its end. */
export async function finish(world: World, options: CrashOptions = {}): Promise<void> {
  const { studio } = world.process(options)
  const again = await orRefusal(studio.submit(world.request))
  if ('refused' in again) assert.equal(again.refused, world.scenario.ends, 'the second request was refused')
  await studio.close()
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
    if ((await world.jobs()).every(isEnded)) return
    await world.advance(SWEEP_SECONDS)
    await studio.sweep()
  }
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
    return await run(new World(options.createStudio ?? createStudio, harness, scenario, userId))
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
