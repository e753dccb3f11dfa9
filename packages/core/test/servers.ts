/** Real servers on loopback for the tests of the transport, each closed with its test. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import {
  createServer as createSocketServer,
  type AddressInfo,
  type Server as SocketServer,
  type Socket,
} from 'node:net'
import { onTestFinished } from 'vitest'
import { selfSigned } from './certificate.ts'

/** An HTTP server; its origin, and how many requests came. */
export async function httpServer(
  listener: (...exchange: Parameters<RequestListener>) => unknown,
): Promise<{ origin: string; port: number; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    void listener(request, response)
  })
  const port = await listening(server)
  return { origin: `http://127.0.0.1:${port}`, port, requests }
}

/** A server whose certificate nobody trusts. */
export async function untrustedServer(): Promise<{ origin: string; requests: string[] }> {
  const requests: string[] = []
  const server = createSecureServer(selfSigned('localhost'), (request, response) => {
    requests.push(request.url ?? '')
    response.end('{}')
  })
  return { origin: `https://localhost:${await listening(server)}`, requests }
}

/** Bytes as they are: `heard` gets everything a client sends, and answers as it likes. */
export async function socketServer(
  heard: (socket: Socket, text: string, connection: number) => void,
): Promise<{ origin: string; port: number; connections: () => number }> {
  let connections = 0
  const server = createSocketServer(socket => {
    const number = ++connections
    socket.on('error', () => undefined)
    socket.on('data', chunk => heard(socket, chunk.toString('latin1'), number))
  })
  const port = await listening(server)
  return { origin: `http://127.0.0.1:${port}`, port, connections: () => connections }
}

/** A port at which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createSocketServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(server: Server | SocketServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}
