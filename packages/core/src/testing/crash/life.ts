/** How a job is lived through: a user who asks and looks, and the sweeps that bring everything to its end. */
import assert from 'node:assert/strict'
import { isEnded } from '../../lifecycle.ts'
import { orRefusal, type Process, type World } from './world.ts'

interface How {
  /** Uses the single ports even where fused calls are offered. */
  separate?: boolean
}

/** A user whose request takes a few seconds looks at it this often. */
const ROUND_SECONDS = 2
const ROUNDS = 12
const SWEEP_SECONDS = 31
/** Longer than anything may take: an hour of outputs, ten minutes in a queue, ten more of failed looks. */
const SWEEPS_MAX = 400

/** A user asks and looks; then, whatever became of that, `finish`. */
export async function live(world: World, options: How = {}): Promise<void> {
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
export async function finish(world: World, options: How = {}): Promise<void> {
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
