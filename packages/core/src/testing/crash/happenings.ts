/** What may happen at a moment, and how else a job may then end. */
import { isEnded } from '../../lifecycle.ts'
import { type Moment, orRefusal, type Scenario, TIMEOUT_SECONDS, type World } from './world.ts'

export interface Happening {
  name: string
  happen(world: World, kill: () => void): Promise<void>
  /** Providers can be reached throughout, and nobody dies: what is not wanted any more must have been asked to stop. */
  isHeard?: true
  /** Whatever was paid for can be had again afterwards, at a provider that can be asked: all of it is delivered. */
  losesNothing?(scenario: Scenario): boolean
  /** Ends that are right beside the scenario's own. */
  alsoEnds(scenario: Scenario): readonly string[]
}

const recoverable = ({ providers }: Scenario) => providers.every(({ recovery }) => recovery !== 'atMostOnce')
/** Where the lost answer of a provider that cannot be asked ends. */
const lost = 'failed: submit_unknown'

export const happenings: readonly Happening[] = [
  {
    name: 'the process is killed',
    async happen(_, kill) {
      kill()
    },
    losesNothing: recoverable,
    alsoEnds: scenario => (recoverable(scenario) ? [] : [lost]),
  },
  {
    name: 'somebody cancels',
    async happen(world) {
      for (const job of await world.jobs()) {
        await orRefusal(world.process().studio.cancel(job.id))
      }
    },
    isHeard: true,
    alsoEnds: () => ['canceled'],
  },
  {
    name: 'somebody cancels, and the process is killed',
    async happen(world, kill) {
      for (const job of await world.jobs()) await orRefusal(world.process().studio.cancel(job.id))
      kill()
    },
    alsoEnds: () => ['canceled', lost],
  },
  {
    name: 'a webhook comes',
    async happen(world) {
      await webhook(world)
    },
    alsoEnds: () => ['succeeded'],
  },
  {
    name: 'another worker takes everything that is open',
    async happen(world) {
      const { studio } = world.process()
      for (const job of await world.jobs()) if (!isEnded(job)) await orRefusal(studio.resume(job.id))
      await studio.sweep()
    },
    alsoEnds: () => [],
  },
  {
    name: 'the line is down for ten times the timeout',
    async happen(world) {
      for (const provider of world.providers) provider.downUntil = world.time() + TIMEOUT_SECONDS * 10_000
    },
    // A hand-over whose answer was lost in it is given up at its deadline; a job that was still waiting may give up too.
    alsoEnds: () => [lost, 'failed: no_capacity'],
  },
  {
    name: 'nobody works for ten times the timeout',
    async happen(world, kill) {
      kill()
      await world.advance(TIMEOUT_SECONDS * 10)
    },
    alsoEnds: scenario => ['failed: no_capacity', ...(recoverable(scenario) ? [] : [lost])],
  },
]

/** What a provider would tell of every attempt that it knows. */
export async function webhook(world: World): Promise<void> {
  const { studio } = world.process()
  for (const job of await world.jobs()) {
    for (const { id } of await world.harness.database.jobs.attempts(job.id)) {
      const operation = world.providers.map(provider => provider.operationOf(id)).find(found => found !== null)
      if (operation) await orRefusal(studio.adopt({ jobId: job.id, attemptId: id, operation }))
    }
  }
}

export function at(moment: Moment, happening: Happening, world: World): World['happens'] {
  return async ({ index, phase }, kill) => {
    if (index === moment.index && phase === moment.phase) await happening.happen(world, kill)
  }
}
