/** The gallery's rows over SQL functions. */
import type { MediaLibrary } from '@safelight/core'
import type { SqlArguments, SqlDriver } from './driver.ts'
import { isUuid, pageOf, placeInTime } from './pages.ts'
import { type MediaRow, toMediaRecord } from './rows.ts'

export function mediaLibrary(call: SqlDriver['call']): MediaLibrary {
  const recordOrNull = async (name: string, args: SqlArguments) => {
    const row = await call<MediaRow | null>(name, args)
    return row && toMediaRecord(row)
  }
  return {
    async add({ id, userId, kind, jobId, index, file, expiresAt }) {
      const { key, contentType, bytes, width, height, durationSeconds, hash } = file
      const row = await call<MediaRow>('add_media', {
        id,
        user_id: userId,
        kind,
        job_id: jobId,
        index,
        file: { key, contentType, bytes, width, height, durationSeconds, hash },
        expires_at: expiresAt,
      })
      return toMediaRecord(row)
    },
    find: async id => (isUuid(id) ? recordOrNull('find_media', { id }) : null),
    async ofJobs(jobIds) {
      const rows = await call<MediaRow[]>('list_media_of_jobs', { job_ids: jobIds.filter(isUuid) })
      return rows.map(toMediaRecord)
    },
    async list({ userId, kind, saved, starred, search, limit, cursor }) {
      const place = placeInTime(cursor)
      if (!isUuid(userId)) return { items: [], nextCursor: null }
      const filter = { user_id: userId, kind, saved, starred, search: search === '' ? null : search }
      const rows = await call<MediaRow[]>('list_media', { ...filter, limit: limit + 1, ...place })
      return pageOf(rows, limit, toMediaRecord, ({ created_at, id }) => [created_at, id])
    },
    change: async (id, userId, { saved, starred, deleted }) =>
      isUuid(id) && isUuid(userId)
        ? recordOrNull('change_media', { id, user_id: userId, saved, starred, deleted })
        : null,
  }
}
