/** The gallery's rows. Nothing is ever removed from the table; what is deleted says so. */
import type { MediaLibrary, MediaRecord } from '../contracts.ts'
import { type Clock, type Direct, page } from './direct.ts'

/** `promptOf`: what a search looks through. */
export function memoryLibrary(now: Clock, promptOf: (jobId: string) => string): Direct<MediaLibrary> {
  const records = new Map<string, MediaRecord>()
  const places = new Map<string, string>()

  return {
    add({ file, ...record }) {
      const place = record.jobId === null ? record.id : `${record.jobId}/${record.index}`
      const first = records.get(record.id) ?? records.get(places.get(place) ?? '')
      if (first) return first
      const fresh = { placeholder: null, saved: false, starred: false, archivedAt: null, deletedAt: null }
      const added = { ...record, ...file, ...fresh, createdAt: now() }
      records.set(record.id, added)
      places.set(place, record.id)
      return added
    },
    find: id => records.get(id) ?? null,
    ofJobs: jobIds =>
      [...records.values()]
        .filter(({ jobId, deletedAt }) => jobId !== null && jobIds.includes(jobId) && deletedAt === null)
        .toSorted((a, b) => a.index - b.index),
    list({ userId, kind, saved, starred, search = '', ...query }) {
      const words = search.toLowerCase()
      return page(
        records.values(),
        query,
        record =>
          record.userId === userId &&
          record.deletedAt === null &&
          (kind === undefined || record.kind === kind) &&
          (saved === undefined || record.saved === saved) &&
          (starred === undefined || record.starred === starred) &&
          (words === '' || (record.jobId !== null && promptOf(record.jobId).toLowerCase().includes(words))),
      )
    },
    change(id, userId, { saved, starred, deleted }) {
      const record = records.get(id)
      if (record?.userId !== userId) return null
      const changed = {
        ...record,
        saved: saved ?? record.saved,
        starred: starred ?? record.starred,
        expiresAt: saved ? null : record.expiresAt,
        deletedAt: deleted === undefined ? record.deletedAt : deleted ? (record.deletedAt ?? now()) : null,
      }
      records.set(id, changed)
      return changed
    },
  }
}
