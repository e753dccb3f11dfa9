/** What was passed to `fetch`, as one request to put on a wire. */

export interface Outgoing {
  url: URL
  method: string
  headers: Record<string, string>
  body: OutgoingBody
  redirect: RequestRedirect
  signal: AbortSignal | null
}
export type OutgoingBody = string | Uint8Array | Blob | ReadableStream<Uint8Array> | null

/** Reads the arguments of `fetch`. Throws `TypeError` where they are no HTTP request, as `fetch` does. */
export async function outgoing(input: RequestInfo | URL, init: RequestInit = {}): Promise<Outgoing> {
  const asked = input instanceof Request ? input : null
  const url = new URL(input instanceof Request ? input.url : input)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`${url.protocol} is not HTTP`)
  const method = (init.method ?? asked?.method ?? 'GET').toUpperCase()
  const headers = plainHeaders(init.headers ?? asked?.headers)
  const body = await plainBody(init.body ?? asked?.body ?? null, headers)
  if (body !== null && (method === 'GET' || method === 'HEAD')) throw new TypeError(`${method} takes no body`)
  headers['accept'] ??= '*/*'
  headers['user-agent'] ??= 'safelight'
  // What is not packed cannot unfold, and needs no unpacking.
  headers['accept-encoding'] ??= 'identity'
  const redirect = init.redirect ?? asked?.redirect ?? 'follow'
  return { url, method, headers, body, redirect, signal: init.signal ?? asked?.signal ?? null }
}

function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  const plain: Record<string, string> = {}
  if (!headers) return plain
  const entries = headers instanceof Headers || Array.isArray(headers) ? headers : Object.entries(headers)
  for (const [name, value] of entries as Iterable<[string, string]>) plain[name.toLowerCase()] = value
  return plain
}

/** A form is encoded here: its length is known then, and servers that refuse chunked bodies take it. */
async function plainBody(body: RequestInit['body'], headers: Record<string, string>): Promise<OutgoingBody> {
  if (body === null || body === undefined) return null
  if (typeof body === 'string') {
    headers['content-type'] ??= 'text/plain;charset=UTF-8'
    return body
  }
  if (body instanceof FormData || body instanceof URLSearchParams) {
    const encoded = new Response(body)
    headers['content-type'] ??= encoded.headers.get('content-type') ?? ''
    return encoded.bytes()
  }
  if (body instanceof Blob) {
    if (body.type) headers['content-type'] ??= body.type
    return body
  }
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return body as ReadableStream<Uint8Array>
}
