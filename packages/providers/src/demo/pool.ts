/** Workers that draw: as many as there are processors, made when needed, gone when idle. The main thread never draws. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { DrawRequest, Drawing, WorkerMessage } from './messages.ts'

/** One drawing that was asked for. */
export interface Task {
  readonly result: Promise<Drawing>
  /** How many are before it, and itself: 1 is next; null once it is being drawn. */
  position(): number | null
  /** Stops the work at once; `result` rejects with `TaskCanceled`. */
  cancel(): void
}

export interface TaskEvents {
  onStart(): void
  onProgress(fraction: number): void
  onPreviews(previews: string[]): void
}

export interface Pool {
  draw(request: DrawRequest, events: TaskEvents): Task
}

export class TaskCanceled extends Error {
  override readonly name = 'TaskCanceled'
}
/** The same would happen again: `isInput` says that the picture to start from cannot be read. */
export class DrawingFailed extends Error {
  override readonly name = 'DrawingFailed'
  readonly isInput: boolean

  constructor(message: string, isInput: boolean) {
    super(message)
    this.isInput = isInput
  }
}

interface Entry {
  request: DrawRequest
  events: TaskEvents
  settle: { resolve(drawing: Drawing): void; reject(error: Error): void }
  worker: Worker | null
}

interface PoolState {
  waiting: Entry[]
  /** Every living worker and what it is drawing. */
  busy: Map<Worker, Entry | null>
  idleTimers: Map<Worker, NodeJS.Timeout>
}

const IDLE_MS = 5_000
const source = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'

/** A pool of at most `size` workers. Those that draw keep the process alive, those that wait do not. */
export function createPool(size: number = availableParallelism()): Pool {
  const state: PoolState = { waiting: [], busy: new Map(), idleTimers: new Map() }
  return {
    draw(request, events) {
      const { promise, resolve, reject } = Promise.withResolvers<Drawing>()
      const entry: Entry = { request, events, settle: { resolve, reject }, worker: null }
      state.waiting.push(entry)
      assign(state, size)
      return {
        result: promise,
        position() {
          const index = state.waiting.indexOf(entry)
          return index === -1 ? null : index + 1
        },
        cancel: () => cancel(state, entry, size),
      }
    },
  }
}

/** Gives waiting work to idle workers, and hires while there is room. */
function assign(state: PoolState, size: number): void {
  while (state.waiting.length > 0) {
    const worker = idleWorker(state) ?? (state.busy.size < size ? hire(state, size) : null)
    if (!worker) return
    const entry = state.waiting.shift()
    if (!entry) return
    clearTimeout(state.idleTimers.get(worker))
    state.busy.set(worker, entry)
    entry.worker = worker
    worker.ref()
    worker.postMessage(entry.request, [])
    entry.events.onStart()
  }
}

function idleWorker(state: PoolState): Worker | null {
  for (const [worker, entry] of state.busy) if (entry === null) return worker
  return null
}

function hire(state: PoolState, size: number): Worker {
  // flags of the parent, such as a test runner's loaders, are not for a worker that imports only its own files
  const worker = new Worker(new URL(source, import.meta.url), { execArgv: [], name: 'safelight-demo' })
  state.busy.set(worker, null)
  worker.on('message', (message: WorkerMessage) => hear(state, worker, message, size))
  worker.on('error', error => lose(state, worker, error instanceof Error ? error : new Error(String(error)), size))
  worker.on('exit', code => lose(state, worker, new Error(`The worker ended with code ${code}.`), size))
  return worker
}

function hear(state: PoolState, worker: Worker, message: WorkerMessage, size: number): void {
  const entry = state.busy.get(worker)
  if (!entry) return
  switch (message.type) {
    case 'progress':
      return entry.events.onProgress(message.fraction)
    case 'previews':
      return entry.events.onPreviews(message.previews)
    case 'drawn':
      entry.settle.resolve(message.drawing)
      break
    case 'failed':
      entry.settle.reject(new DrawingFailed(message.message, message.isInput))
      break
  }
  rest(state, worker)
  assign(state, size)
}

function rest(state: PoolState, worker: Worker): void {
  state.busy.set(worker, null)
  worker.unref()
  const timer = setTimeout(() => {
    state.busy.delete(worker)
    state.idleTimers.delete(worker)
    void worker.terminate()
  }, IDLE_MS)
  timer.unref()
  state.idleTimers.set(worker, timer)
}

/** A worker that ended by itself: its work is lost, the next in line gets a new one. */
function lose(state: PoolState, worker: Worker, error: Error, size: number): void {
  const entry = state.busy.get(worker)
  clearTimeout(state.idleTimers.get(worker))
  state.idleTimers.delete(worker)
  state.busy.delete(worker)
  entry?.settle.reject(error)
  assign(state, size)
}

function cancel(state: PoolState, entry: Entry, size: number): void {
  const index = state.waiting.indexOf(entry)
  if (index !== -1) state.waiting.splice(index, 1)
  const worker = entry.worker
  if (worker && state.busy.get(worker) === entry) {
    state.busy.delete(worker)
    void worker.terminate()
  }
  entry.settle.reject(new TaskCanceled('The drawing was cancelled.'))
  assign(state, size)
}
