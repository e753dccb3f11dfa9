/** A whole server on a real socket, with everything in memory. */
import { request as rawRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import {
  createStudio,
  memoryDatabase,
  type Database,
  type ProviderOption,
  type SettingsValues,
  type Studio,
  type StudioOptions,
} from '@safelight/core'
import type { LogFields, ServerOptions } from '../src/options.ts'
import { readEnvironment } from '../src/node/environment.ts'
import type { HttpTimes } from '../src/node/http-server.ts'
import { startServer, type RunningServer } from '../src/node/start.ts'
import { createStage, type Stage } from './stage.ts'

export const SECRET = 'a secret of a test, long enough to be one'

interface Setup {
  options?: Partial<ServerOptions>
  settings?: Partial<SettingsValues>
  times?: Partial<HttpTimes>
  page?: string
  worker?: boolean
  database?: (database: Database) => Database
  /** Beside the stage. */
  studio?: Pick<StudioOptions, 'tokens' | 'webhookUrl'> & { provider?: ProviderOption }
}

export interface LogLine {
  level: string
  event: string
  fields: LogFields
}

export interface TestServer extends RunningServer, AsyncDisposable {
  stage: Stage
  studio: Pick<Studio, 'media'>
  database: Database
  log: LogLine[]
  /** A client of somebody who has just signed in. */
  signIn(email?: string): Promise<Client>
  /** A client of nobody. */
  nobody: Client
}

export async function serve({
  options,
  settings,
  times,
  page,
  worker,
  database: wrap,
  studio: { provider, ...studioOptions } = {},
}: Setup = {}): Promise<TestServer> {
  const stage = createStage()
  const memory = memoryDatabase(settings ? { settings } : {})
  const database = wrap ? wrap(memory) : memory
  const providers: ProviderOption[] = [stage.provider, ...(provider ? [provider] : [])]
  const studio: Studio = createStudio({ providers, database, ...studioOptions })
  const environment = readEnvironment({ PORT: '0', SAFELIGHT_SECRET: SECRET, SAFELIGHT_DRAIN_SECONDS: '2' })
  const log: LogLine[] = []
  const running = await startServer({
    studio,
    environment,
    log: (level, event, fields = {}) => void log.push({ level, event, fields }),
    ...(options ? { options } : {}),
    ...(times ? { times } : {}),
    ...(page === undefined ? {} : { page }),
    ...(worker === undefined ? {} : { worker }),
  })
  const base = `http://127.0.0.1:${running.port}`
  return {
    ...running,
    stage,
    studio,
    database,
    log,
    nobody: clientOf(base),
    async signIn(email = `${crypto.randomUUID()}@example.com`) {
      const { body } = await clientOf(base).post('/auth/local', { email })
      return clientOf(base, body.accessToken, body.user.id)
    },
    [Symbol.asyncDispose]: () => running.close(),
  }
}

// Tests read answers by path; what they get wrong shows as undefined.
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any

export interface Answer {
  status: number
  headers: Headers
  body: Loose
}

export interface Client {
  userId: string
  accessToken: string
  base: string
  fetch(path: string, init?: RequestInit): Promise<Response>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A job of one picture. */
  submit(prompt: string, headers?: Record<string, string>): Promise<Answer>
  /** The job when it has ended. */
  ended(jobId: string): Promise<Loose>
}

function clientOf(base: string, accessToken = '', userId = ''): Client {
  const send = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (accessToken && !headers.has('Authorization')) headers.set('Authorization', `Bearer ${accessToken}`)
    return fetch(base + path, { redirect: 'manual', ...init, headers })
  }
  const get: Client['get'] = async (path, headers = {}) => answerOf(await send(path, { headers }))
  const post: Client['post'] = async (path, body, headers = {}) => {
    const json = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const typed = body === undefined ? headers : { 'Content-Type': 'application/json', ...headers }
    return answerOf(await send(path, { method: 'POST', ...json, headers: typed }))
  }
  return {
    userId,
    accessToken,
    base,
    fetch: send,
    get,
    post,
    submit: (prompt, headers) => post('/api/jobs', { model: 'picture', input: { prompt } }, headers),
    async ended(jobId) {
      const response = await send(`/api/jobs/${jobId}/events`)
      const events = (await response.text()).split('\n').filter(line => line.startsWith('data: '))
      return JSON.parse(events.at(-1)!.slice(6))
    },
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('Content-Type')?.includes('json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

interface RawRequest {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}

/** With full control over the headers, `Host` and `Origin` included. */
export async function sendRaw(port: number, { method = 'GET', path, headers = {}, body }: RawRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = rawRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, resolve)
  request.on('error', reject)
  request.end(body)
  const response = await promise
  const chunks: Uint8Array[] = await response.toArray()
  const { statusCode: status = 0 } = response
  const received = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)])
  const content = status === 204 || status === 304 ? null : Buffer.concat(chunks)
  return answerOf(new Response(content, { status, headers: received }))
}

/** Bytes as they are; answers with everything that came back until the server hung up. */
export function sendBytes(port: number, bytes: string | Uint8Array): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('data', chunk => (answer += chunk))
  socket.on('close', () => resolve(answer))
  socket.on('error', error => (answer === '' ? reject(error) : resolve(answer)))
  return promise
}
