/** fal's storage for inputs (fal-js `storage.ts`): an address to write to, then the bytes, whole or in parts. */
import type { Desk, Exchange } from '../../testing/kit/index.ts'
import { answerOf, detail } from './answers.ts'

interface Stored {
  contentType: string
  bytes: Uint8Array
  isWhole: boolean
  parts: Map<number, Uint8Array>
}

// A simulator remembers nothing by itself: what was uploaded lives as long as the world that it was uploaded to.
const shelves = new WeakMap<Desk, Map<string, Stored>>()

function shelfOf(desk: Desk): Map<string, Stored> {
  const known = shelves.get(desk) ?? new Map<string, Stored>()
  shelves.set(desk, known)
  return known
}

/** Whether fal could read an input: it is inline, somebody else's, or was really uploaded. */
export function isKnownUpload(url: string, desk: Desk): boolean {
  const prefix = desk.url('media', '/files/uploads/')
  return !url.startsWith(prefix) || shelfOf(desk).get(url.slice(prefix.length))?.isWhole === true
}

/** What was uploaded, by its name. */
export function uploadOf(name: string, desk: Desk): Response {
  const stored = shelfOf(desk).get(name)
  if (!stored?.isWhole) return new Response('Not found', { status: 404 })
  return new Response(new Uint8Array(stored.bytes), { headers: { 'content-type': stored.contentType } })
}

/** `POST /storage/upload/initiate`, and `initiate-multipart` for more than 90 MB. */
export function initiate({ json }: Exchange, desk: Desk): Response {
  const { file_name: fileName, content_type: contentType } = (json ?? {}) as Record<string, unknown>
  if (typeof fileName !== 'string' || typeof contentType !== 'string') return detail(422, 'file_name and content_type')
  const shelf = shelfOf(desk)
  const name = `${shelf.size}-${fileName.replace(/[^\w.-]/g, '_')}`
  shelf.set(name, { contentType, bytes: new Uint8Array(), isWhole: false, parts: new Map() })
  const file = desk.url('media', `/files/uploads/${name}`)
  return answerOf({ status: 200, body: { file_url: file, upload_url: `${file}?signature=simulated` } })
}

/** The bytes, without a key: the address is the permission. */
export function receive({ path, method, headers, body, query }: Exchange, desk: Desk): Response {
  const [, name = '', step] = /^\/files\/uploads\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? []
  const stored = shelfOf(desk).get(name)
  if (!stored || query.get('signature') !== 'simulated') return detail(403, 'Forbidden')
  if (headers.has('authorization')) return detail(400, 'Only one of signature and authorization')
  if (method === 'POST' && step === 'complete') {
    stored.bytes = joined([...stored.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part))
    stored.isWhole = true
    return answerOf({ status: 200, body: {} })
  }
  if (method !== 'PUT') return detail(405, 'Method Not Allowed')
  if (step !== undefined) {
    stored.parts.set(Number(step), body)
    return answerOf({ status: 200, body: { partNumber: Number(step), etag: `"${step}"` } })
  }
  stored.bytes = body
  stored.isWhole = true
  return answerOf({ status: 200, body: {} })
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
