/**
 * A small fal.ai on loopback: queue, status, status stream, result and file, as docs.fal.ai/model-endpoints/queue has them.
 * The prompt says how many seconds a job takes, and its number; `/books` says how many requests came, and when each job was done.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { picture } from '../../../media/test/samples.ts'

const FILE_BYTES = 65_536

interface QueueJob {
  /** From the prompt. */
  number: number
  doneAt: number
  listeners: Set<() => void>
}

const jobs = new Map<string, QueueJob>()
let requests = 0
let origin = ''
const small = await picture('png', 8, 8)
/** A real picture, with as much behind it as a usual one has. */
const file = Buffer.concat([small, Buffer.alloc(FILE_BYTES - small.length)])

function json(response: ServerResponse, body: unknown, status = 200): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

function accept(response: ServerResponse, body: string, app: string): void {
  const { prompt } = JSON.parse(body) as { prompt: string }
  const [seconds = 0, number = 0] = prompt.split(' ').map(Number)
  const id = crypto.randomUUID()
  const job: QueueJob = { number, doneAt: Date.now() + seconds * 1000, listeners: new Set() }
  jobs.set(id, job)
  if (seconds > 0)
    setTimeout(() => {
      job.doneAt = Date.now()
      for (const listener of job.listeners) listener()
    }, seconds * 1000)
  const base = `${origin}/${app}/requests/${id}`
  const urls = { response_url: base, status_url: `${base}/status`, cancel_url: `${base}/cancel` }
  json(response, { request_id: id, status: 'IN_QUEUE', queue_position: 0, ...urls })
}

function statusOf(id: string, { doneAt }: QueueJob): { request_id: string; status: string } {
  return { request_id: id, status: Date.now() >= doneAt ? 'COMPLETED' : 'IN_PROGRESS' }
}

function stream(response: ServerResponse, id: string, job: QueueJob): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const tell = (): void => {
    const status = statusOf(id, job)
    const event = `data: ${JSON.stringify({ ...status, logs: [] })}\n\n`
    if (status.status !== 'COMPLETED') return void response.write(event)
    job.listeners.delete(tell)
    response.end(event)
  }
  job.listeners.add(tell)
  response.once('close', () => job.listeners.delete(tell))
  tell()
}

/** By the numbers that the client gave its jobs. */
function doneTimes(): number[] {
  const times: number[] = []
  for (const { number, doneAt } of jobs.values()) times[number] = doneAt
  return times
}

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const { pathname } = new URL(request.url ?? '/', origin)
  if (pathname === '/books') return json(response, { requests, doneAt: doneTimes() })
  if (pathname === '/forget') {
    requests = 0
    jobs.clear()
    return json(response, {})
  }
  requests++
  if (pathname.startsWith('/file/'))
    return void response.writeHead(200, { 'content-type': 'image/png', 'content-length': file.length }).end(file)
  const [, app = '', id = '', what = ''] = /^\/([^/]+\/[^/]+)\/requests\/([^/]+)(.*)$/.exec(pathname) ?? []
  const job = jobs.get(id)
  if (request.method === 'POST') return accept(response, body, pathname.split('/').slice(1, 3).join('/'))
  if (!job) return json(response, { detail: 'Request not found' }, 404)
  if (what === '/status/stream') return stream(response, id, job)
  if (what === '/status') return json(response, statusOf(id, job), Date.now() >= job.doneAt ? 200 : 202)
  const url = `${origin}/file/${app}/${id}.png`
  json(response, {
    images: [{ url, width: 8, height: 8, content_type: 'image/png' }],
    seed: 1,
    has_nsfw_concepts: [false],
  })
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', 2048, () => {
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.send?.(origin)
})
process.once('disconnect', () => process.exit())
