/**
 * `pnpm run dev`: one port with both. The page comes from Vite with hot reload; everything else goes to a server of its own
 * process, which is started anew when its sources change. Open jobs go on: their state is in the data directory.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readEnvironment, type Environment } from '@safelight/server/node'
import { createServer as createViteServer } from 'vite'
import { watchLauncher } from '../src/launcher.ts'
import { freePort } from './free-port.ts'
import { forward } from './forward.ts'
import { superviseServer } from './supervise.ts'
import { watchSources } from './watch-sources.ts'

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url))
const SERVER_SOURCES = ['core', 'media', 'postgres', 'providers', 'server', 'cli'].map(name =>
  join(PACKAGES, name, 'src'),
)
/** What the API answers; the rest is the page's. */
const API = /^\/(api|auth|v1|files|s|webhooks|internal|healthz|readyz|openapi\.json|docs|metrics)(\/|\?|$)/

const { port } = environment()
const front = createServer()
const vite = await createViteServer({
  root: join(PACKAGES, 'web'),
  configFile: join(PACKAGES, 'web/vite.config.ts'),
  appType: 'spa',
  server: { middlewareMode: true, hmr: { server: front } },
})
const server = superviseServer(await freePort(), line => console.log(line))
front.on('request', (request, response) => {
  if (isForServer(request)) void forward(request, response, server)
  else vite.middlewares(request, response)
})
front.once('error', (error: NodeJS.ErrnoException) => {
  const reason = error.code === 'EADDRINUSE' ? `Port ${port} is in use; choose another with PORT=5001.` : error.message
  console.error(`safelight: ${reason}`)
  void stop(1)
})
front.listen(port, '127.0.0.1', () => console.log(`\n  http://localhost:${port}   Ctrl-C stops it\n`))

const unwatch = watchSources([...SERVER_SOURCES, join(PACKAGES, '../database')], file => void server.restart(file))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop(0))
watchLauncher(() => void stop(0))

/** The same settings as the server's, so that a bad one is told once and at once. */
function environment(): Environment {
  try {
    return readEnvironment()
  } catch (error) {
    console.error(`safelight: ${(error as Error).message}`)
    process.exit(1)
  }
}

function isForServer({ url = '/' }: IncomingMessage): boolean {
  return API.test(url)
}

async function stop(code: number): Promise<void> {
  unwatch()
  front.closeAllConnections()
  front.close()
  await Promise.all([server.stop(), vite.close()])
  process.exit(code)
}
