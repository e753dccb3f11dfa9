/** Replicate's adapter over its simulator, for the tests of this folder. */
import type { InputFile, Json, LookCall, Progress, SubmitCall, Submitted, Token } from '@safelight/core'
import { createWorld, serveSimulators, simulatedFetch, type World } from '../testing/kit/index.ts'
import { replicate, type ReplicateOptions } from './index.ts'
import { replicateSimulator } from './simulator.ts'

const closers: (() => Promise<void>)[] = []

/** Closes what `setup` has served. */
export async function shut(): Promise<void> {
  for (const close of closers.splice(0)) await close()
}

export const ENDPOINT = 'black-forest-labs/flux-schnell'
export const token: Token = {
  provider: 'replicate',
  label: 'one',
  secret: 'r8_secret_of_one',
  account: 'one',
  draining: false,
  maxOpen: null,
}

interface Setup {
  world: World
  provider: ReturnType<typeof replicate>
  submit(change?: Partial<SubmitCall>): Promise<Submitted>
  look(operation: Json): Promise<Progress>
  call(operation: Json): LookCall
}

export async function setup({
  isServed = false,
  seconds = 0,
  ...options
}: ReplicateOptions & { isServed?: boolean; seconds?: number } = {}): Promise<Setup> {
  const world = createWorld({ simulators: [replicateSimulator], seconds })
  const served = isServed ? await serveSimulators(world) : null
  if (served) closers.push(served.close)
  const baseUrl = served?.baseUrls['REPLICATE_BASE_URL']
  const provider = replicate({ ...(baseUrl ? { baseUrl } : {}), ...options })
  const common = {
    token,
    attemptId: 'attempt-1',
    fetch: served ? globalThis.fetch : simulatedFetch(world),
    signal: new AbortController().signal,
  }
  const call = (operation: Json): LookCall => ({ ...common, operation })
  return {
    world,
    provider,
    call,
    submit: change =>
      provider.submit({ ...common, endpoint: ENDPOINT, body: bodyOf(), files: [], webhookUrl: null, ...change }),
    look: operation => provider.look(call(operation)),
  }
}

function bodyOf(prompt = 'a fox'): Json {
  return { input: { prompt, num_outputs: 2, output_format: 'png', aspect_ratio: '16:9' } }
}

export function fileOf(bytes: number): InputFile {
  const content = new Uint8Array(bytes).fill(7)
  return { id: 'f', contentType: 'image/png', bytes, open: async () => new Blob([content]).stream() }
}

/** The operation of a submit that was taken. */
export function operationIn(submitted: Submitted): Json {
  if (submitted.status !== 'running') throw new Error(`Not running: ${JSON.stringify(submitted)}`)
  return submitted.operation
}

export async function until(look: () => Promise<Progress>): Promise<Progress> {
  let progress = await look()
  while (progress.status === 'running') progress = await look()
  return progress
}
