/** Every vendor's origins on sockets of this machine: for official clients, and for apps under test. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { control } from './control.ts'
import { exchangeOf, isVariable } from './exchange.ts'
import type { World } from './world.ts'

export interface ServedSimulators {
  /** What to put into the environment: the name of each variable with its origin here. */
  baseUrls: Record<string, string>
  /** The first of the origins; `POST /__simulator` on any of them changes the script. */
  url: string
  close(): Promise<void>
}

/** Listens on 127.0.0.1: one port for each origin, from `port` on, or any where it is 0 or absent. */
export async function serveSimulators(world: World, { port = 0 }: { port?: number } = {}): Promise<ServedSimulators> {
  const servers: Server[] = []
  const baseUrls: Record<string, string> = {}
  for (const { provider, origins } of world.simulators) {
    for (const origin of Object.keys(origins)) {
      const server = createServer((request, response) => void serve(world, { provider, origin }, request, response))
      server.keepAliveTimeout = 60_000
      servers.push(server)
      const base = await listen(server, port === 0 ? 0 : port + servers.length - 1)
      world.bases.set(`${provider} ${origin}`, base)
      if (isVariable(origin)) baseUrls[origin] = base
    }
  }
  return { baseUrls, url: world.bases.values().next().value ?? '', close: () => closeAll(world, servers) }
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
}

async function closeAll(world: World, servers: readonly Server[]): Promise<void> {
  world.bases.clear()
  for (const server of servers) server.closeAllConnections()
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
}

async function serve(
  world: World,
  { provider, origin }: { provider: string; origin: string },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const request = requestOf(incoming, world.bases.get(`${provider} ${origin}`) ?? '')
    if (incoming.url === '/__simulator') return await write(outgoing, await control(world, request))
    const outcome = await world.handle(provider, await exchangeOf(request, origin))
    if (outcome.status === 'closed') outgoing.destroy()
    else if (outcome.status === 'answered') await write(outgoing, outcome.response)
  } catch (error) {
    // A simulator that throws is a bug of ours, and says so to whoever runs against it.
    if (outgoing.headersSent) outgoing.destroy()
    else
      outgoing
        .writeHead(599, { 'content-type': 'text/plain' })
        .end(String(error instanceof Error ? error.stack : error))
  }
}

function requestOf(incoming: IncomingMessage, base: string): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(new URL(url, base), {
    method,
    headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
  })
}

/** A body that breaks off closes the socket. */
async function write(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (!response.body) return void outgoing.end()
  try {
    for await (const chunk of response.body) {
      if (!outgoing.write(chunk)) await drained(outgoing)
      if (outgoing.destroyed) return
    }
    outgoing.end()
  } catch {
    // As scripted: what has been written arrives, and then the line is cut.
    outgoing.socket?.end()
    outgoing.destroy()
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const go = () => {
      outgoing.off('drain', go).off('close', go)
      resolve()
    }
    outgoing.on('drain', go).on('close', go)
  })
}
