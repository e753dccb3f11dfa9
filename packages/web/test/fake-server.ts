/**
 * The server that the page speaks to, small and in memory: for work on the page alone and for its tests in a browser.
 * Serves the built page under the strictest policy that it must work under.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Job, JobRequest, Session } from '../src/api/types.ts'
import { FakeStudio, models } from './fake-studio.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

export interface Fault {
  /** The start of the path that it hits. */
  path: string
  method?: string
  /** How often; then it is over. */
  times: number
  /** `hang up`: the connection breaks before the answer, after the request was worked on where `worked` says so. */
  answer: { status: number; problem: Record<string, unknown>; headers?: Record<string, string> } | 'hang up'
  worked?: boolean
}

export interface Fake {
  url: string
  studio: FakeStudio
  faults: Fault[]
  /** Every `POST /api/jobs`: its key, and what was sent. */
  posts: { key: string | undefined; body: string }[]
  /** Open event streams, and the Last-Event-ID each came with. */
  streams: { lastEventId: string | undefined; close(): void }[]
  streamsRefused: boolean
  /** How people come in; `email` takes the password `right`. */
  methods: Session['methods']
  close(): Promise<void>
}

interface Exchange {
  fake: Fake
  request: IncomingMessage
  response: ServerResponse
  url: URL
  body: Buffer
}

