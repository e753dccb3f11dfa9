/** The built page from a directory: nothing outside it, nothing hidden, and only what it was built with may run. */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import type { Context } from 'hono'
import { namesTag } from '../http/ranges.ts'
import type { PageHandler } from '../options.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
}

/** Styles may be set by scripts (React does) but not written inline; no other origin is ever asked for anything. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Serves files of `directory`, and its `index.html` for every other address that a browser navigates to. */
export function pageFrom(directory: string): PageHandler {
  return async c => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return null
    const segments = segmentsOf(c.req.path)
    if (!segments) return null
    const file = segments.length > 0 ? await findFile(directory, segments) : null
    if (file) return send(c, file, segments[0] === 'assets')
    const index = isView(c, segments) ? await findFile(directory, ['index.html']) : null
    return index && send(c, index, false)
  }
}

/** Null for a path that no file of a page has: hidden names, ways up, and names no URL needs. */
function segmentsOf(path: string): string[] | null {
  try {
    const segments = decodeURIComponent(path).split('/').filter(Boolean)
    return segments.every(segment => /^[\w@~+-][\w@~+. -]*$/.test(segment)) ? segments : null
  } catch {
    // Not decodable, so nothing we made.
    return null
  }
}

interface FoundFile {
  path: string
  bytes: number
  tag: string
}

async function findFile(directory: string, segments: readonly string[]): Promise<FoundFile | null> {
  try {
    const root = await realpath(directory)
    const path = await realpath(join(root, ...segments))
    const found = await stat(path)
    // A link may lead anywhere.
    if (!path.startsWith(root + sep) || !found.isFile()) return null
    const tag = `"${found.size.toString(36)}-${Math.trunc(found.mtimeMs).toString(36)}"`
    return { path, bytes: found.size, tag }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null
    throw error
  }
}

/** The page decides what its addresses mean, but only for people: a program gets an honest 404. */
function isView(c: Context, segments: readonly string[]): boolean {
  if (segments.length === 0) return true
  const asksForHtml = c.req.header('Accept')?.includes('text/html') === true
  return asksForHtml && !segments.at(-1)!.includes('.')
}

function send(c: Context, { path, bytes, tag }: FoundFile, isHashed: boolean): Response {
  const type = TYPES[extname(path)] ?? 'application/octet-stream'
  const headers = {
    'Content-Type': type,
    'Content-Security-Policy': PAGE_POLICY,
    // The names of assets are hashes of what is in them.
    'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: tag,
  }
  if (namesTag(c.req.header('If-None-Match'), tag)) return c.body(null, 304, headers)
  const sized = { ...headers, 'Content-Length': String(bytes) }
  if (c.req.method === 'HEAD') return c.body(null, 200, sized)
  return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>, 200, sized)
}
