/** From a provider's outputs to files of ours. Names are `<job>/<attempt>/<index>`: writing twice is writing once. */
import pRetry from 'p-retry'
import { fromBase64 } from './adapter/files.ts'
import type { FreshOutput, Job, Kind, Output, StoredFile } from './contracts.ts'
import { download } from './download.ts'
import { SafelightError } from './errors.ts'
import type { Parts } from './parts.ts'
import { callProvider } from './provider-calls.ts'
import { sleep } from './sleep.ts'
import { streamOf } from './streams.ts'
import { isDenied, isWorthAnother, pauseSeconds, retryAfterOf } from './transfer/trouble.ts'

export const OUTPUT_MAX_BYTES = 512 * 1024 * 1024
const TRANSFER_TIMEOUT_SECONDS = 600
/** Where a provider does not say how long it keeps an output. */
const OUTPUT_LIFETIME_SECONDS = 3600

/**
 * What became of one output: a file of ours; trouble that may pass, and when where somebody said so; nothing that anyone
 * could show; or bytes that came once and were not kept.
 */
export type Copied =
  | { status: 'stored'; index: number; file: StoredFile }
  | { status: 'trouble'; retryAfterSeconds?: number }
  /** The address is not open to us: it has expired, or leads where nobody may go. */
  | { status: 'denied' }
  | { status: 'unusable' }
  | { status: 'lost' }

export function prefixOf(job: Job): string {
  return `${job.id}/${job.attempt?.id}/`
}

/** Outputs of the current attempt that are ours already. */
export async function inOurStore(parts: Parts, job: Job): Promise<Output[]> {
  return (await parts.media.find(prefixOf(job))).map(({ key, contentType }) => ({ key, contentType }))
}

/** Gives every output the time until which copying it is worth trying. */
export function withExpiry(outputs: readonly Output[], now: number): Output[] {
  return outputs.map(output => ({ ...output, expiresAt: output.expiresAt ?? now + OUTPUT_LIFETIME_SECONDS * 1000 }))
}

/**
 * A synchronous provider's bytes go to our store before the job moves: after a crash they are found there. Bytes that
 * could not be kept cannot be had again; the others are delivered all the same. `lost` where the store took none.
 */
export async function keepBytes(parts: Parts, job: Job, outputs: readonly FreshOutput[]): Promise<Output[] | 'lost'> {
  let failures = 0
  const kept = await Promise.all(
    outputs.map(async (output, index): Promise<Output> => {
      const { inline, ...rest } = taken(output)
      if (inline === undefined || rest.flagged) return rest
      const key = `${prefixOf(job)}${index}`
      try {
        const bytes = typeof inline === 'string' ? decoded(inline) : inline
        await parts.transfers(() => parts.media.save(key, streamOf(bytes), { maxBytes: OUTPUT_MAX_BYTES }))
        return { ...rest, key }
      } catch (error) {
        parts.trouble(error, { jobId: job.id, doing: 'keeping the bytes of an answer' })
        if (!isUnusable(error)) failures++
        return rest
      }
    }),
  )
  const isAnyLeft = kept.some(({ key, url, flagged }) => !flagged && (key ?? url) !== undefined)
  return failures > 0 && !isAnyLeft ? 'lost' : kept
}

/** What came along, apart from the rest. A `data:` address is bytes that are here already, and never goes into a row. */
function taken(output: FreshOutput): Output & { inline?: ReadableStream<Uint8Array> | Uint8Array | string } {
  if ('bytes' in output) {
    const { bytes: inline, ...rest } = output
    return { ...rest, inline }
  }
  const { url, ...rest } = output
  if (!url?.startsWith('data:')) return output
  return { ...rest, inline: url.slice(url.indexOf(',') + 1) }
}

function decoded(base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new SafelightError('unsupported_media', 'The bytes in the address are no base64.', {}, { cause })
  }
}

/** Copies what is not ours yet. Never throws: trouble is an answer. */
export async function copyOutputs(parts: Parts, job: Job): Promise<Copied[]> {
  const kept = new Map((await parts.media.find(prefixOf(job))).map(file => [file.key, file]))
  const wanted = (job.outputs ?? []).slice(0, job.count).map((output, position) => ({ output, position }))
  return Promise.all(
    wanted
      .filter(({ output }) => !output.flagged)
      .map(async ({ output, position }) => {
        const key = output.key ?? `${prefixOf(job)}${position}`
        const file = kept.get(key)
        if (file) return judged(job.kind, file)
        if (output.url === undefined) return { status: 'lost' } as const
        return parts.transfers(() => copy(parts, job, output, key))
      }),
  )
}

async function copy(parts: Parts, job: Job, output: Output, key: string): Promise<Copied> {
  const about = { action: 'download', timeoutSeconds: TRANSFER_TIMEOUT_SECONDS } as const
  try {
    const file = await patiently(parts.transferRetries, () =>
      callProvider(parts, job, job.attempt!, about, async (provider, call) => {
        const { signal } = call
        const source = await (provider.download?.({ ...call, output }) ??
          download(parts.transport.outputs, { url: output.url!, signal, maxBytes: OUTPUT_MAX_BYTES }))
        return parts.media.save(key, source, { maxBytes: OUTPUT_MAX_BYTES, signal })
      }),
    )
    return judged(job.kind, file)
  } catch (error) {
    parts.trouble(error, { jobId: job.id, doing: 'copying an output' })
    if (isUnusable(error)) return { status: 'unusable' }
    if (isDenied(error)) return { status: 'denied' }
    const retryAfterSeconds = retryAfterOf(error)
    return { status: 'trouble', ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) }
  }
}

/** p-retry knows nothing of `Retry-After`: the pauses are ours, the counting is its. */
function patiently<Result>(retries: number, run: () => Promise<Result>): Promise<Result> {
  return pRetry(run, {
    retries,
    minTimeout: 0,
    shouldRetry: ({ error }) => isWorthAnother(error),
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      if (retriesLeft > 0 && isWorthAnother(error)) await sleep(pauseSeconds(attemptNumber, error))
    },
  })
}

/** The right kind of file under the right name, or nothing to show. */
function judged(kind: Kind, file: StoredFile): Copied {
  const isVideo = file.contentType.startsWith('video/')
  if (isVideo !== (kind === 'video')) return { status: 'unusable' }
  return { status: 'stored', index: indexOf(file), file }
}

/** Which of the job's outputs a file is: the last word of its key. */
export function indexOf({ key }: StoredFile): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}

function isUnusable(error: unknown): boolean {
  return (
    SafelightError.is(error, 'gone') ||
    SafelightError.is(error, 'unsupported_media') ||
    SafelightError.is(error, 'too_large')
  )
}
