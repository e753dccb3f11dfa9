/** What the main thread and a worker say to each other. */
import type { Kind } from '@safelight/core'
import type { Style } from './order.ts'

/** One output to draw. */
export interface DrawRequest {
  kind: Kind
  subject: string
  /** Decimal digits. */
  seed: string
  width: number
  height: number
  style: Style
  durationSeconds: number
  /** The picture to start from. */
  input: Uint8Array | null
}

/** A finished output. */
export interface Drawing {
  bytes: Uint8Array
  contentType: 'image/png' | 'image/webp' | 'video/mp4'
}

export type WorkerMessage =
  | { type: 'progress'; fraction: number }
  /** Small pictures of the print as it develops, as data URLs, first to last. */
  | { type: 'previews'; previews: string[] }
  | { type: 'drawn'; drawing: Drawing }
  /** `isInput`: the picture to start from could not be read. */
  | { type: 'failed'; message: string; isInput: boolean }
