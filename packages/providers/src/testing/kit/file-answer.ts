/** A GET of a made file: whole or a range, good or in one of the ways in which files are bad. */
import { createHash } from 'node:crypto'
import type { Exchange, OutputPlan } from './simulator.ts'

interface Wanted {
  outputKind: NonNullable<OutputPlan['kinds']>[number]
  bytes: Buffer
  contentType: string
  totalBytes: number | undefined
  isClip: boolean
}

const PAGE = '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>'

export function fileAnswer(
  exchange: Exchange,
  { outputKind, bytes, contentType, totalBytes, isClip }: Wanted,
): Response {
  switch (outputKind) {
    case 'missing':
      return new Response('Not found', { status: 404 })
    case 'expired':
      return new Response('<Error><Code>AccessDenied</Code></Error>', { status: 403 })
    case 'html':
      return new Response(PAGE, { headers: { 'content-type': 'text/html' } })
    case 'empty':
      return whole(exchange, '', contentType, 0, () => Buffer.alloc(0))
    case 'broken': {
      const noise = Buffer.alloc(200, 'not a picture ')
      return whole(exchange, 'broken', contentType, noise.length, (start, end) => noise.subarray(start, end))
    }
    case 'truncated': {
      const half = bytes.subarray(0, Math.ceil(bytes.length / 2))
      return new Response(cutStream(half), {
        headers: { 'content-type': contentType, 'content-length': String(bytes.length) },
      })
    }
    case 'good':
    case 'flagged': {
      const read = padded(bytes, totalBytes ?? bytes.length, isClip)
      const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
      return whole(exchange, tag, contentType, totalBytes ?? bytes.length, read)
    }
  }
}

/** Reads from start to end (exclusive) of a file that is padded to `total`: a clip by a box that players skip. */
function padded(bytes: Buffer, total: number, isClip: boolean): (start: number, end: number) => Buffer {
  const head = Buffer.from(bytes)
  const padding = total - head.length
  const boxed = isClip && padding >= 8 ? Buffer.concat([head, freeBox(padding)]) : head
  return (start, end) => {
    const part = Buffer.alloc(end - start)
    boxed.copy(part, 0, Math.min(start, boxed.length), Math.min(end, boxed.length))
    return part
  }
}

function freeBox(bytes: number): Buffer {
  const box = Buffer.alloc(8, 'free')
  box.writeUInt32BE(bytes, 0)
  box.write('free', 4, 'latin1')
  return box
}

const PIECE_BYTES = 256 * 1024

function whole(
  exchange: Exchange,
  tag: string,
  contentType: string,
  total: number,
  read: (start: number, end: number) => Buffer,
): Response {
  const headers = { 'content-type': contentType, 'accept-ranges': 'bytes', etag: `"${tag}"` }
  const asked = /^bytes=(\d+)-(\d*)$/.exec(exchange.headers.get('range') ?? '')
  const sameFile = (exchange.headers.get('if-range') ?? `"${tag}"`) === `"${tag}"`
  const start = asked && sameFile ? Number(asked[1]) : 0
  const end = asked && sameFile && asked[2] ? Math.min(Number(asked[2]) + 1, total) : total
  if (start >= total && total > 0)
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${total}` } })
  const isPart = asked !== null && sameFile
  return new Response(streamed(start, end, read), {
    status: isPart ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(end - start),
      ...(isPart ? { 'content-range': `bytes ${start}-${end - 1}/${total}` } : {}),
    },
  })
}

function streamed(from: number, end: number, read: (start: number, end: number) => Buffer): ReadableStream<Uint8Array> {
  let start = from
  return new ReadableStream({
    pull(controller) {
      if (start >= end) return controller.close()
      const stop = Math.min(end, start + PIECE_BYTES)
      controller.enqueue(new Uint8Array(read(start, stop)))
      start = stop
    },
  })
}

/** Breaks off in the middle, as a line that is cut does. */
export function cutStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let isSent = false
  return new ReadableStream({
    pull(controller) {
      if (isSent) return controller.error(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }))
      isSent = true
      controller.enqueue(new Uint8Array(bytes))
    },
  })
}
