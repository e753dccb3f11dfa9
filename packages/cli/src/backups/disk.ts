/** Disks: whose fault it was, what is on it for good, and Ctrl-C while it is written. */
import { open } from 'node:fs/promises'
import { EXIT, PlainError } from '../command.ts'

/**
 * The same stream, whose errors say where: those of a read or a write tell no path. Before anything else hears of them,
 * because a pipeline hands the error of one stream to all.
 */
export function named<Stream extends NodeJS.EventEmitter>(stream: Stream, path: string): Stream {
  return stream.on('error', (error: unknown) => {
    if (isOfDisk(error)) error.path ??= path
  })
}

export function isOfDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
}

/** A new name outlives a loss of power only when its folder is on the disk. Windows has no such call. */
export async function keepNames(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Ctrl-C and SIGTERM abort the signal; the work clears up after itself and the command ends as canceled. */
export async function untilInterrupted<Answer>(work: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const controller = new AbortController()
  const interrupt = (): void => controller.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (controller.signal.aborted) throw new PlainError('Canceled.', EXIT.canceled, { cause: error })
    throw error
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}
