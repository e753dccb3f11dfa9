/** Between a server and the project it works on: remembers what was asked, and can be told not to answer. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Proxy {
  url: string
  /** Method and path of every request, as they came. */
  asked: string[]
  /** Requests whose path matches are answered with 502 from now on; null: none. */
  down: RegExp | null
  close(): Promise<void>
}

export async function recordingProxy(target: string): Promise<Proxy> {
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    down: null,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    proxy.asked.push(`${method} ${url}`)
    if (proxy.down?.test(url)) return void response.writeHead(502).end('<html>Bad Gateway</html>')
    const headers = new Headers()
    for (const [name, value] of Object.entries(request.headers)) {
      if (!/^(host|connection|content-length|transfer-encoding|expect)$/.test(name)) headers.set(name, String(value))
    }
    const body = await buffer(request)
    const answer = await fetch(target + url, { method, headers, ...(body.length > 0 ? { body } : {}) })
    const kept = [...answer.headers].filter(
      ([name]) => !/^(content-(encoding|length)|transfer-encoding|connection)$/.test(name),
    )
    response.writeHead(answer.status, Object.fromEntries(kept))
    response.end(Buffer.from(await answer.arrayBuffer()))
  }
  return proxy
}
