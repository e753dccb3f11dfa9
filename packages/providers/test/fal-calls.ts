/** Calls as the engine makes them, for tests of the adapter. */
import type { InputFile, Json, LookCall, Output, Progress, SubmitCall, Token } from '@safelight/core'

export const KEY = 'key-id-sentinel:key-secret-sentinel'

export function tokenOf(secret = KEY): Token {
  return { provider: 'fal', label: 'FAL_KEY', secret, account: 'FAL_KEY', draining: false, maxOpen: null }
}

type Shared = Pick<SubmitCall, 'token' | 'attemptId' | 'fetch' | 'signal'>

export function callWith(fetch: typeof globalThis.fetch, changes: Partial<Shared> = {}): Shared {
  return { token: tokenOf(), attemptId: 'attempt-1', fetch, signal: new AbortController().signal, ...changes }
}

export function submitWith(fetch: typeof globalThis.fetch, changes: Partial<SubmitCall> = {}): SubmitCall {
  const order = { endpoint: 'fal-ai/flux/schnell', body: { prompt: 'a fox' }, files: [], webhookUrl: null }
  return { ...callWith(fetch), ...order, ...changes }
}

export function lookWith(
  fetch: typeof globalThis.fetch,
  operation: Json,
  changes: Partial<Shared> = {},
): LookCall & { tell: () => void } {
  return { ...callWith(fetch), ...changes, operation, tell: () => undefined }
}

/** A picture of so many bytes. */
export function fileOf(bytes: number, contentType = 'image/png'): InputFile {
  const open = async () => new Blob([new Uint8Array(bytes).fill(7)]).stream()
  return { id: `file-${bytes}`, contentType, bytes, open }
}

/** A `fetch` that keeps what was asked, and answers from a list: a response, or a throw. */
export function scriptedFetch(...answers: readonly (Response | Error | ((request: Request) => Response))[]): {
  fetch: typeof globalThis.fetch
  requests: Request[]
} {
  const requests: Request[] = []
  const waiting = [...answers]
  return {
    requests,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      requests.push(request)
      const next = waiting.shift()
      if (next === undefined) throw new Error(`Nobody expected ${request.method} ${request.url}`)
      if (next instanceof Error) throw next
      return typeof next === 'function' ? next(request) : next
    },
  }
}

/** As they are stored; none where the job has not come to its end. */
export function outputsOf(progress: Progress): Output[] {
  return progress.status === 'done' ? (JSON.parse(JSON.stringify(progress.outputs)) as Output[]) : []
}
