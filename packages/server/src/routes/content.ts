/** The bytes of a file. What they are was found by looking at them; no browser gets to guess again, or to run them. */
import { SafelightError, type MediaRecord } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { callerOf, signedIn } from '../auth/callers.ts'
import type { AppEnv } from '../context.ts'
import { problem } from '../http/problems.ts'
import { namesTag, parseRange } from '../http/ranges.ts'
import type { Services } from '../services.ts'
import { bearer, idOf, idParam, newRoutes, refusals } from './common.ts'
import { gone, ownMedia } from './media.ts'

/** Everything that is served, and how it is called on somebody's disk. */
const EXTENSIONS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
}

export function contentRoutes(services: Services) {
  const { studio } = services
  const content = createRoute({
    method: 'get',
    path: '/api/media/{id}/content',
    summary: 'The bytes, whole or in ranges',
    security: bearer,
    middleware: signedIn(services),
    request: {
      params: idParam,
      query: z.object({
        download: z.literal('1', 'must be 1').optional().openapi({ description: 'As an attachment.' }),
      }),
    },
    responses: {
      200: { description: 'All of it.' },
      206: { description: 'The range asked for.' },
      304: { description: 'You have it.' },
      ...refusals,
    },
  })
  return newRoutes().openapi(content, async c => {
    const record = await ownMedia(studio, callerOf(c).id, idOf(c.req.valid('param'), 'file'))
    if (record.archivedAt !== null) throw gone()
    const headers = headersOf(record, c.req.valid('query').download === '1')
    if (namesTag(c.req.header('If-None-Match'), headers.ETag)) return c.body(null, 304, headers)
    return send(c, services, record, headers)
  })
}

type ContentHeaders = ReturnType<typeof headersOf>

function headersOf({ id, contentType, hash, kind }: MediaRecord, asAttachment: boolean) {
  const extension = EXTENSIONS[contentType]
  const disposition = asAttachment || extension === undefined ? 'attachment' : 'inline'
  return {
    'Content-Type': extension === undefined ? 'application/octet-stream' : contentType,
    'Content-Disposition': `${disposition}; filename="${kind}-${id.slice(-12)}.${extension ?? 'bin'}"`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    // Asked again each time, which costs a 304: whoever signs out or deletes is done with it.
    'Cache-Control': 'private, no-cache',
    Vary: 'Authorization, Cookie',
    'Accept-Ranges': 'bytes',
    ETag: `"${hash}"`,
  }
}

async function send(c: Context<AppEnv>, services: Services, record: MediaRecord, headers: ContentHeaders) {
  const { bytes } = record
  const stillCurrent = [undefined, headers.ETag].includes(c.req.header('If-Range'))
  const range = stillCurrent ? parseRange(c.req.header('Range'), bytes) : undefined
  if (range === null) {
    c.header('Content-Range', `bytes */${bytes}`)
    return problem(c, new SafelightError('invalid_input', `The file has ${bytes} bytes; the range lies outside.`), 416)
  }
  const length = range ? range.end - range.start + 1 : bytes
  const status = range ? 206 : 200
  const sent = { ...headers, 'Content-Length': String(length) }
  const all = range ? { ...sent, 'Content-Range': `bytes ${range.start}-${range.end}/${bytes}` } : sent
  if (c.req.method === 'HEAD') return c.body(null, status, all)
  return c.body(await openFile(services, record, range), status, all)
}

async function openFile({ studio, log }: Services, { id, key }: MediaRecord, range?: { start: number; end: number }) {
  try {
    return await studio.media.open(key, range)
  } catch (error) {
    if (!SafelightError.is(error, 'not_found')) throw error
    log('error', 'the bytes of a file are missing', { media: id })
    throw gone()
  }
}
