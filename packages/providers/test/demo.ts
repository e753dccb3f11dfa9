/** Talks to the demo provider as the engine does. */
import { setTimeout } from 'node:timers/promises'
import type { InputFile, Json, Output, Progress, ProviderCall, SubmitCall, Submitted } from '@safelight/core'
import type { DemoProvider } from '@safelight/providers/demo'
import sharp from 'sharp'

const token = { provider: 'demo', label: 'demo', secret: '', account: 'demo', draining: false, maxOpen: null }

export function call(attemptId: string, signal: AbortSignal = new AbortController().signal): ProviderCall {
  return { token, attemptId, fetch: globalThis.fetch, signal }
}

export interface Wish {
  attemptId?: string
  endpoint?: string
  files?: InputFile[]
  body?: { [key: string]: Json }
}

/** A small square picture of seed 7, unless wished otherwise. */
export function submission({
  attemptId = crypto.randomUUID(),
  endpoint = 'demo/image',
  files = [],
  body,
}: Wish): SubmitCall {
  const small = { prompt: 'a lake', seed: '7', count: 1, width: 96, height: 96 }
  return { ...call(attemptId), endpoint, files, webhookUrl: null, body: { ...small, ...body } }
}

/** Submits what has to be accepted, and answers its operation. */
export async function accepted(provider: DemoProvider, wish: Wish): Promise<Json> {
  const submitted: Submitted = await provider.submit(submission(wish))
  if (submitted.status !== 'running') throw new Error(`It was ${submitted.status}: ${JSON.stringify(submitted)}`)
  return submitted.operation
}

export const look = (provider: DemoProvider, operation: Json): Promise<Progress> =>
  provider.look({ ...call('look'), operation })

export interface Finished {
  last: Exclude<Progress, { status: 'running' }>
  seen: Extract<Progress, { status: 'running' }>[]
}

/** Looks until it has ended; the test's own timeout is the limit. */
export async function finished(provider: DemoProvider, operation: Json): Promise<Finished> {
  const seen: Finished['seen'] = []
  for (;;) {
    const progress = await look(provider, operation)
    if (progress.status !== 'running') return { last: progress, seen }
    seen.push(progress)
    await setTimeout(20)
  }
}

export async function bytesOf(provider: DemoProvider, output: Output): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of await provider.download({ ...call('download'), output })) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

/** The bytes of everything a job makes. */
export async function made(provider: DemoProvider, wish: Wish): Promise<Uint8Array[]> {
  const { last } = await finished(provider, await accepted(provider, wish))
  if (last.status !== 'done') throw new Error(`It ${last.status}: ${last.message}`)
  return Promise.all(last.outputs.map(output => bytesOf(provider, output)))
}

export function inputFile(bytes: Uint8Array, contentType = 'image/png'): InputFile {
  const open = async (): Promise<ReadableStream<Uint8Array>> => new Blob([bytes as BlobPart]).stream()
  return { id: crypto.randomUUID(), contentType, bytes: bytes.length, open }
}

/** How bright 24 by 24 places of a picture are. */
export async function brightness(bytes: Uint8Array): Promise<number[]> {
  return [...(await sharp(bytes).resize(24, 24, { fit: 'fill' }).greyscale().raw().toBuffer())]
}

/** From -1 to 1; 1 where two pictures are bright and dark in the same places. */
export function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanA, meanB] = [mean(a), mean(b)]
  const products = mean(a.map((value, index) => (value - meanA) * ((b[index] ?? 0) - meanB)))
  const deviation = (values: readonly number[], middle: number): number =>
    Math.sqrt(mean(values.map(value => (value - middle) ** 2)))
  return products / (deviation(a, meanA) * deviation(b, meanB))
}

/** The mean difference of two pictures of one size, as a part of full white. */
export async function difference(a: Uint8Array, b: Uint8Array): Promise<number> {
  const [first, second] = await Promise.all([a, b].map(bytes => sharp(bytes).removeAlpha().raw().toBuffer()))
  if (!first || !second || first.length !== second.length) return 1
  let sum = 0
  for (let index = 0; index < first.length; index += 1) sum += Math.abs((first[index] ?? 0) - (second[index] ?? 0))
  return sum / first.length / 255
}
