/** Files that were put with WaveSpeed before a submit: by a signed ticket, or the older form. */
import { randomUUID } from 'node:crypto'
import { numberAt, textAt } from '@safelight/core/adapter'
import type { Desk, Exchange } from '../../testing/kit/index.ts'
import { envelope, failure } from './envelope.ts'

const stored = new WeakMap<Desk, Map<string, { bytes: Uint8Array; contentType: string }>>()

function shelfOf(desk: Desk): Map<string, { bytes: Uint8Array; contentType: string }> {
  const shelf = stored.get(desk) ?? new Map()
  stored.set(desk, shelf)
  return shelf
}

/** A place to put a file, and where it will be afterwards. */
export function ticket({ json }: Exchange, desk: Desk): Response {
  const [filename, size] = [textAt(json, 'filename'), numberAt(json, 'size')]
  if (filename === undefined || size === undefined) return failure(400, 'filename and size are required')
  const path = `/uploads/${randomUUID()}/${encodeURIComponent(filename)}`
  const contentType = textAt(json, 'content_type') ?? 'application/octet-stream'
  return envelope({
    upload: {
      method: 'PUT',
      url: desk.url('uploads', `${path}?size=${size}&signature=${signatureOf(path)}`),
      headers: { 'Content-Type': contentType },
    },
    download_url: desk.url('uploads', path),
  })
}

/** The store behind the ticket: it takes what was signed, and no key. */
export function put(exchange: Exchange, desk: Desk): Response {
  const { path, query, headers, body } = exchange
  if (headers.has('authorization')) return new Response('Only one auth mechanism allowed', { status: 400 })
  if (query.get('signature') !== signatureOf(path)) return new Response('SignatureDoesNotMatch', { status: 403 })
  if (Number(query.get('size')) !== body.length) return new Response('Incorrect length', { status: 400 })
  shelfOf(desk).set(path, { bytes: body, contentType: headers.get('content-type') ?? 'application/octet-stream' })
  return new Response(null, { status: 200 })
}

export async function form(exchange: Exchange, desk: Desk): Promise<Response> {
  const contentType = exchange.headers.get('content-type') ?? ''
  if (!contentType.startsWith('multipart/form-data')) return failure(400, 'multipart form expected')
  const body = new Uint8Array(exchange.body)
  const file = (await new Response(body, { headers: { 'content-type': contentType } }).formData()).get('file')
  if (!(file instanceof File)) return failure(400, 'file is required')
  const path = `/uploads/${randomUUID()}/${encodeURIComponent(file.name)}`
  shelfOf(desk).set(path, { bytes: new Uint8Array(await file.arrayBuffer()), contentType: file.type })
  return envelope({
    type: file.type.split('/')[0],
    download_url: desk.url('uploads', path),
    filename: file.name,
    size: file.size,
  })
}

export function download({ path }: Exchange, desk: Desk): Response {
  const found = shelfOf(desk).get(path)
  if (!found) return new Response('Not found', { status: 404 })
  return new Response(new Uint8Array(found.bytes), { headers: { 'content-type': found.contentType } })
}

/** Whether every file a body names that should be here is here. */
export function hasAll(body: object, desk: Desk): boolean {
  const here = desk.url('uploads', '/uploads/')
  return Object.values(body)
    .flat()
    .filter((value): value is string => typeof value === 'string' && value.startsWith(here))
    .every(url => shelfOf(desk).has(new URL(url).pathname))
}

function signatureOf(path: string): string {
  return Buffer.from(path).toString('base64url').slice(-24)
}
