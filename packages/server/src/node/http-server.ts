/** A Node HTTP server that gives nobody more time, memory or sockets than a request needs. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

export interface HttpTimes {
  headersSeconds: number
  requestSeconds: number
  idleSeconds: number
}

export interface BoundedServer {
  server: Server
  /** Closes connections on which nobody waits: kept alive after an answer, or opened and never used. */
  hangUp(): void
}

/** A request has to arrive in this time; a connection on which nothing moves is closed. */
export const httpTimes: HttpTimes = { headersSeconds: 15, requestSeconds: 120, idleSeconds: 120 }

/** Longer than the proxies in front keep theirs (60 s is common), or they send into a connection that is just closing. */
const KEEP_ALIVE_SECONDS = 75
const CHECK_SECONDS = 2
const HEADERS_MAX_BYTES = 16 * 1024
const CONNECTIONS_MAX = 4000

export function httpServer(
  listener: RequestListener,
  { headersSeconds, requestSeconds, idleSeconds }: HttpTimes,
): BoundedServer {
  const options = {
    headersTimeout: headersSeconds * 1000,
    requestTimeout: requestSeconds * 1000,
    keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000,
    connectionsCheckingInterval: Math.min(CHECK_SECONDS, headersSeconds) * 1000,
    maxHeaderSize: HEADERS_MAX_BYTES,
  }
  const server = createServer(options, listener)
  server.maxConnections = CONNECTIONS_MAX
  server.setTimeout(idleSeconds * 1000)
  // Browsers open connections in advance; Node does not count those as idle.
  const silent = new Set<Socket>()
  const answering = new WeakSet<Socket>()
  server.on('connection', socket => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    silent.delete(socket)
    answering.add(socket)
    if (!server.listening) response.setHeader('Connection', 'close')
    response.once('close', () => answering.delete(socket))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Into the middle of another answer nothing sensible can be written.
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) socket.destroy()
    else answerBadRequest(error, socket)
  })
  const hangUp = () => {
    server.closeIdleConnections()
    for (const socket of silent) socket.destroy()
  }
  return { server, hangUp }
}

const REFUSALS: Record<string, readonly [status: string, code: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'too_large',
    `Headers may have at most ${HEADERS_MAX_BYTES} bytes.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'invalid_input', 'The request did not arrive in time.'],
}
const MALFORMED = ['400 Bad Request', 'invalid_input', 'This is not a valid HTTP request.'] as const

/** What the parser refuses never reaches the app, so its problem is written here. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  const [statusLine, code, detail] = REFUSALS[error.code ?? ''] ?? MALFORMED
  const requestId = crypto.randomUUID()
  const status = Number.parseInt(statusLine, 10)
  const body = JSON.stringify({
    type: `/docs/errors#${code}`,
    title: statusLine.slice(4),
    status,
    code,
    detail,
    requestId,
  })
  const headers = [
    `HTTP/1.1 ${statusLine}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ]
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`)
}

/** Resolves when it listens. Throws a plain sentence where it cannot. */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, host }, resolve)
  try {
    await promise
  } catch (error) {
    throw plainListenError(error as NodeJS.ErrnoException, port)
  } finally {
    server.off('error', reject)
  }
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

function plainListenError(error: NodeJS.ErrnoException, port: number): Error {
  const cause = { cause: error }
  const noSuchHost = 'HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.'
  const sentences: Record<string, string> = {
    EADDRINUSE: `Port ${port} is in use by another program; set PORT to a free one.`,
    EACCES: `There is no permission to listen on port ${port}; set PORT to one above 1023.`,
    EADDRNOTAVAIL: noSuchHost,
    ENOTFOUND: noSuchHost,
    EAI_AGAIN: noSuchHost,
  }
  const sentence = sentences[error.code ?? '']
  return sentence === undefined ? error : new Error(sentence, cause)
}