/** Starts on a free port of the loopback interface. `dist` is the built page. */
export async function startFake(dist: string, paceMilliseconds = 120): Promise<Fake> {
  const server = createServer()
  const fake: Fake = {
    url: '',
    studio: new FakeStudio(paceMilliseconds),
    faults: [],
    posts: [],
    streams: [],
    streamsRefused: false,
    methods: ['local'],
    close: () => stop(server, fake),
  }
  server.on('request', (request, response) => {
    handle(fake, dist, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return fake
}

async function stop(server: Server, fake: Fake): Promise<void> {
  fake.studio.stop()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

async function handle(fake: Fake, dist: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', fake.url)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const exchange: Exchange = { fake, request, response, url, body: Buffer.concat(chunks) }
  const fault = fake.faults.find(
    ({ path, method, times }) => times > 0 && url.pathname.startsWith(path) && (!method || method === request.method),
  )
  if (fault) {
    fault.times -= 1
    if (fault.answer !== 'hang up')
      return problem(response, fault.answer.status, fault.answer.problem, fault.answer.headers)
    if (fault.worked) endpointOf(exchange)?.({ ...exchange, response: deaf(response) })
    response.destroy()
    return
  }
  const endpoint = endpointOf(exchange)
  if (endpoint) endpoint(exchange)
  else await serveFile(dist, url.pathname, response)
}

/** Does what the response is told, except that nobody hears it. */
function deaf(response: ServerResponse): ServerResponse {
  const silent = Object.create(response) as ServerResponse
  return Object.assign(silent, { writeHead: () => silent, end: () => silent, setHeader: () => silent })
}

type Endpoint = (exchange: Exchange) => void

const endpoints: Record<string, Endpoint> = {
  'GET /api/session': ({ request, response, fake }) =>
    json(response, 200, { user: isSignedIn(request) ? fake.studio.account().user : null, methods: fake.methods }),
  'POST /auth/local': ({ response, fake }) => {
    response.setHeader('set-cookie', 'session=1; HttpOnly; SameSite=Lax; Path=/')
    json(response, 200, {
      user: fake.studio.account().user,
      accessToken: 'token',
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    })
  },
  'POST /auth/email/sign-in': ({ response, fake, body }) => {
    const { password } = JSON.parse(body.toString()) as { password: string }
    if (password !== 'right') return problem(response, 401, { code: 'unauthenticated', detail: 'That does not match.' })
    response.setHeader('set-cookie', 'session=1; HttpOnly; SameSite=Lax; Path=/')
    json(response, 200, { user: fake.studio.account().user })
  },
  'POST /auth/email/sign-up': ({ response, body }) => {
    const { email } = JSON.parse(body.toString()) as { email: string }
    const fields = [{ path: 'email', message: 'has an account already: sign in with it' }]
    if (email.startsWith('known')) return problem(response, 400, { code: 'invalid_input', detail: 'No.', fields })
    json(response, 202, { user: null, detail: 'Follow the link in the e-mail.' })
  },
  'POST /auth/sign-out': ({ response }) => {
    response.setHeader('set-cookie', 'session=; Max-Age=0; Path=/')
    response.writeHead(204).end()
  },
  'GET /api/models': ({ response }) => json(response, 200, { items: models }),
  'GET /api/account': ({ response, fake }) => json(response, 200, fake.studio.account()),
  'GET /api/account/ledger': ({ response, fake, url }) => json(response, 200, page(fake.studio.ledger, url)),
  'GET /api/jobs': ({ response, fake, url }) => json(response, 200, page(fake.studio.jobs, url)),
  'POST /api/jobs': createJob,
  'GET /api/events': openStream,
  'GET /api/media': listMedia,
  'POST /api/uploads': ({ response, fake, body }) => {
    const isPng = body.includes(Buffer.from([0x89, 0x50, 0x4e, 0x47]))
    if (!isPng)
      return problem(response, 415, {
        code: 'unsupported_media',
        detail: 'Only PNG, JPEG, WebP and AVIF pictures can go in.',
      })
    const file = body.subarray(body.indexOf('\r\n\r\n') + 4)
    const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)]
    const about = {
      kind: 'upload',
      index: 0,
      jobId: null,
      contentType: 'image/png',
      durationSeconds: null,
      width,
      height,
    } as const
    json(response, 201, { media: fake.studio.add(file, about) })
  },
}

const open = new Set([
  'GET /api/session',
  'POST /auth/local',
  'POST /auth/email/sign-in',
  'POST /auth/email/sign-up',
  'GET /api/models',
])

function endpointOf({ request, url }: Exchange): Endpoint | undefined {
  const name = `${request.method} ${url.pathname}`
  const endpoint = endpoints[name] ?? single(request.method ?? '', url.pathname)
  if (!endpoint || open.has(name) || isSignedIn(request)) return endpoint
  return ({ response }) => problem(response, 401, { code: 'unauthenticated', detail: 'Sign in first.' })
}

/** Endpoints of one job or one file. */
function single(method: string, path: string): Endpoint | undefined {
  const [, kind, id, action = ''] = /^\/api\/(jobs|media)\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? []
  if (kind === 'jobs') {
    return ({ fake, response }) => {
      const job = fake.studio.jobs.find(candidate => candidate.id === id)
      if (!job) return notFound(response)
      if (method === 'GET') return json(response, 200, { job })
      if (job.state === 'storing' || job.finishedAt)
        return problem(response, 409, { code: 'already_finished', detail: 'The job has finished.' })
      fake.studio.cancel(job)
      json(response, 202, { job })
    }
  }
  if (kind !== 'media') return undefined
  return ({ fake, request, response, url }) => {
    if (action === 'restore') fake.studio.restore(id ?? '')
    const media = fake.studio.media.find(candidate => candidate.id === id)
    const bytes = fake.studio.files.get(id ?? '')
    if (!media || !bytes) return notFound(response)
    if (action === 'content')
      return content(request, response, bytes, media.contentType, url.searchParams.has('download'))
    if (action === 'save') Object.assign(media, { saved: true, expiresAt: null })
    if (method !== 'DELETE') return json(response, 200, { media })
    fake.studio.delete(media)
    response.writeHead(204).end()
  }
}

function createJob({ request, response, fake, body }: Exchange): void {
  const { studio } = fake
  const key = request.headers['idempotency-key']?.toString()
  fake.posts.push({ key, body: body.toString() })
  const known = key === undefined ? undefined : studio.replays.get(key)
  if (known) {
    if (known.body !== body.toString())
      return problem(response, 409, { code: 'idempotency_conflict', detail: 'The key was used for another request.' })
    const job = studio.jobs.find(({ id }) => id === known.jobId)
    return json(response, 200, { job, balance: studio.balance })
  }
  const order = JSON.parse(body.toString()) as JobRequest
  const { limits } = studio.account()
  if (limits.remaining <= 0) {
    const detail = `You can start ${limits.perMinute} jobs a minute.`
    return problem(
      response,
      429,
      { code: 'rate_limited', detail, retryAfterSeconds: limits.resetsInSeconds },
      { 'retry-after': String(limits.resetsInSeconds) },
    )
  }
  const price = studio.priceOf(order)
  if (price > studio.balance) {
    const detail = `This costs ${price} credits, and you have ${studio.balance}.`
    return problem(response, 402, { code: 'insufficient_credits', detail, price, balance: studio.balance })
  }
  const job = studio.submit(order)
  if (key !== undefined) studio.replays.set(key, { body: body.toString(), jobId: job.id })
  response.setHeader('location', `/api/jobs/${job.id}`)
  json(response, 202, { job, balance: studio.balance })
}

function openStream({ request, response, fake }: Exchange): void {
  if (fake.streamsRefused) return problem(response, 503, { code: 'internal', detail: 'No streams now.' })
  const lastEventId = request.headers['last-event-id']?.toString()
  const send = (job: Job, revision: number) => {
    response.write(`event: job\nid: ${job.id}:${revision}\ndata: ${JSON.stringify(job)}\n\n`)
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': welcome\n\n')
  for (const job of fake.studio.jobs) if (job.finishedAt === null) send(job, fake.studio.revisions.get(job.id) ?? 0)
  fake.studio.listeners.add(send)
  const stream = { lastEventId, close: () => response.destroy() }
  fake.streams.push(stream)
  response.on('close', () => {
    fake.studio.listeners.delete(send)
    fake.streams.splice(fake.streams.indexOf(stream), 1)
  })
}

function listMedia({ fake, response, url }: Exchange): void {
  const kind = url.searchParams.get('kind')
  const isSaved = url.searchParams.get('saved') === 'true'
  const items = fake.studio.media.filter(media => (!kind || media.kind === kind) && (!isSaved || media.saved))
  json(response, 200, page(items, url))
}

function page<Item>(items: Item[], url: URL): { items: Item[]; nextCursor: string | null } {
  const limit = Number(url.searchParams.get('limit') ?? 30)
  const from = Number(url.searchParams.get('cursor') ?? 0)
  return {
    items: items.slice(from, from + limit),
    nextCursor: from + limit < items.length ? String(from + limit) : null,
  }
}

function content(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  type: string,
  isDownload: boolean,
): void {
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
  const headers = {
    'content-type': type,
    'accept-ranges': 'bytes',
    ...(isDownload ? { 'content-disposition': 'attachment; filename="safelight"' } : {}),
  }
  if (from === undefined) return void response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes)
  const part = bytes.subarray(Number(from), to ? Number(to) + 1 : bytes.length)
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`
  response.writeHead(206, { ...headers, 'content-range': range, 'content-length': part.length }).end(part)
}

async function serveFile(dist: string, path: string, response: ServerResponse): Promise<void> {
  if (path.startsWith('/api/') || path.startsWith('/auth/')) return notFound(response)
  const name = path === '/' ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '')
  const bytes = await readFile(join(dist, name)).catch(() => null)
  if (!bytes) return notFound(response)
  response.writeHead(200, {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
  })
  response.end(bytes)
}

const isSignedIn = (request: IncomingMessage) => /(^|; )session=1/.test(request.headers.cookie ?? '')
const notFound = (response: ServerResponse) =>
  problem(response, 404, { code: 'not_found', detail: 'There is nothing here.' })

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function problem(
  response: ServerResponse,
  status: number,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers })
  response.end(JSON.stringify({ type: 'about:blank', title: 'Problem', status, requestId: 'test', ...body }))
}
