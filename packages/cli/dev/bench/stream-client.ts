/**
 * Fetches clips into a directory, in one of several ways, in a process of its own: arguments are the way, the server's
 * origin, the size, how many at once, and the directory. Tells the parent what it took.
 */
import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createStudio, defineModel, type Provider } from '@safelight/core'
import { nodeTransport } from '@safelight/core/node'
import { files } from '@safelight/media/files'

export interface Taken {
  peakMebibytes: number
  wallMilliseconds: number
  cpuMilliseconds: number
}

const [way = '', origin = '', size = '', count = '', directory = ''] = process.argv.slice(2)
const SMALL_BYTES = 1_000_000
const MEBIBYTE = 1_048_576

type Fetch = (bytes: number, name: string) => Promise<void>

/** What people write by hand. */
const pipelined: Fetch = async (bytes, name) => {
  const { body } = await fetch(`${origin}/${bytes}/${name}`)
  await pipeline(Readable.fromWeb(body as never), createWriteStream(join(directory, name)))
}

/** The least that has to be done; nothing is checked, hashed, flushed or looked at. */
const looped: Fetch = async (bytes, name) => {
  const { body } = await fetch(`${origin}/${bytes}/${name}`)
  const file = await open(join(directory, name), 'w')
  for await (const chunk of body ?? []) await file.write(chunk)
  await file.close()
}

function throughStudio(): Fetch {
  const provider: Provider = {
    id: 'bench',
    keyless: true,
    recovery: 'atMostOnce',
    requestTimeoutSeconds: 30,
    submit: async ({ body }) => ({
      status: 'done',
      outputs: [{ url: `${origin}/${(body as { prompt: string }).prompt}` }],
    }),
    look: () => Promise.reject(new Error('There is nothing to look at')),
  }
  const model = defineModel({
    id: 'clip',
    name: 'Clip',
    kind: 'video',
    description: '',
    sizes: { landscape: { width: 1280, height: 720 } },
    durations: [5],
    timeoutSeconds: 600,
    routes: [{ provider: 'bench', endpoint: 'clip', body: ({ prompt }) => ({ prompt }) }],
  })
  const transport = nodeTransport({ allowedOrigins: [origin] })
  const studio = createStudio({ providers: [provider], models: [model], media: files(directory), transport })
  return async (bytes, name) => {
    const { media } = await studio.generate({
      model: 'clip',
      input: { prompt: `${bytes}/${name}`, duration: 5, size: 'landscape' },
    })
    if (media[0].bytes !== bytes) throw new Error('The clip is not whole')
  }
}

const ways: Record<string, () => Fetch> = { pipeline: () => pipelined, loop: () => looped, safelight: throughStudio }
const take = ways[way]!()
// Everything is loaded and compiled before the first look at the memory.
await take(SMALL_BYTES, 'small')
const base = process.memoryUsage.rss()
let peak = base
const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 2)
const cpu = process.cpuUsage()
const begun = performance.now()
await Promise.all(Array.from({ length: Number(count) }, (_, index) => take(Number(size), `clip-${index}`)))
const wallMilliseconds = performance.now() - begun
const { user, system } = process.cpuUsage(cpu)
clearInterval(watching)
peak = Math.max(peak, process.memoryUsage.rss())
const taken: Taken = {
  peakMebibytes: (peak - base) / MEBIBYTE,
  wallMilliseconds,
  cpuMilliseconds: (user + system) / 1000,
}
process.send?.(taken, () => process.exit())
