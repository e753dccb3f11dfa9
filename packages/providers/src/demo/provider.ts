/** The provider itself: it answers like a remote queue, and never waits for a picture. */
import { createHash } from 'node:crypto'
import type { Json, LookCall, Output, Provider, SubmitCall, Submitted } from '@safelight/core'
import { readInput } from './input.ts'
import { demoModels } from './models.ts'
import { kindOf, readOrder } from './order.ts'
import type { Order } from './order.ts'
import { createPool } from './pool.ts'
import { progressOf } from './progress.ts'
import { JOB_ID, diskShelf, memoryShelf, readRecord, writeRecord } from './shelf.ts'
import type { Shelf } from './shelf.ts'
import { createWorkshop } from './workshop.ts'
import type { Standing } from './workshop.ts'

export interface DemoOptions {
  /** Where jobs lie, so that they outlive this process; in memory where absent. Servers may share it. */
  directory?: string
  /** Pictures drawn at once; as many as there are processors where absent. */
  maxWorkers?: number
}

export interface DemoProvider extends Provider {
  readonly models: typeof demoModels
  readonly download: NonNullable<Provider['download']>
  readonly cancel: NonNullable<Provider['cancel']>
}

/** All that is needed to go on with a job, even to make it anew on another machine. */
interface Operation {
  id: string
  endpoint: string
  body: Json
  /** Milliseconds since 1970. */
  acceptedAt: number
}

/** A day after it was begun a job is forgotten. */
const KEEP_SECONDS = 86_400
const SWEEP_EVERY_MS = 3_600_000

/** A provider that makes real files on this machine, the same for the same prompt and seed. */
export function demo(options: DemoOptions = {}): DemoProvider {
  const shelf = options.directory === undefined ? memoryShelf() : diskShelf(options.directory)
  const workshop = createWorkshop(shelf, createPool(options.maxWorkers))
  const sweep = sweeper(shelf)

  return {
    id: 'demo',
    models: demoModels,
    recovery: 'idempotent',
    requestTimeoutSeconds: 15,
    keyless: true,
    reissuesOutputs: true,

    async submit(call) {
      const order = orderIn(call)
      if ('status' in order) return order
      sweep()
      const id = jobIdOf(call.attemptId)
      const operation = (await readRecord<Operation>(shelf, id, 'order')) ?? (await accept(shelf, id, call, order))
      if ('status' in operation) return operation
      if (order.directives.fate === 'done') await workshop.stand(id, order)
      return { status: 'running', operation: { ...operation } }
    },

    async look(call) {
      const { operation, order } = readOperation(call)
      const standing = await standingOf(operation, order)
      return progressOf(order, operation, standing)
    },

    async cancel(call) {
      const { operation, order } = readOperation(call)
      const { status } = progressOf(order, operation, await standingOf(operation, order))
      // what has ended has ended
      if (status === 'running') await workshop.cancel(operation.id)
    },

    download: ({ output }) => open(shelf, output),
  }

  async function standingOf(operation: Operation, order: Order): Promise<Standing> {
    if (order.directives.fate === 'done') return workshop.stand(operation.id, order)
    // what fails or hangs by order needs nobody to work on it
    if (await shelf.read(operation.id, 'canceled.json')) return { status: 'canceled' }
    return { status: 'making', startedAt: operation.acceptedAt, fraction: 1, previews: [] }
  }
}

function refusal(kind: 'invalid_input' | 'model_unavailable', message: string): Submitted & { status: 'refused' } {
  const scope = kind === 'invalid_input' ? 'request' : 'model'
  return { status: 'refused', kind, scope, message, paid: 'no' }
}

function orderIn(call: SubmitCall): Order | (Submitted & { status: 'refused' }) {
  call.signal.throwIfAborted()
  const kind = kindOf(call.endpoint)
  if (!kind) return refusal('model_unavailable', `The demo provider has no endpoint ${call.endpoint}.`)
  const order = readOrder(kind, call.body)
  if (typeof order === 'string') return refusal('invalid_input', order)
  if (order.directives.isRefused) return refusal('invalid_input', 'The demo provider refused this, as #refuse asked.')
  if (kind === 'edit' && call.files.length === 0) return refusal('invalid_input', 'There is no picture to change.')
  return order
}

/** Writes the job down, the picture to start from first: the record of the order is what makes it accepted. */
async function accept(
  shelf: Shelf,
  id: string,
  call: SubmitCall,
  order: Order,
): Promise<Operation | (Submitted & { status: 'refused' })> {
  const [file] = call.files
  if (file && order.kind !== 'image') {
    const input = await readInput(file, call.signal)
    if (typeof input === 'string') return refusal('invalid_input', input)
    await shelf.write(id, 'input', input)
  }
  call.signal.throwIfAborted()
  const operation: Operation = { id, endpoint: call.endpoint, body: call.body, acceptedAt: Date.now() }
  await writeRecord(shelf, id, 'order', operation)
  return operation
}

/** The same attempt is the same job. */
function jobIdOf(attemptId: string): string {
  return createHash('sha256').update(`demo ${attemptId}`).digest('hex').slice(0, 32)
}

function readOperation(call: LookCall): { operation: Operation; order: Order } {
  call.signal.throwIfAborted()
  const { id, endpoint, body, acceptedAt } = (call.operation ?? {}) as Record<string, Json | undefined>
  const isOurs =
    typeof id === 'string' && JOB_ID.test(id) && typeof endpoint === 'string' && typeof acceptedAt === 'number'
  const kind = isOurs ? kindOf(endpoint) : null
  const order = kind && body !== undefined ? readOrder(kind, body) : null
  if (!isOurs || body === undefined || order === null || typeof order === 'string') {
    throw new Error('This is no operation of the demo provider.')
  }
  return { operation: { id, endpoint, body, acceptedAt }, order }
}

async function open(shelf: Shelf, output: Output): Promise<ReadableStream<Uint8Array>> {
  const [, id, index] = /^demo:([0-9a-f]{32})\/([0-3])$/.exec(output.url ?? '') ?? []
  const bytes = id && index ? await shelf.read(id, index) : null
  if (!bytes) throw new Error('There is no such output any more.')
  return new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
}

/** Forgets old jobs, at the first submit and then at most once an hour. */
function sweeper(shelf: Shelf): () => void {
  let sweptAt = 0
  return () => {
    if (Date.now() - sweptAt < SWEEP_EVERY_MS) return
    sweptAt = Date.now()
    // what could not be swept now is swept next time
    shelf.sweep(KEEP_SECONDS).catch(() => undefined)
  }
}
