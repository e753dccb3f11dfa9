/**
 * A vendor's files come from hosts that no variable names, and a server fetches outputs only from addresses of this machine
 * that it was told of. So those hosts are served here as folders of the vendor's first origin.
 */
import { isVariable } from './exchange.ts'
import { serveSimulators, type ServedSimulators } from './serve.ts'
import type { Exchange, Simulator } from './simulator.ts'
import { createWorld, type World } from './world.ts'

const FOLDER = /^\/__([a-z]\w*)(\/.*|$)/

/** As `serveSimulators`, with the hosts of files inside others. */
export async function serveByVariables(
  simulators: readonly Simulator[],
  { port, seconds }: { port: number; seconds: number },
): Promise<ServedSimulators & { world: World }> {
  const world = createWorld({ simulators: simulators.map(withFolders), seconds })
  const served = await serveSimulators(world, { port })
  for (const simulator of simulators) {
    const base = served.baseUrls[firstOf(simulator)]
    for (const host of fileHostsOf(simulator)) world.bases.set(`${simulator.provider} ${host}`, `${base}/__${host}`)
  }
  return { ...served, world }
}

function withFolders(simulator: Simulator): Simulator {
  const hosts = fileHostsOf(simulator)
  const first = firstOf(simulator)
  const inFolder = (exchange: Exchange): Exchange => {
    const [, host = '', path = ''] = FOLDER.exec(exchange.path) ?? []
    return exchange.origin === first && hosts.includes(host)
      ? { ...exchange, origin: host, path: path || '/' }
      : exchange
  }
  return {
    ...simulator,
    origins: Object.fromEntries(Object.entries(simulator.origins).filter(([name]) => !hosts.includes(name))),
    actionOf: exchange => simulator.actionOf(inFolder(exchange)),
    answer: (exchange, desk) => simulator.answer(inFolder(exchange), desk),
  }
}

/** Those where a question is always one for a file. */
function fileHostsOf(simulator: Simulator): string[] {
  return Object.keys(simulator.origins).filter(origin => {
    const question = { method: 'GET', path: '/', query: new URLSearchParams(), headers: new Headers() }
    const action = simulator.actionOf({ ...question, origin, body: new Uint8Array(), json: undefined })
    return !isVariable(origin) && action === 'media' && !simulator.apart?.includes(origin)
  })
}

function firstOf({ origins }: Simulator): string {
  return Object.keys(origins).find(isVariable) ?? ''
}
