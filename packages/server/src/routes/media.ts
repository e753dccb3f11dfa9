/** The gallery: what a user has, and what is to become of it. The bytes themselves are in `content.ts`. */
import { SafelightError, type MediaRecord, type Studio } from '@safelight/core'
import { createRoute, z } from '@hono/zod-openapi'
import { callerOf, signedIn } from '../auth/callers.ts'
import { jsonBody } from '../http/json-body.ts'
import type { Services } from '../services.ts'
import { mediaShape } from '../shapes/media.ts'
import { MediaSchema } from '../shapes/schemas.ts'
import { answer, bearer, bodyOf, idOf, idParam, newRoutes, pageOf, pageQuery, refusals } from './common.ts'

const RESTORE_MS = 7 * 86_400_000
const MEDIA_KINDS = ['image', 'edit', 'video', 'upload'] as const

export const MediaAnswer = z.object({ media: MediaSchema })
const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform(word => word === 'true')
  .optional()
  .openapi({ type: 'boolean' })
const ListQuery = z.object({
  kind: z.enum(MEDIA_KINDS, `must be one of ${MEDIA_KINDS.join(', ')}`).optional(),
  saved: flag,
  starred: flag,
  query: z
    .string()
    .max(200, 'must be at most 200 characters')
    .refine(text => !text.includes('\0') && text.isWellFormed(), 'must be well-formed text without NUL')
    .optional()
    .openapi({ description: 'Words of the prompt.' }),
  ...pageQuery,
})
const StarBody = bodyOf({ starred: z.boolean('must be true or false').default(true) })

export function mediaRoutes(services: Services) {
  const routes = newRoutes()
  addLooks(routes, services)
  addChanges(routes, services)
  addStars(routes, services)
  addDeletion(routes, services)
  return routes
}

type Routes = ReturnType<typeof newRoutes>

function addLooks(routes: Routes, services: Services): void {
  const { studio, cursors } = services
  const middleware = signedIn(services)
  const list = createRoute({
    method: 'get',
    path: '/api/media',
    summary: 'Your files, newest first',
    security: bearer,
    middleware,
    request: { query: ListQuery },
    responses: { 200: answer('One page.', pageOf(MediaSchema)), ...refusals },
  })
  const find = createRoute({
    method: 'get',
    path: '/api/media/{id}',
    summary: 'One file',
    security: bearer,
    middleware,
    request: { params: idParam },
    responses: { 200: answer('The file.', MediaAnswer), ...refusals },
  })
  routes.openapi(list, async c => {
    const { kind, saved, starred, query, limit, cursor } = c.req.valid('query')
    const owner = { userId: callerOf(c).id, list: 'media' } as const
    const { items, nextCursor } = await studio.database.library.list({
      userId: owner.userId,
      limit,
      ...(kind === undefined ? {} : { kind }),
      ...(saved === undefined ? {} : { saved }),
      ...(starred === undefined ? {} : { starred }),
      ...(query ? { search: query } : {}),
      ...(cursor === undefined ? {} : { cursor: await cursors.open(owner, cursor) }),
    })
    return c.json({ items: items.map(mediaShape), nextCursor: await cursors.seal(owner, nextCursor) }, 200)
  })
  routes.openapi(find, async c => {
    const record = await ownMedia(studio, callerOf(c).id, idOf(c.req.valid('param'), 'file'))
    return c.json({ media: mediaShape(record) }, 200)
  })
}

function addChanges(routes: Routes, services: Services): void {
  const { studio } = services
  const middleware = signedIn(services)
  const save = createRoute({
    method: 'post',
    path: '/api/media/{id}/save',
    summary: 'Keep a file for good',
    security: bearer,
    middleware,
    request: { params: idParam },
    responses: { 200: answer('The file.', MediaAnswer), ...refusals },
  })
  const restore = createRoute({
    method: 'post',
    path: '/api/media/{id}/restore',
    summary: 'Take a deletion back, for seven days',
    security: bearer,
    middleware,
    request: { params: idParam },
    responses: { 200: answer('The file.', MediaAnswer), ...refusals },
  })
  routes.openapi(save, async c => {
    const { id, archivedAt } = await ownMedia(studio, callerOf(c).id, idOf(c.req.valid('param'), 'file'))
    if (archivedAt !== null) throw gone()
    return c.json({ media: await change(studio, callerOf(c).id, id, { saved: true }) }, 200)
  })
  routes.openapi(restore, async c => {
    const userId = callerOf(c).id
    const { id, deletedAt } = await ownMedia(studio, userId, idOf(c.req.valid('param'), 'file'), { deleted: true })
    if (deletedAt !== null && deletedAt < Date.now() - RESTORE_MS) throw gone()
    return c.json({ media: await change(studio, userId, id, { deleted: false }) }, 200)
  })
}

function addStars(routes: Routes, services: Services): void {
  const { studio, limits } = services
  const star = createRoute({
    method: 'put',
    path: '/api/media/{id}/star',
    summary: 'Star a file, or with {"starred": false} take the star away',
    security: bearer,
    middleware: [signedIn(services), jsonBody({ maxBytes: limits.jsonMaxBytes, optional: true })],
    request: { params: idParam, body: { content: { 'application/json': { schema: StarBody } } } },
    responses: { 200: answer('The file.', MediaAnswer), ...refusals },
  })
  routes.openapi(star, async c => {
    const { id } = await ownMedia(studio, callerOf(c).id, idOf(c.req.valid('param'), 'file'))
    const { starred } = c.req.valid('json')
    return c.json({ media: await change(studio, callerOf(c).id, id, { starred }) }, 200)
  })
}

function addDeletion(routes: Routes, services: Services): void {
  const { studio } = services
  const remove = createRoute({
    method: 'delete',
    path: '/api/media/{id}',
    summary: 'Delete a file; it can be restored for seven days',
    security: bearer,
    middleware: signedIn(services),
    request: { params: idParam },
    responses: { 204: { description: 'It is deleted, or was.' }, ...refusals },
  })
  routes.openapi(remove, async c => {
    const userId = callerOf(c).id
    const { id } = await ownMedia(studio, userId, idOf(c.req.valid('param'), 'file'), { deleted: true })
    await change(studio, userId, id, { deleted: true })
    return c.body(null, 204)
  })
}

type Change = { saved?: boolean; starred?: boolean; deleted?: boolean }

async function change(studio: Studio, userId: string, id: string, wanted: Change) {
  const record = await studio.database.library.change(id, userId, wanted)
  if (!record) throw noSuchFile()
  return mediaShape(record)
}

/** Somebody else's file does not exist, and neither does a deleted one unless `deleted` asks for those too. */
export async function ownMedia(
  studio: Studio,
  userId: string,
  id: string,
  also: { deleted?: boolean } = {},
): Promise<MediaRecord> {
  const record = await studio.database.library.find(id)
  if (record?.userId !== userId || (record.deletedAt !== null && !also.deleted)) throw noSuchFile()
  return record
}

function noSuchFile(): SafelightError {
  return new SafelightError('not_found', 'There is no such file.')
}

export function gone(): SafelightError {
  return new SafelightError('gone', 'This file was not saved in time, and its bytes are no longer kept.')
}
