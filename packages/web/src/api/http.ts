/** One way to speak to the server: JSON in, JSON out, every refusal a `Problem`, every broken connection an `Unreachable`. */
import type { ProblemBody } from './types.ts'

/** The server answered, and said no. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly body: ProblemBody

  constructor(body: ProblemBody) {
    super(body.detail)
    this.status = body.status
    this.code = body.code
    this.body = body
  }
}

/** Nobody answered in time: the request may or may not have arrived. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  json?: unknown
  form?: FormData
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  timeoutSeconds?: number
}

const DEFAULT_TIMEOUT_SECONDS = 20

/** Asks and reads a JSON answer (`undefined` for an empty one). Throws `Problem`, `Unreachable`, or the abort of `signal`. */
export async function ask<Answer>(path: string, call: Call = {}): Promise<Answer> {
  const response = await send(path, call)
  const body = await read(response, call.signal)
  if (response.ok) return body as Answer
  throw new Problem(asProblem(response, body))
}

async function send(path: string, call: Call): Promise<Response> {
  const deadline = AbortSignal.timeout((call.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000)
  const headers: Record<string, string> = { accept: 'application/json', ...call.headers }
  if (call.json !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(path, {
      method: call.method ?? 'GET',
      headers,
      body: call.json === undefined ? (call.form ?? null) : JSON.stringify(call.json),
      credentials: 'same-origin',
      signal: call.signal ? AbortSignal.any([call.signal, deadline]) : deadline,
    })
  } catch (error) {
    throw broken(error, call.signal)
  }
}

async function read(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  let text: string
  try {
    text = await response.text()
  } catch (error) {
    throw broken(error, signal)
  }
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    // A proxy's page of HTML, say. For an answer that promised JSON this is as good as no answer.
    if (response.ok) throw new Unreachable('The answer was not JSON.')
    return undefined
  }
}

function broken(error: unknown, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return error as Error
  return new Unreachable('The server did not answer.', { cause: error })
}

function asProblem(response: Response, body: unknown): ProblemBody {
  const given = typeof body === 'object' && body !== null ? (body as Partial<ProblemBody>) : {}
  const after = given.retryAfterSeconds ?? Number(response.headers.get('retry-after') ?? Number.NaN)
  return {
    ...given,
    status: response.status,
    code: given.code ?? 'internal',
    title: given.title ?? response.statusText,
    detail: given.detail ?? '',
    ...(Number.isFinite(after) ? { retryAfterSeconds: after } : {}),
  }
}
