/** The thread that draws and encodes, one output at a time. */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { InputError, draw } from './drawing/draw.ts'
import type { DrawRequest, WorkerMessage } from './messages.ts'

// On Linux this touches this thread alone: whoever serves requests on the same processors goes first.
if (process.platform === 'linux') stepBack()

function stepBack(): void {
  try {
    setPriority(0, 10)
  } catch (error) {
    // some sandboxes forbid it; then the drawing is as important as everything else
    if (!(error instanceof Error && 'code' in error)) throw error
  }
}

function say(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer)
}

async function work(request: DrawRequest): Promise<void> {
  try {
    const drawing = await draw(request, {
      progress: fraction => say({ type: 'progress', fraction }),
      previews: previews => say({ type: 'previews', previews }),
    })
    say({ type: 'drawn', drawing }, [drawing.bytes.buffer as ArrayBuffer])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    say({ type: 'failed', message, isInput: error instanceof InputError })
  }
}

parentPort?.on('message', (request: DrawRequest) => void work(request))
