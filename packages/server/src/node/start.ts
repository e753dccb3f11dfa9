/** From a studio to a process that serves it, and in good order to its end. */
import { getRequestListener } from '@hono/node-server'
import type { Model, Studio } from '@safelight/core'
import { describe } from '../http/problems.ts'
import type { Log, ServerOptions } from '../options.ts'
import { createServer } from '../server.ts'
import { createUpkeep, keepUp } from '../upkeep/upkeep.ts'
import type { Environment } from './environment.ts'
import { httpServer, httpTimes, listen, type BoundedServer, type HttpTimes } from './http-server.ts'
import { pageFrom } from './page.ts'
import { loadOrMakeSecret } from './secret.ts'

/** Options of `startServer`. */
export interface StartOptions<Models extends Model = Model> {
  /** Started, swept and in the end closed by the server. */
  studio: Studio<Models>
  environment: Environment
  /** The directory of the built page. */
  page?: string
  log: Log
  /** Whether the worker loop and upkeep run here; both also go on with sweeps, jobs with any request. True by default. */
  worker?: boolean
  /** Over what the environment says. */
  options?: Partial<ServerOptions>
  times?: Partial<HttpTimes>
  onListening?: (running: RunningServer) => void
}

/** A server that listens. */
export interface RunningServer {
  /** As a person would type it. */
  readonly url: string
  readonly port: number
  /** Stops accepting, ends event streams, lets what is under way end within the drain time, and closes the studio. */
  close(): Promise<void>
  /** Resolves when it is closed, whoever asked for it. */
  readonly closed: Promise<void>
}

/** Longest wait for a database to close after everything else has ended. */
const CLOSE_SECONDS = 5
const HANG_UP_MS = 50

/** Serves `studio` as the environment says. Throws a plain sentence where the port or the data directory cannot be used. */
export async function startServer<Models extends Model>(start: StartOptions<Models>): Promise<RunningServer> {
  const { studio, environment, log } = start
  const stopping = new AbortController()
  const app = createServer(studio, {
    ...(await optionsOf(environment)),
    log,
    ...(start.page === undefined ? {} : { page: pageFrom(start.page) }),
    stopping: stopping.signal,
    ...start.options,
  })
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: answerMalformed })
  const bounded = httpServer((request, response) => void listener(request, response), { ...httpTimes, ...start.times })
  const port = await listen(bounded.server, environment.port, environment.host)
  const work = start.worker === false ? Promise.resolve() : workAndKeepUp(studio, stopping.signal, log)
  const { promise: closed, resolve: markClosed } = Promise.withResolvers<void>()
  let closing: Promise<void> | undefined
  const running: RunningServer = {
    url: urlOf(environment.host, port),
    port,
    closed,
    close: () =>
      (closing ??= shutDown({ bounded, studio, work, stopping, log, seconds: environment.drainSeconds }).finally(
        markClosed,
      )),
  }
  for (const warning of environment.warnings) log('warn', warning)
  start.onListening?.(running)
  return running
}

async function optionsOf(environment: Environment): Promise<ServerOptions> {
  const { secret, oldSecret, localPassword, publicUrl, trustedProxies, sweepSecret, corsOrigins, dataDirectory } =
    environment
  return {
    secret: secret ?? (await loadOrMakeSecret(dataDirectory)),
    corsOrigins,
    ...(oldSecret === null ? {} : { oldSecret }),
    ...(localPassword === null ? {} : { localPassword }),
    ...(publicUrl === null ? {} : { publicUrl }),
    ...(trustedProxies === null ? {} : { trustedProxies }),
    ...(sweepSecret === null ? {} : { sweepSecret }),
  }
}

/** A target or a `Host` that is no URL. */
function answerMalformed(): Response {
  const requestId = crypto.randomUUID()
  const detail = 'This is not a valid HTTP request.'
  const body = {
    type: '/docs/errors#invalid_input',
    title: 'Bad Request',
    status: 400,
    code: 'invalid_input',
    detail,
    requestId,
  }
  const headers = {
    'Content-Type': 'application/problem+json',
    'X-Request-Id': requestId,
    'X-Content-Type-Options': 'nosniff',
  }
  return new Response(JSON.stringify(body), { status: 400, headers })
}

async function runWorker<Models extends Model>(studio: Studio<Models>, signal: AbortSignal, log: Log): Promise<void> {
  try {
    await studio.work({ signal })
  } catch (error) {
    log('error', 'the worker stopped', describe(error))
  }
}

/** Upkeep comes in the worker's process, beside it. */
async function workAndKeepUp<Models extends Model>(studio: Studio<Models>, signal: AbortSignal, log: Log) {
  await Promise.all([runWorker(studio, signal, log), keepUp(createUpkeep(studio, log), signal)])
}

interface ShutDown {
  bounded: BoundedServer
  studio: Pick<Studio, 'close'>
  work: Promise<void>
  stopping: AbortController
  log: Log
  seconds: number
}

async function shutDown({ bounded, studio, work, stopping, log, seconds }: ShutDown): Promise<void> {
  const { server, hangUp } = bounded
  const lastAnswer = new Promise<void>(resolve => server.close(() => resolve()))
  stopping.abort()
  const timer = setInterval(hangUp, HANG_UP_MS)
  const inTime = await within(seconds, Promise.all([lastAnswer, work]))
  clearInterval(timer)
  if (!inTime) log('warn', 'not everything ended within the drain time', { seconds })
  server.closeAllConnections()
  const closedInTime = await within(CLOSE_SECONDS, studio.close())
  if (!closedInTime) log('warn', 'the studio did not close in time', { seconds: CLOSE_SECONDS })
}

/** Whether it ended within that time. */
async function within(seconds: number, ending: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, seconds * 1000, false)
  })
  try {
    return await Promise.race([ending.then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}

function urlOf(host: string, port: number): string {
  const isHere = ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host)
  const name = isHere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
