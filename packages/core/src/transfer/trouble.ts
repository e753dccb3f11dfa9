/** What goes wrong with a transfer and may pass: whether to try again at once, and when. */
import { SafelightError } from '../errors.ts'

export interface Trouble extends Error {
  /** `line`: the rest may still come; `file`: only from its beginning; `later`: asking again now does not help. */
  again: 'line' | 'file' | 'later'
  retryAfterSeconds?: number
}

const BACKOFF_SECONDS = 0.25
const JITTER_SECONDS = 0.05
/** Longer waits are not for whoever holds a connection, but for the job. */
const WAIT_MAX_SECONDS = 10

export function trouble(
  message: string,
  { again = 'line', seconds, cause }: { again?: Trouble['again']; seconds?: number | undefined; cause?: unknown } = {},
): Trouble {
  const about = { again, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) }
  return Object.assign(new Error(message, { cause }), about)
}

/** Whether the transfer may be tried once more now, whatever failed: the other side, the line, or our own store. */
export function isWorthAnother(error: unknown): boolean {
  if (SafelightError.is(error, 'gone') || SafelightError.is(error, 'unsupported_media')) return false
  if (SafelightError.is(error, 'too_large')) return false
  const { again, retryAfterSeconds = 0 } = error as Partial<Trouble>
  return again !== 'later' && retryAfterSeconds <= WAIT_MAX_SECONDS
}

/** Whether a cut line may be taken up where it was cut. */
export function isWorthResuming(error: unknown): boolean {
  return isWorthAnother(error) && (error as Partial<Trouble>).again !== 'file'
}

/** Asking again does not help; a fresh address may. */
export function isDenied(error: unknown): boolean {
  return (error as Partial<Trouble> | null)?.again === 'later'
}

/** What the other side asked for, where it did. */
export function retryAfterOf(error: unknown): number | undefined {
  return (error as Partial<Trouble>).retryAfterSeconds
}

/** What was asked for and a little more, so that not all come back at once; else anything up to a growing backoff. */
export function pauseSeconds(retry: number, error: unknown): number {
  const seconds = retryAfterOf(error)
  if (seconds !== undefined) return seconds + Math.random() * JITTER_SECONDS
  return Math.random() * BACKOFF_SECONDS * 2 ** retry
}
