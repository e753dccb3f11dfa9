/**
 * Makes jobs with one client, in a process of its own: arguments are the client, the server's origin, how many jobs, how
 * many at once and how many seconds each takes there. Every job ends with the bytes of its picture in memory.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { createStudio, type Token } from '@safelight/core'
import { nodeTransport } from '@safelight/core/node'
import { fal } from '@safelight/providers/fal'

export interface Spent {
  cpuMilliseconds: number
  wallMilliseconds: number
  peakMebibytes: number
  /** When each job came back, in milliseconds since 1970. */
  returnedAt: number[]
}

const [name = '', origin = '', count = '', concurrency = '', seconds = ''] = process.argv.slice(2)
const TOKEN: Token = {
  provider: 'fal',
  label: 'FAL_KEY',
  secret: 'key',
  account: 'FAL_KEY',
  draining: false,
  maxOpen: 10_000,
  perMinute: 1_000_000,
}
const WARM_UP_JOBS = 2000
type Client = (prompt: string) => Promise<Uint8Array>

function safelight(): Client {
  const studio = createStudio({
    providers: [fal({ queueUrl: origin, restUrl: origin, runUrl: origin })],
    tokens: [TOKEN],
    transport: nodeTransport({ allowedOrigins: [origin] }),
    onTrouble: error => console.error(error),
  })
  return async prompt => {
    const { media } = await studio.generate({ model: 'flux-schnell', input: { prompt } })
    const bytes = await media[0].read()
    // The others keep nothing either.
    await studio.media.delete(media[0].key)
    return bytes
  }
}

/** The adapter and the transport alone: what the engine around them costs is the difference. */
function adapter(): Client {
  const transport = nodeTransport({ allowedOrigins: [origin] })
  const provider = fal({ queueUrl: origin, restUrl: origin, runUrl: origin })
  const { signal } = new AbortController()
  return async prompt => {
    const call = { token: TOKEN, attemptId: 'attempt', fetch: transport.api('fal'), signal }
    const body = { prompt, image_size: 'square_hd', num_images: 1 }
    const submitted = await provider.submit({
      ...call,
      endpoint: 'fal-ai/flux/schnell',
      body,
      files: [],
      webhookUrl: null,
    })
    if (submitted.status !== 'running') throw new Error(`The submit was ${submitted.status}`)
    const progress = await provider.follow({ ...call, operation: submitted.operation, tell: () => undefined })
    if (progress.status !== 'done') throw new Error(`The job was ${progress.status}`)
    const [output] = progress.outputs
    const url = output && 'url' in output ? (output.url ?? '') : ''
    return (await transport.outputs(url)).bytes()
  }
}

/** As much of `@fal-ai/client` as is used here. */
interface OfficialModule {
  createFalClient(options: { credentials: string; fetch: typeof fetch }): {
    subscribe(
      endpoint: string,
      options: { input: { prompt: string }; mode: 'polling' | 'streaming' },
    ): Promise<{ data: { images: { url: string }[] } }>
  }
}
/** As much of undici. */
interface HandModule {
  Agent: new (options: { connections: number }) => object
  request(
    url: string,
    options: { dispatcher: object; headers: Record<string, string>; method?: string; body?: string },
  ): Promise<{ body: { json(): Promise<unknown>; bytes(): Promise<Uint8Array> } }>
}

/** What only that package depends on. */
async function ofProviders<Module>(specifier: string): Promise<Module> {
  const { resolve } = createRequire(new URL('../../../providers/package.json', import.meta.url))
  return (await import(pathToFileURL(resolve(specifier)).href)) as Module
}

/** The least that the queue asks for: four requests, and nothing is checked. */
async function byHand(): Promise<Client> {
  const { Agent, request } = await ofProviders<HandModule>('undici')
  const agent = new Agent({ connections: 128 })
  const headers = { authorization: 'Key key', 'content-type': 'application/json' }
  const get = async (url: string) => (await request(url, { dispatcher: agent, headers })).body
  return async prompt => {
    const options = { dispatcher: agent, method: 'POST', headers, body: JSON.stringify({ prompt }) } as const
    const { body } = await request(`${origin}/fal-ai/flux/schnell`, options)
    const { status_url: status, response_url: result } = (await body.json()) as Record<string, string>
    await (await get(status ?? '')).json()
    const { images } = (await (await get(result ?? '')).json()) as { images: { url: string }[] }
    return (await get(images[0]?.url ?? '')).bytes()
  }
}

/** Its only hook is `fetch`, which puts the server's origin for fal's. */
async function official(mode: 'polling' | 'streaming'): Promise<Client> {
  const module = await ofProviders<OfficialModule>('@fal-ai/client')
  const there: typeof fetch = (input, init) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input)
    return fetch(origin + pathname + search, init)
  }
  const client = module.createFalClient({ credentials: 'key', fetch: there })
  return async prompt => {
    const { data } = await client.subscribe('fal-ai/flux/schnell', { input: { prompt }, mode })
    return new Uint8Array(await (await fetch(data.images[0]?.url ?? '')).arrayBuffer())
  }
}

const clients: Record<string, () => Client | Promise<Client>> = {
  safelight,
  adapter,
  byHand,
  polling: () => official('polling'),
  streaming: () => official('streaming'),
}
const client = await clients[name]!()

async function make(jobs: number, jobSeconds: number): Promise<number[]> {
  const returnedAt: number[] = []
  let next = 0
  const one = async (): Promise<void> => {
    while (next < jobs) {
      const number = next++
      const bytes = await client(`${jobSeconds} ${number}`)
      if (bytes.length !== 65_536) throw new Error('The picture is not whole')
      returnedAt[number] = Date.now()
    }
  }
  await Promise.all(Array.from({ length: Number(concurrency) }, one))
  return returnedAt
}

// Compiling is a matter of the first seconds, not of a job.
await make(WARM_UP_JOBS, 0)
await fetch(`${origin}/forget`)
const before = process.memoryUsage.rss()
let peak = before
const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50)
const cpu = process.cpuUsage()
const begun = performance.now()
const returnedAt = await make(Number(count), Number(seconds))
const wallMilliseconds = performance.now() - begun
const { user, system } = process.cpuUsage(cpu)
clearInterval(watching)
const spent: Spent = {
  cpuMilliseconds: (user + system) / 1000,
  wallMilliseconds,
  peakMebibytes: peak / 1_048_576,
  returnedAt,
}
process.send?.(spent, () => process.exit())
