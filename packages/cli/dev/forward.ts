/**
 * Hands a request on to the server behind, as it came: the `Host` stays, and nothing is added that says we were here, so
 * that the server decides as if it had been asked itself.
 */
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { SupervisedServer } from './supervise.ts'

const WAIT_SECONDS = 20
/** A request that carries nothing is asked again when the server goes down under it. */
const TRIES = 3

export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  server: Pick<SupervisedServer, 'port' | 'ready'>,
): Promise<void> {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
  for (let tries = 1; ; tries++) {
    if (!(await server.ready(WAIT_SECONDS)))
      return refuse(response, 'The server does not start; its last words are in the terminal.')
    const outcome = await once(request, response, server.port, hasBody)
    if (outcome === 'answered') return
    if (hasBody || tries === TRIES) return refuse(response, 'The server went down under this request; send it again.')
  }
}

/** `unreached`: nothing of an answer has been passed on. */
function once(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  hasBody: boolean,
): Promise<'answered' | 'unreached'> {
  return new Promise(resolve => {
    const { method, url, headers } = request
    const { connection: _connection, ...passed } = headers
    const onward = ask({ host: '127.0.0.1', port, method, path: url, headers: passed, agent: false })
    onward.once('response', answer => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutConnection(answer.rawHeaders))
      response.flushHeaders()
      answer.pipe(response)
      // Cut short, as by a restart: the reader must see that, and connect again.
      answer.once('error', () => response.destroy())
      answer.once('close', () => resolve('answered'))
    })
    onward.once('error', () => {
      if (response.headersSent) response.destroy()
      resolve(response.headersSent || response.destroyed ? 'answered' : 'unreached')
    })
    response.once('close', () => onward.destroy())
    if (hasBody) request.pipe(onward)
    else onward.end()
  })
}

function withoutConnection(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2)
    if (name.toLowerCase() !== 'connection') kept.push(name, value)
  }
  return kept
}

function refuse(response: ServerResponse, detail: string): void {
  if (response.destroyed) return
  response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '2' })
  response.end(
    JSON.stringify({ type: 'about:blank', title: 'The server restarts', status: 503, code: 'internal', detail }),
  )
}
