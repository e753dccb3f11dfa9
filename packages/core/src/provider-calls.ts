/** One call to a provider: with its token, within a time, and noted in the journal. */
import type { CurrentAttempt, Job, Provider, ProviderCall, ProviderCallRecord } from './contracts.ts'
import type { Parts } from './parts.ts'

/** Looks and cancels answer within this or count as failed. */
export const CALL_TIMEOUT_SECONDS = 20

interface About {
  action: ProviderCallRecord['action']
  timeoutSeconds: number
  /** Ends the call early. */
  signal?: AbortSignal
}

/** Throws what the provider threw, or that it did not answer in time; either way nothing was said about the job. */
export async function callProvider<Answer>(
  parts: Parts,
  job: Job,
  attempt: CurrentAttempt,
  { action, timeoutSeconds, signal: earlier }: About,
  run: (provider: Provider, call: ProviderCall) => Promise<Answer>,
): Promise<Answer> {
  const provider = parts.registry.provider(attempt.provider)
  const token = parts.registry.token(attempt.provider, attempt.token)
  if (!provider || !token) throw new Error(`This process has no token "${attempt.token}" of ${attempt.provider}`)
  const { signal, clear } = timeLimit(timeoutSeconds, earlier)
  const startedAt = parts.now()
  const note = (outcome: string) =>
    parts.journal({
      at: startedAt,
      provider: attempt.provider,
      token: attempt.token,
      jobId: job.id,
      attemptId: attempt.id,
      action,
      outcome,
      latencyMs: parts.now() - startedAt,
    })
  try {
    const answer = await before(
      signal,
      run(provider, { token, attemptId: attempt.id, fetch: parts.transport.api(provider.id), signal }),
    )
    note(statusOf(answer))
    return answer
  } catch (error) {
    note(signal.aborted ? 'timed out' : 'threw')
    throw error
  } finally {
    clear()
  }
}

/** Not `AbortSignal.timeout`: its timer lets the process end although somebody waits for the answer. */
function timeLimit(seconds: number, earlier?: AbortSignal): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController()
  const stop = () => controller.abort(earlier?.reason)
  if (earlier?.aborted) stop()
  else earlier?.addEventListener('abort', stop, { once: true })
  // Made when it is needed: an error that nobody sees costs as much as a request.
  const late = () => controller.abort(new DOMException(`No answer in ${seconds} s`, 'TimeoutError'))
  const timer = setTimeout(late, seconds * 1000)
  const clear = () => {
    clearTimeout(timer)
    earlier?.removeEventListener('abort', stop)
  }
  return { signal: controller.signal, clear }
}

/** An adapter that ignores its signal must not hold us. */
function before<Answer>(signal: AbortSignal, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    answer.then(resolve, reject)
  })
}

function statusOf(answer: unknown): string {
  const { status, kind } = (answer ?? {}) as { status?: string; kind?: string }
  return status === undefined ? 'ok' : kind === undefined ? status : `${status}: ${kind}`
}
