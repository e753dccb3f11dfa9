/** One request to a provider, and its whole answer: never repeated, never redirected, never larger than allowed. */
import type { Token } from '../contracts.ts'
import { joined } from '../streams.ts'
import { readJson } from './json.ts'

/** A complete answer. `json` is undefined where the body is none. */
export interface Answer {
  status: number
  headers: Headers
  bytes: Uint8Array<ArrayBuffer>
  text: string
  json: unknown
}

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Behind the API's base; or a whole address, which must be the provider's own. */
  path: string
  headers?: Record<string, string>
  /** An object is sent as JSON. */
  body?: object | Uint8Array<ArrayBuffer> | FormData
  /** Larger answers are refused; 32 MiB where absent. */
  maxBytes?: number
}

type Caller = { token: Token; fetch: typeof globalThis.fetch; signal: AbortSignal }

/** A provider's HTTP API: the only place where a key meets an address. */
export interface Api {
  /** Throws where the answer is not complete: nobody knows what happened, unless `wasNeverSent` says so. */
  request(call: Caller, request: ApiRequest): Promise<Answer>
  /** The same, with the body left open, for what streams. The caller reads or cancels it. */
  open(call: Caller, request: ApiRequest): Promise<Response>
  /** Whether a key may go there. */
  owns(url: string): boolean
  url(path: string): string
}

export interface ApiOptions {
  /** `https://api.example.com`, with or without the prefix. */
  base: string
  /** What every path begins with, as in `/v1`; not repeated where `base` ends with it already. */
  prefix?: string
  authorize: (token: Token) => Record<string, string>
  /** Further origins of the same provider, as in clusters; only over https, and on its usual port. */
  alsoOwns?: (url: URL) => boolean
}

const ANSWER_MAX_BYTES = 32 * 1024 * 1024

export function createApi({ base, prefix = '', authorize, alsoOwns }: ApiOptions): Api {
  const trimmed = base.replace(/\/+$/, '')
  const root = new URL(trimmed.endsWith(prefix) ? trimmed : trimmed + prefix)
  const rootText = root.href.replace(/\/+$/, '')
  const owns = (url: string): boolean => {
    const target = URL.parse(url)
    if (!target || target.username || target.password) return false
    if (target.origin === root.origin) return true
    return target.protocol === 'https:' && target.port === '' && alsoOwns?.(target) === true
  }
  const url = (path: string): string => {
    if (path.startsWith('/')) return rootText + path
    if (!owns(path)) throw new Error('A key was about to be sent to an address that is not the provider’s')
    return path
  }
  const open: Api['open'] = (call, { method = 'GET', path, headers = {}, body }) =>
    call.fetch(url(path), {
      method,
      headers: { accept: 'application/json', ...contentType(body), ...headers, ...authorize(call.token) },
      body: bodyOf(body),
      // A redirect could carry the key elsewhere.
      redirect: 'manual',
      signal: call.signal,
    })
  return {
    owns,
    url,
    open,
    request: async (call, request) => readAnswer(await open(call, request), request.maxBytes ?? ANSWER_MAX_BYTES),
  }
}

function bodyOf(body: ApiRequest['body']): BodyInit | null {
  if (body === undefined) return null
  return body instanceof Uint8Array || body instanceof FormData ? body : JSON.stringify(body)
}

function contentType(body: ApiRequest['body']): Record<string, string> {
  const isJson = body !== undefined && !(body instanceof Uint8Array) && !(body instanceof FormData)
  return isJson ? { 'content-type': 'application/json' } : {}
}

const decoder = new TextDecoder()

/** Reads a body to its end. Throws where it is cut, or larger than `maxBytes`. */
export async function readAnswer(response: Response, maxBytes: number): Promise<Answer> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  // A plain loop: iterating a stream costs several promises more for each chunk.
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    length += part.value.length
    if (length > maxBytes) {
      await reader?.cancel()
      throw new Error(`The answer is larger than ${maxBytes} bytes`)
    }
    chunks.push(part.value)
  }
  const promised = response.headers.get('content-encoding') ? null : response.headers.get('content-length')
  if (promised !== null && chunks.length > 0 && Number(promised) !== length) throw new Error('The answer was cut')
  const bytes = joined(chunks, length)
  const text = isText(response) ? decoder.decode(bytes) : ''
  return { status: response.status, headers: response.headers, bytes, text, json: jsonOf(text) }
}

/** A picture is not decoded as text. */
function isText(response: Response): boolean {
  return !/^(image|video|audio)\/|^application\/octet-stream/.test(response.headers.get('content-type') ?? '')
}

/** Looked at only where it may be some: a page of HTML is not worth an exception. */
function jsonOf(text: string): unknown {
  return /^\s*[[{"\dtfn-]/.test(text) ? readJson(text) : undefined
}

/** Codes of Node and undici that stand for a connection which never came about. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  // Only a handshake fails in these ways; other TLS errors may come in the middle of an answer.
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
])
/** System calls that come before the first byte. */
const BEFORE_SENDING = new Set<unknown>([undefined, 'connect', 'bind', 'getaddrinfo', 'queryA', 'queryAaaa'])

/**
 * Whether a request that failed surely never left: no connection, no name, no trust; or a transport that knows says so, by
 * `neverSent` on the error. Everything else is unknown, also a host that became unreachable while a connection to it was
 * open: Linux says so of the next read.
 */
export function wasNeverSent(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, syscall, neverSent } = cause as { code?: unknown; syscall?: unknown; neverSent?: unknown }
    if (neverSent === true) return true
    if (typeof code === 'string' && NEVER_SENT.has(code) && BEFORE_SENDING.has(syscall)) return true
    if (cause instanceof AggregateError) return cause.errors.length > 0 && cause.errors.every(wasNeverSent)
  }
  return false
}
