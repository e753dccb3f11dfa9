/**
 * A vendor's files come from hosts that no variable names, and a server fetches outputs only from addresses of this machine
 * that it was told. So those hosts are served here as folders of the vendor's first origin.
 */
import {
  createWorld,
  serveSimulators,
  type Exchange,
  type ServedSimulators,
  type Simulator,
  type World,
} from '@safelight/providers/testing'

const FOLDER = /^\/__([a-z]\w*)(\/.*|$)/

/** As `serveSimulators`, with as many origins as there are variables. */
export async function serveByVariables(
  simulators: readonly Simulator[],
  { port, seconds }: { port: number; seconds: number },
): Promise<ServedSimulators & { world: World }> {
  const world = createWorld({ simulators: simulators.map(withFolders), seconds })
  const served = await serveSimulators(world, { port })
  for (const { provider, origins } of simulators) {
    const base = served.baseUrls[firstOf(origins)]
    for (const name of Object.keys(origins).filter(isHost)) world.bases.set(`${provider} ${name}`, `${base}/__${name}`)
  }
  return { ...served, world }
}

function withFolders(simulator: Simulator): Simulator {
  const { origins } = simulator
  const variables = Object.fromEntries(Object.entries(origins).filter(([name]) => !isHost(name)))
  return {
    ...simulator,
    origins: variables,
    actionOf: exchange => simulator.actionOf(inFolder(exchange, origins)),
    answer: (exchange, desk) => simulator.answer(inFolder(exchange, origins), desk),
  }
}

function inFolder(exchange: Exchange, origins: Simulator['origins']): Exchange {
  const [, origin = '', path = ''] = FOLDER.exec(exchange.path) ?? []
  const isFolder = exchange.origin === firstOf(origins) && Object.hasOwn(origins, origin) && isHost(origin)
  return isFolder ? { ...exchange, origin, path: path || '/' } : exchange
}

function firstOf(origins: Simulator['origins']): string {
  return Object.keys(origins).find(name => !isHost(name)) ?? ''
}

/** Origins that a variable replaces are called like it. */
function isHost(name: string): boolean {
  return name !== name.toUpperCase()
}
